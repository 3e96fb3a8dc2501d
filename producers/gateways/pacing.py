"""Whose turn it is to call a venue, as pure functions: (state, event, time) -> state.

A venue allows so many calls in so much time: of each method or group of methods, and of all of them
from one address. A call takes from every budget that it falls under, and waits until all have room.

    join ──► waiting ──grant──► under way ──end──► counted for one more window
                └──── withdraw ────┘

What is promised:

- In no window of a budget's length can more calls reach the venue than the budget has. The venue may
  count a call at any time from its start to its end, so it is counted here from its start until a
  whole window after its end.
- An urgent call waits for room alone: it goes before all that are not urgent, and a share of each
  budget is kept for it, so that orders can be canceled however many are being sent.
- Calls of the same budget go in the order in which they came; a call that waits for one budget holds
  up none of another.
- What the venue says of its own count, which other processes also take from, is believed over ours.

Times are nanoseconds of a clock that never goes back; nothing here reads it.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from typing import TypeAlias

import msgspec

__all__ = [
    "Budget",
    "BudgetName",
    "Call",
    "Meter",
    "Pace",
    "Told",
    "earliest_ns",
    "end",
    "grant",
    "hear",
    "join",
    "tightest",
    "wake_ns",
    "withdraw",
]

# Whose budget, and which. What all share belongs to "".
BudgetName: TypeAlias = tuple[str, str]

# For how long a venue's count is believed that says not until when.
UNTOLD_RESET_NS = 10_000_000_000

_change = msgspec.structs.replace


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """`calls` in any `window_ns`, of which `kept_percent`, rounded down, are for urgent ones only."""

    calls: int
    window_ns: int
    kept_percent: int = 0

    def open_to(self, *, urgent: bool) -> int:
        """Return how many calls in a window may be of this kind."""
        return self.calls - self.kept(urgent=urgent)

    def kept(self, *, urgent: bool) -> int:
        """Return how many calls in a window are kept from this kind."""
        return 0 if urgent else self.calls * self.kept_percent // 100


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What the venue says with an answer of a budget's state; None for what it does not say.

    `left` is how many more calls it will take until `resets_ns`. `calls` and `window_ns` are the size
    of the budget.
    """

    left: int | None = None
    resets_ns: int | None = None
    calls: int | None = None
    window_ns: int | None = None


class Meter(msgspec.Struct, frozen=True, kw_only=True):
    """A budget and what has been taken from it.

    `ended_ns` are the ends of calls, ascending. `told` is what the venue last said to be left, `left`
    what of that is left for calls that have not started yet; both hold until `resets_ns`.
    """

    budget: Budget
    under_way: int = 0
    ended_ns: tuple[int, ...] = ()
    told: int | None = None
    left: int = 0
    resets_ns: int = 0

    def counted_ns(self, now_ns: int) -> tuple[int, ...]:
        """Return the ends of calls that still count."""
        return self.ended_ns[bisect_right(self.ended_ns, now_ns - self.budget.window_ns) :]

    def limited(self, now_ns: int) -> bool:
        """Tell whether what the venue said to be left still holds."""
        return self.told is not None and now_ns < self.resets_ns

    def room(self, now_ns: int) -> int:
        """Return how many calls may start now."""
        own = self.budget.calls - self.under_way - len(self.counted_ns(now_ns))
        return min(own, self.left) if self.limited(now_ns) else own

    def opens_ns(self, now_ns: int, *, urgent: bool, ahead: int = 0) -> int:
        """Return when at the earliest there is room for a call of this kind, after `ahead` others like it."""
        rounds, place = divmod(ahead, self.budget.open_to(urgent=urgent))
        frees_ns = [ended_ns + self.budget.window_ns for ended_ns in self.counted_ns(now_ns)]
        frees_ns += [now_ns + self.budget.window_ns] * self.under_way
        needed = len(frees_ns) + place + 1 - self.budget.open_to(urgent=urgent)
        opens_ns = (frees_ns[needed - 1] if needed > 0 else now_ns) + rounds * self.budget.window_ns
        if self.limited(now_ns) and self.left - ahead <= self.budget.kept(urgent=urgent):
            return max(opens_ns, self.resets_ns)
        return opens_ns


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A call that is to be made. Those with the same `budgets` go in the order of their numbers."""

    number: int
    budgets: tuple[BudgetName, ...]
    urgent: bool = False


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known: the meters, and who waits, urgent calls first."""

    meters: Mapping[BudgetName, Meter]
    waiting: tuple[Call, ...] = ()


def join(pace: Pace, call: Call) -> Pace:
    """Put a call behind those that go before it. Its budgets must be known."""
    behind = bisect_right(pace.waiting, _rank(call), key=_rank)
    return _change(pace, waiting=(*pace.waiting[:behind], call, *pace.waiting[behind:]))


def _rank(call: Call) -> int:
    return 0 if call.urgent else 1


def grant(pace: Pace, now_ns: int) -> tuple[Pace, tuple[Call, ...]]:
    """Start every call that there is room for; return which."""
    meters = dict(pace.meters)
    granted: list[Call] = []
    waiting: list[Call] = []
    # Room only shrinks here, so what had none once need not be asked again.
    shut: set[tuple[tuple[BudgetName, ...], bool]] = set()
    for call in pace.waiting:
        kind = (call.budgets, call.urgent)
        if kind not in shut and all(_has_room(meters[name], call, now_ns) for name in call.budgets):
            meters.update((name, _started(meters[name], now_ns)) for name in call.budgets)
            granted.append(call)
        else:
            shut.add(kind)
            waiting.append(call)
    return Pace(meters=meters, waiting=tuple(waiting)), tuple(granted)


def _has_room(meter: Meter, call: Call, now_ns: int) -> bool:
    return meter.room(now_ns) > meter.budget.kept(urgent=call.urgent)


def _started(meter: Meter, now_ns: int) -> Meter:
    return _change(meter, under_way=meter.under_way + 1, left=meter.left - 1, ended_ns=meter.counted_ns(now_ns))


def end(pace: Pace, call: Call, now_ns: int) -> Pace:
    """Count a call that was under way as ended now."""
    return _with(
        pace,
        {
            name: _change(meter, under_way=meter.under_way - 1, ended_ns=(*meter.ended_ns, now_ns))
            for name, meter in _of(pace, call)
        },
    )


def withdraw(pace: Pace, call: Call) -> Pace:
    """Forget a call that will not be made, whether it still waits or could have started."""
    waiting = tuple(other for other in pace.waiting if other.number != call.number)
    if len(waiting) < len(pace.waiting):
        return _change(pace, waiting=waiting)
    back = {name: _change(meter, under_way=meter.under_way - 1, left=meter.left + 1) for name, meter in _of(pace, call)}
    return _with(pace, back)


def hear(pace: Pace, name: BudgetName, told: Told, now_ns: int) -> Pace:
    """Take in what the venue says of a budget in the answer to a call that is still under way."""
    meter = pace.meters[name]
    if told.calls is not None and told.calls > 0:
        # A window is at least as long as the time until its reset.
        known_ns = max(meter.budget.window_ns, 0 if told.resets_ns is None else told.resets_ns - now_ns)
        window_ns = told.window_ns or known_ns
        meter = _change(meter, budget=_change(meter.budget, calls=told.calls, window_ns=window_ns))
    if told.left is not None:
        known_ns = meter.resets_ns if meter.limited(now_ns) else now_ns + UNTOLD_RESET_NS
        resets_ns = known_ns if told.resets_ns is None else told.resets_ns
        meter = _heard(meter, told.left, resets_ns, now_ns) if resets_ns > now_ns else meter
    return _with(pace, {name: meter})


def _heard(meter: Meter, left: int, resets_ns: int, now_ns: int) -> Meter:
    # Whether the calls that are under way are among those that the venue has counted can't be told.
    heard = _change(meter, told=left, left=max(0, left - max(0, meter.under_way - 1)), resets_ns=resets_ns)
    if not meter.limited(now_ns) or meter.told is None:
        return heard
    # Answers overtake each other, and the resets of one window differ by the way that they took.
    later_ns = resets_ns - meter.resets_ns
    if abs(later_ns) * 2 > meter.budget.window_ns:
        return heard if later_ns > 0 else meter
    resets_ns = min(resets_ns, meter.resets_ns)
    if left > meter.told:
        # The venue counted this call before it said `told`, so it was in doubt then and is no longer.
        return _change(meter, left=meter.left + 1, resets_ns=resets_ns)
    return _change(heard, resets_ns=resets_ns)


def earliest_ns(pace: Pace, call: Call, now_ns: int) -> int:
    """Return before which time a waiting call can't start, if those before it are made."""
    ahead = sum(
        other.budgets == call.budgets and other.urgent == call.urgent and other.number < call.number
        for other in pace.waiting
    )
    return max(meter.opens_ns(now_ns, urgent=call.urgent, ahead=ahead) for _, meter in _of(pace, call))


def tightest(pace: Pace, call: Call, now_ns: int) -> BudgetName:
    """Return which of its budgets a call waits for the longest."""
    return max(_of(pace, call), key=lambda named: named[1].opens_ns(now_ns, urgent=call.urgent))[0]


def wake_ns(pace: Pace, now_ns: int) -> int | None:
    """Return when, if nothing else happens, a waiting call may be granted; None if none waits."""
    kinds = {(call.budgets, call.urgent): call for call in pace.waiting}
    return min(
        (max(meter.opens_ns(now_ns, urgent=call.urgent) for _, meter in _of(pace, call)) for call in kinds.values()),
        default=None,
    )


def _of(pace: Pace, call: Call) -> Iterable[tuple[BudgetName, Meter]]:
    return ((name, pace.meters[name]) for name in call.budgets)


def _with(pace: Pace, meters: Mapping[BudgetName, Meter]) -> Pace:
    return _change(pace, meters={**pace.meters, **meters})
