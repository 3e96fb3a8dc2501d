"""What the demo trader sends to the simulated T-Invest."""

from decimal import Decimal
from random import Random

from producers.gateways.orders import NewOrder
from producers.gateways.stop_orders import NewStopOrder
from sandbox.simulators.tinvest.instruments import INSTRUMENTS, Instrument
from schemas.fix import OrdStatus, OrdType, Side, TimeInForce

__all__ = ["SETTINGS", "STATES", "random_order", "random_stop_order", "random_terms"]

# A stream that speaks often is soon missed.
SETTINGS = {"DROPCOPY_TINVEST_PING_DELAY_MS": "1000"}
NANO = Decimal(10) ** -9
TIMES = (None, TimeInForce.DAY, TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL)
# OrderExecutionReportStatus and StopOrderStatusOption. While an order is new the exchange's number may or may
# not be known; the venue calls an order cancelled that was never placed for lack of money.
_LIVES = frozenset({OrdStatus.NEW, OrdStatus.PENDING_NEW})
STATES = {
    "EXECUTION_REPORT_STATUS_NEW": _LIVES,
    "EXECUTION_REPORT_STATUS_PARTIALLYFILL": frozenset({OrdStatus.PARTIALLY_FILLED}),
    "EXECUTION_REPORT_STATUS_FILL": frozenset({OrdStatus.FILLED}),
    "EXECUTION_REPORT_STATUS_CANCELLED": frozenset({OrdStatus.CANCELED, OrdStatus.REJECTED}),
    "EXECUTION_REPORT_STATUS_REJECTED": frozenset({OrdStatus.REJECTED}),
    "STOP_ORDER_STATUS_ACTIVE": _LIVES,
    "STOP_ORDER_STATUS_EXECUTED": frozenset({OrdStatus.TRIGGERED}),
    "STOP_ORDER_STATUS_CANCELED": frozenset({OrdStatus.CANCELED}),
    "STOP_ORDER_STATUS_EXPIRED": frozenset({OrdStatus.EXPIRED}),
}


def random_order(account: str, random: Random) -> NewOrder:
    """Return an order such as a strategy might send: mostly limit orders near the market."""
    instrument = random.choice(INSTRUMENTS)
    ord_type = random.choices((OrdType.LIMIT, OrdType.MARKET, OrdType.BEST_PRICE), (80, 15, 5))[0]
    is_limit = ord_type is OrdType.LIMIT
    price = _price(instrument, random, 50) if is_limit else None
    return NewOrder(
        account=account,
        instrument=random.choice((instrument.figi, instrument.uid)),
        side=random.choice((Side.BUY, Side.SELL)),
        ord_type=ord_type,
        quantity=Decimal(random.randint(1, 20)),
        price=price,
        time_in_force=random.choices(TIMES, (60, 25, 10, 5))[0] if is_limit else None,
    )


def random_terms(order: NewOrder, random: Random) -> tuple[Decimal, Decimal]:
    """Return another quantity and price for a limit order."""
    instrument = next(known for known in INSTRUMENTS if order.instrument in (known.figi, known.uid))
    return Decimal(random.randint(1, 20)), _price(instrument, random, 50)


def random_stop_order(account: str, random: Random) -> NewStopOrder:
    """Return a stop order near the market, such as one that protects a position."""
    instrument = random.choice(INSTRUMENTS)
    ord_type = random.choice((OrdType.STOP, OrdType.STOP_LIMIT, OrdType.TAKE_PROFIT))
    return NewStopOrder(
        account=account,
        instrument=instrument.figi,
        side=random.choice((Side.BUY, Side.SELL)),
        ord_type=ord_type,
        quantity=Decimal(random.randint(1, 5)),
        stop_price=_price(instrument, random, 200),
        price=_price(instrument, random, 200) if ord_type is OrdType.STOP_LIMIT else None,
    )


def _price(instrument: Instrument, random: Random, steps: int) -> Decimal:
    return (instrument.price_nano + random.randint(-steps, steps) * instrument.step_nano) * NANO
