"""What the demo trader sends to the simulated Ripio."""

from decimal import Decimal
from random import Random

from producers.gateways.orders import NewOrder
from sandbox.simulators.ripio.pairs import PAIRS, Pair, find_pair
from schemas.fix import OrdStatus, OrdType, Side, TimeInForce

__all__ = ["STATES", "random_order", "random_terms"]

# By how many steps of its price an order may be away from the market.
STEPS = 50
TIMES = (None, TimeInForce.GOOD_TILL_CANCEL, TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL)
_LIVES = frozenset({OrdStatus.NEW, OrdStatus.PENDING_NEW})
STATES = {
    "open": _LIVES,
    "waiting": _LIVES,
    "executed_partially": frozenset({OrdStatus.PARTIALLY_FILLED}),
    "executed_completely": frozenset({OrdStatus.FILLED}),
    "canceled": frozenset({OrdStatus.CANCELED}),
}


def random_order(account: str, random: Random) -> NewOrder:
    """Return an order such as a strategy might send: mostly limit orders near the market."""
    pair = random.choice(PAIRS)
    ord_type = random.choices((OrdType.LIMIT, OrdType.MARKET, OrdType.STOP_LIMIT, OrdType.ICEBERG), (80, 12, 5, 3))[0]
    price = _price(pair, random)
    quantity = _quantity(pair, random)
    return NewOrder(
        account=account,
        instrument=pair.code,
        side=random.choice((Side.BUY, Side.SELL)),
        ord_type=ord_type,
        quantity=quantity,
        price=None if ord_type is OrdType.MARKET else price,
        stop_price=price if ord_type is OrdType.STOP_LIMIT else None,
        display_qty=quantity / 2 if ord_type is OrdType.ICEBERG else None,
        time_in_force=random.choices(TIMES, (60, 25, 10, 5))[0] if ord_type is OrdType.LIMIT else None,
    )


def random_terms(order: NewOrder, random: Random) -> tuple[Decimal, Decimal]:
    """Return another quantity and price for a limit order."""
    pair = find_pair(order.instrument) or PAIRS[0]
    return _quantity(pair, random), _price(pair, random)


def _quantity(pair: Pair, random: Random) -> Decimal:
    # Even, so that it has halves; by its value worth an order.
    least = max(pair.min_amount, 2 * pair.min_value / pair.price)
    steps = int(least / pair.min_amount) + 1
    return 2 * pair.min_amount * random.randint(steps, 20 * steps)


def _price(pair: Pair, random: Random) -> Decimal:
    return pair.price + random.randint(-STEPS, STEPS) * pair.price_tick
