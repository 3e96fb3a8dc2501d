"""What will become of an order, drawn when it is submitted: pure but for the random sources given.

Delays are those of speed 1: the venue takes an order within some tens of milliseconds, and a limit
order lives for about two seconds.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import StrEnum
from random import Random

from sandbox.simulators.fates import MEAN_LIFE_NS, MS, split
from sandbox.simulators.outpoll.orders import NOTHING, Accept, Ask, Cancel, Fill, Reject, Step

__all__ = ["CENT_SHARE", "FATES", "MOST_PRICE", "TICK", "Fate", "plan"]

# Prices go from 0.01 to 0.99 (Outpoll, Place Limit Order); that they go in steps of 0.01 is chosen.
TICK, MOST_PRICE = Decimal("0.01"), Decimal("0.99")
SHARE, CENT_SHARE = Decimal(1), Decimal("0.01")


class Fate(StrEnum):
    """How an order ends. PARTIAL_CANCEL is a cancel after a partial fill."""

    FILL = "FILL"
    PARTIAL_CANCEL = "PARTIAL_CANCEL"
    CANCEL = "CANCEL"
    REJECT = "REJECT"
    REST = "REST"


# REST (it lies in the book until somebody cancels it) happens only to who asks for it.
FATES: Mapping[Fate, int] = {Fate.FILL: 72, Fate.PARTIAL_CANCEL: 10, Fate.CANCEL: 12, Fate.REJECT: 6, Fate.REST: 0}


def plan(
    ask: Ask, quantity: Decimal, fate: Fate, random: Random, market_price: Decimal, new_id: Callable[[], str]
) -> list[tuple[int, Step]]:
    """Return the steps of an order's life, each with its delay in nanoseconds after the submission.

    A market order trades at once, at `market_price` or better, whatever else its fate would be but a refusal.
    """
    at_once = ask.order_type == "MARKET"
    if at_once and fate is not Fate.REJECT:
        fate = Fate.FILL
    moment_ns = random.randint(20 * MS, 80 * MS)
    if fate is Fate.REJECT:
        return [(moment_ns, Reject())]
    steps: list[tuple[int, Step]] = [(moment_ns, Accept())]
    fills = _fills(ask, quantity, fate, random, market_price, new_id)
    # Half a fill's time on average before each, so that a life of two fills has the mean length.
    for fill in fills:
        if not at_once:
            moment_ns += round(random.expovariate(1) * MEAN_LIFE_NS / max(2, len(fills)))
        steps.append((moment_ns, fill))
    if fate in (Fate.CANCEL, Fate.PARTIAL_CANCEL):
        moment_ns += round(random.expovariate(1) * MEAN_LIFE_NS / 2)
        steps.append((moment_ns, Cancel()))
    return steps


def _fills(
    ask: Ask, quantity: Decimal, fate: Fate, random: Random, market_price: Decimal, new_id: Callable[[], str]
) -> list[Fill]:
    if fate in (Fate.CANCEL, Fate.REST):
        return []
    parts = _split(quantity, 1 if ask.order_type == "MARKET" else random.randint(1, 4), random)
    if fate is Fate.PARTIAL_CANCEL:
        # All but the last part; what can't be split is not filled at all.
        parts = _split(quantity, random.randint(2, 4), random)[:-1]
    limit = market_price if ask.price is None else ask.price
    # A fill is mostly one trade, now and then several at different prices.
    return [
        Fill(
            tuple(
                (new_id(), size, _price(ask.side, limit, random))
                for size in _split(part, random.choice((1, 1, 3)), random)
            )
        )
        for part in parts
    ]


def _split(quantity: Decimal, parts: int, random: Random) -> list[Decimal]:
    """Return parts that add up to a quantity: whole shares where it is whole, else hundredths and a rest."""
    unit = SHARE if quantity == quantity.to_integral_value() else CENT_SHARE
    units = int(quantity / unit)
    sizes = [unit * size for size in split(units, parts, random)] if units else [NOTHING]
    sizes[-1] += quantity - unit * units
    return sizes


def _price(side: str, limit: Decimal, random: Random) -> Decimal:
    # Never worse than the limit: a buyer pays at most it, a seller gets at least it.
    better = TICK * random.choice((0, 0, 1, 2))
    return max(TICK, limit - better) if side == "BUY" else min(MOST_PRICE, limit + better)
