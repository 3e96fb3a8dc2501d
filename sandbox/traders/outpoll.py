"""What the demo trader sends to the simulated Outpoll."""

from decimal import Decimal
from random import Random

from producers.gateways.orders import NewOrder
from producers.gateways.stop_orders import NewStopOrder
from sandbox.simulators.outpoll.instruments import INSTRUMENTS, Instrument
from schemas.fix import OrdStatus, OrdType, Side

__all__ = ["SETTINGS", "STATES", "random_order", "random_stop_order"]

# The simulated venue has no limits.
SETTINGS = {"DROPCOPY_OUTPOLL_CALLS_PER_S": "1000"}
CENT = Decimal("0.01")
# Of orders and of take-profit / stop-loss orders. One that is filled in part is active still.
STATES = {
    "ACTIVE": frozenset({OrdStatus.NEW, OrdStatus.PENDING_NEW, OrdStatus.PARTIALLY_FILLED}),
    "FILLED": frozenset({OrdStatus.FILLED}),
    "CANCELED": frozenset({OrdStatus.CANCELED}),
    "REJECTED": frozenset({OrdStatus.REJECTED}),
    "TRIGGERED": frozenset({OrdStatus.TRIGGERED}),
}


def random_order(account: str, random: Random) -> NewOrder:
    """Return an order such as a strategy might send: mostly limit orders near the market."""
    instrument = random.choice(INSTRUMENTS)
    side = random.choice((Side.BUY, Side.SELL))
    ord_type = random.choices((OrdType.LIMIT, OrdType.MARKET), (85, 15))[0]
    # A market order to buy is for an amount of money.
    is_cash = ord_type is OrdType.MARKET and side is Side.BUY
    return NewOrder(
        account=account,
        instrument=instrument.asset,
        event=instrument.event,
        outcome=instrument.outcome,
        side=side,
        ord_type=ord_type,
        quantity=None if is_cash else Decimal(random.randint(1, 50)),
        cash_order_qty=Decimal(random.randint(5, 50)) if is_cash else None,
        price=_price(instrument, random, 5) if ord_type is OrdType.LIMIT else None,
    )


def random_stop_order(account: str, random: Random) -> NewStopOrder:
    """Return a take-profit / stop-loss order, of one bound or both."""
    instrument = random.choice(INSTRUMENTS)
    ord_type = random.choice((OrdType.STOP, OrdType.TAKE_PROFIT, OrdType.TAKE_PROFIT_STOP_LOSS))
    away = random.randint(5, 20) * CENT
    below, above = max(CENT, instrument.price - away), min(1 - CENT, instrument.price + away)
    return NewStopOrder(
        account=account,
        instrument=instrument.asset,
        event=instrument.event,
        outcome=instrument.outcome,
        side=Side.SELL,
        ord_type=ord_type,
        quantity=Decimal(random.randint(1, 10)),
        stop_price=above if ord_type is OrdType.TAKE_PROFIT else below,
        take_profit_price=above if ord_type is OrdType.TAKE_PROFIT_STOP_LOSS else None,
    )


def _price(instrument: Instrument, random: Random, cents: int) -> Decimal:
    return instrument.price + random.randint(-cents, cents) * CENT
