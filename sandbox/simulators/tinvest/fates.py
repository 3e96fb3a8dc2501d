"""What will become of an order, drawn when it is submitted: pure but for the random source given.

Delays are those of speed 1: the exchange answers after some tens of milliseconds, and a limit order
lives for about two seconds.
"""

from collections.abc import Mapping
from enum import StrEnum
from random import Random

from sandbox.simulators.fates import MEAN_LIFE_NS, MS, split
from sandbox.simulators.tinvest.orders import Ask, Cancel, Cause, Fill, Place, Receive, Reject, Step

__all__ = ["FATES", "Fate", "plan"]


class Fate(StrEnum):
    """How an order ends. HIDDEN_CANCEL is a cancel after a partial fill, which the stream never names."""

    FILL = "FILL"
    HIDDEN_CANCEL = "HIDDEN_CANCEL"
    CANCEL = "CANCEL"
    REJECT = "REJECT"
    REST = "REST"


# REST (it lies in the book until somebody cancels it) happens only to who asks for it.
FATES: Mapping[Fate, int] = {Fate.FILL: 72, Fate.HIDDEN_CANCEL: 10, Fate.CANCEL: 12, Fate.REJECT: 6, Fate.REST: 0}

_CANCEL_CAUSES = (
    Cause.CANCELLED_BY_EXCHANGE,
    Cause.CANCELLED_BY_BROKER,
    Cause.CANCELLED_BY_CLIENT,
    Cause.CANCELLED_NOT_ENOUGH_POSITION,
    Cause.CANCELLED_BY_CLIENT_BLOCK,
)
# Of an order that has traded, position was enough.
_HIDDEN_CAUSES = (Cause.CANCELLED_BY_CLIENT, Cause.CANCELLED_BY_EXCHANGE, Cause.UNSPECIFIED)
_REJECT_CAUSES = (Cause.REJECTED_BY_EXCHANGE, Cause.REJECTED_BY_BROKER)

# A fate that an order of this kind can't have, and what it has instead.
_AT_ONCE = {
    "MARKET": {Fate.HIDDEN_CANCEL: Fate.FILL, Fate.CANCEL: Fate.FILL, Fate.REST: Fate.FILL},
    "FILL_AND_KILL": {Fate.REST: Fate.CANCEL},
    "FILL_OR_KILL": {Fate.HIDDEN_CANCEL: Fate.CANCEL, Fate.REST: Fate.CANCEL},
}


def _kind(ask: Ask) -> str:
    return "MARKET" if ask.order_type == "MARKET" else ask.time_in_force


def plan(ask: Ask, fate: Fate, random: Random, market_nano: int) -> list[tuple[int, Step]]:
    """Return the steps of an order's life, each with its delay in nanoseconds after the submission.

    An order without a limit trades around `market_nano`.
    """
    kind = _kind(ask)
    at_once = _AT_ONCE.get(kind)
    fate = (at_once or {}).get(fate, fate)
    if fate is Fate.HIDDEN_CANCEL and ask.lots == 1:
        fate = Fate.CANCEL  # one lot can't be filled in part
    answer_ns = random.randint(20 * MS, 80 * MS)
    steps: list[tuple[int, Step]] = [(0, Receive())]
    if fate is Fate.REJECT:
        return [*steps, (answer_ns, Reject(random.choice(_REJECT_CAUSES)))]
    steps.append((answer_ns, Place()))
    fills = (
        [] if fate in (Fate.CANCEL, Fate.REST) else _fills(ask, fate, random, market_nano, at_once=at_once is not None)
    )
    moment_ns = answer_ns
    # Half a fill's time on average before each, so that a life of two fills has the mean length.
    for fill in fills:
        if at_once is None:
            moment_ns += round(random.expovariate(1) * MEAN_LIFE_NS / max(2, len(fills)))
        steps.append((moment_ns, fill))
    if fate in (Fate.CANCEL, Fate.HIDDEN_CANCEL):
        if at_once is None:
            moment_ns += round(random.expovariate(1) * MEAN_LIFE_NS / 2)
        cause = random.choice(_CANCEL_CAUSES if fate is Fate.CANCEL else _HIDDEN_CAUSES)
        steps.append((moment_ns, Cancel(Cause.UNSPECIFIED if at_once is not None else cause)))
    return steps


def _fills(ask: Ask, fate: Fate, random: Random, market_nano: int, *, at_once: bool) -> list[Fill]:
    lots = ask.lots if fate is Fate.FILL else random.randint(1, ask.lots - 1)
    parts = split(lots, 1 if at_once else random.randint(1, 4), random)
    # A fill is mostly one trade, now and then several at different prices.
    return [
        Fill(tuple((n, _price(ask, random, market_nano)) for n in split(part, random.choice((1, 1, 3)), random)))
        for part in parts
    ]


def _price(ask: Ask, random: Random, market_nano: int) -> int:
    # Never worse than the limit: a buyer pays at most it, a seller gets at least it.
    step, better = ask.instrument.step_nano, random.choice((0, 0, 1, 2))
    if ask.price_nano is None:
        return max(step, market_nano + step * random.randint(-3, 3))
    return max(step, ask.price_nano - step * better) if ask.direction == "BUY" else ask.price_nano + step * better
