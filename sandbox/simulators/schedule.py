"""What is due to happen in a simulated market, and how it comes to happen in real time."""

import asyncio
import heapq
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, Protocol, TypeVar

__all__ = ["Clockwork", "RealTime", "Schedule"]

Key = TypeVar("Key")
Step = TypeVar("Step")
Happening = TypeVar("Happening")
Happening_co = TypeVar("Happening_co", covariant=True)


class Schedule(Generic[Key, Step]):
    """Steps still to be taken by what has a key; at the same time, in the order in which they were pushed.

    It has no clock: times are nanoseconds, and arguments.
    """

    def __init__(self) -> None:
        self._due: list[tuple[int, int, Key, Step]] = []
        self._pushed = 0

    def push(self, due_ns: int, key: Key, step: Step) -> None:
        """Let a step be due at a time."""
        self._pushed += 1
        heapq.heappush(self._due, (due_ns, self._pushed, key, step))

    @property
    def next_due_ns(self) -> int | None:
        """When something is due next."""
        return self._due[0][0] if self._due else None

    def due(self, now_ns: int) -> Iterator[tuple[int, Key, Step]]:
        """Yield each step that is due by now, with its time and its key, those pushed meanwhile too."""
        while self._due and self._due[0][0] <= now_ns:
            due_ns, _, key, step = heapq.heappop(self._due)
            yield due_ns, key, step


class Clockwork(Protocol[Happening_co]):
    """A market without a clock."""

    @property
    def next_due_ns(self) -> int | None:
        """When something is due to happen next."""

    def advance(self, now_ns: int) -> Sequence[Happening_co]:
        """Let everything happen that is due by now; return what happened, step by step."""


class RealTime(Generic[Happening]):
    """Lets a market live on the running event loop; `tell` gets all that happens, step by step.

    `clock_offset_ns` is how much the venue's clock is ahead of this machine's.
    """

    def __init__(self, clockwork: Clockwork[Happening], tell: Callable[[Happening], None]) -> None:
        self.clock_offset_ns = 0
        self._clockwork = clockwork
        self._tell = tell
        self._timer: asyncio.TimerHandle | None = None

    def now_ns(self) -> int:
        """Return the time by the venue's clock."""
        return time.time_ns() + self.clock_offset_ns

    def tick(self) -> int:
        """Let all happen that is due, and return the time by which it is done.

        What is pushed at that very time comes before all that is due later.
        """
        self.stop()
        now_ns = self.now_ns()
        self._happened(self._clockwork.advance(now_ns))
        due_ns = self._clockwork.next_due_ns
        if due_ns is not None:
            self._timer = asyncio.get_running_loop().call_later(max(0, due_ns - now_ns) / 1e9, self.tick)
        return now_ns

    def _happened(self, happenings: Sequence[Happening]) -> None:
        for happening in happenings:
            self._tell(happening)

    def stop(self) -> None:
        """Let nothing more happen."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
