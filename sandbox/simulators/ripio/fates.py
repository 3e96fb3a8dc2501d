"""What will become of an order, drawn when it is submitted: pure but for the random source given.

Delays are those of speed 1: an order that trades at once does so after some tens of milliseconds, and
one in the book lives for about two seconds.
"""

from collections.abc import Mapping
from decimal import ROUND_DOWN, Decimal
from enum import StrEnum
from random import Random

from sandbox.simulators.fates import MEAN_LIFE_NS, MS, split
from sandbox.simulators.ripio.orders import Ask, Cancel, Fill, Place, Receive, Step, Trigger

__all__ = ["FATES", "Fate", "plan"]


Planned = list[tuple[int, Step]]


class Fate(StrEnum):
    """How an order ends: PARTIAL_CANCEL is canceled after a fill, REJECT never comes to be."""

    FILL = "FILL"
    PARTIAL_CANCEL = "PARTIAL_CANCEL"
    CANCEL = "CANCEL"
    REJECT = "REJECT"
    REST = "REST"


# REST (it lies in the book until somebody cancels it) happens only to who asks for it.
FATES: Mapping[Fate, int] = {Fate.FILL: 72, Fate.PARTIAL_CANCEL: 10, Fate.CANCEL: 12, Fate.REJECT: 6, Fate.REST: 0}

# A fate that an order of this kind can't have, and what it has instead.
_INSTEAD: Mapping[str, Mapping[Fate, Fate]] = {
    "at the market": {Fate.PARTIAL_CANCEL: Fate.FILL, Fate.CANCEL: Fate.FILL, Fate.REST: Fate.FILL},
    "immediate": {Fate.REST: Fate.CANCEL},
    "all or nothing": {Fate.PARTIAL_CANCEL: Fate.CANCEL, Fate.REST: Fate.CANCEL},
    "by value": {Fate.PARTIAL_CANCEL: Fate.FILL, Fate.CANCEL: Fate.FILL, Fate.REST: Fate.FILL},
    "waiting": {},
    "in the book": {},
}


def _kind(ask: Ask) -> str:
    if ask.waits:
        return "waiting"
    if ask.amount is None:
        return "by value"
    if ask.fill_or_kill:
        return "all or nothing"
    if ask.immediate_or_cancel:
        return "immediate"
    return "in the book" if ask.price is not None else "at the market"


def plan(ask: Ask, fate: Fate, random: Random, market: Decimal, *, observed: bool = False) -> Planned:
    """Return the steps of an order's life, each with its delay in nanoseconds after the submission.

    An order without a limit trades around `market`. `observed` is a venue that first says that the
    creation is pending.
    """
    fate = _INSTEAD[_kind(ask)].get(fate, fate)
    moment_ns = random.randint(20 * MS, 80 * MS)
    steps: Planned = [(0, Receive()), (moment_ns // 2, Place())] if observed else [(0, Place())]
    if ask.waits and fate in (Fate.FILL, Fate.PARTIAL_CANCEL):
        moment_ns += _a_while(random, 2)
        steps.append((moment_ns, Trigger()))
    fills = _fills(ask, fate, random, market) if fate in (Fate.FILL, Fate.PARTIAL_CANCEL) else []
    for place, fill in enumerate(fills):
        if not (ask.at_once or fill.is_taker):
            moment_ns += _a_while(random, max(2, len(fills)))
        elif place:
            moment_ns += random.randint(1 * MS, 5 * MS)
        steps.append((moment_ns, fill))
    if fate in (Fate.CANCEL, Fate.PARTIAL_CANCEL):
        steps.append((moment_ns + (0 if ask.at_once else _a_while(random, 2)), Cancel()))
    return steps


def _a_while(random: Random, parts: int) -> int:
    return round(random.expovariate(1) * MEAN_LIFE_NS / parts)


def _fills(ask: Ask, fate: Fate, random: Random, market: Decimal) -> list[Fill]:
    if ask.amount is None:
        return [_by_value(ask, random, market)]
    units = int(ask.amount / ask.pair.amount_tick)
    if fate is Fate.PARTIAL_CANCEL:
        units = random.randint(1, max(1, units - 1))
    parts = split(units, 1 if ask.at_once else random.randint(1, 4), random)
    # An order that may take what lies in the book does so at once, now and then.
    takes = ask.at_once or (not ask.post_only and not ask.waits and random.random() < 0.2)
    # A fill is mostly one trade, now and then several at different prices.
    return [
        Fill(
            tuple(
                (n * ask.pair.amount_tick, _price(ask, random, market))
                for n in split(part, random.choice((1, 1, 3)), random)
            ),
            is_taker=ask.at_once or (takes and place == 1),
            all_left=fate is Fate.FILL and place == len(parts),
        )
        for place, part in enumerate(parts, 1)
    ]


def _by_value(ask: Ask, random: Random, market: Decimal) -> Fill:
    left, trades = ask.value or Decimal(0), list[tuple[Decimal, Decimal]]()
    for part in range(random.choice((1, 1, 3)), 0, -1):
        price = _price(ask, random, market)
        amount = (left / part / price).quantize(ask.pair.amount_tick, ROUND_DOWN)
        left -= amount * price
        trades.append((amount, price))
    return Fill(tuple(trades), is_taker=True)


def _price(ask: Ask, random: Random, market: Decimal) -> Decimal:
    # Never worse than the limit: a buyer pays at most it, a seller gets at least it.
    tick, better = ask.pair.price_tick, random.choice((0, 0, 1, 2))
    if ask.price is None:
        return max(tick, market + tick * random.randint(-3, 3))
    return max(tick, ask.price - tick * better) if ask.side == "buy" else ask.price + tick * better
