"""The faults still to come, to be used up by what they befall."""

from collections import Counter
from collections.abc import Callable
from typing import TypeVar

from sandbox.simulators.faults import Counted, Delay

__all__ = ["Pending"]

Kind = TypeVar("Kind", bound=Counted)


class Pending:
    """A line of faults, each as often as it says; the first that fits is used up first.

    A name is that of a call or of a message, as the venue's faults know it.
    """

    def __init__(self) -> None:
        self._line: list[tuple[Counted, int]] = []

    def add(self, fault: Counted) -> None:
        """Let it happen, as often as it says."""
        self._line.append((fault, fault.count))

    def take(self, fault: str, name: str = "") -> bool:
        """Use up one of a fault, if there is one for this name."""
        return self._take(Counted, name, lambda one: one.fault == fault) is not None

    def take_a(self, kind: type[Kind], name: str = "") -> Kind | None:
        """Use up one fault of a kind, if there is one for this name, and return it."""
        return self._take(kind, name, lambda one: True)

    def take_delay_s(self, side: str, name: str = "", when: str = "after") -> float:
        """Use up one delay, if there is one; 0 if not."""
        delay = self._take(Delay, name, lambda one: (one.side, one.when) == (side, when))
        return delay.seconds if delay else 0

    def _take(self, kind: type[Kind], name: str, fits: Callable[[Kind], bool]) -> Kind | None:
        for place, (fault, left) in enumerate(self._line):
            if isinstance(fault, kind) and fault.befalls(name) and fits(fault):
                self._line[place : place + 1] = [(fault, left - 1)] if left > 1 else []
                return fault
        return None

    def left(self) -> dict[str, int]:
        """Return how many of each are still to come."""
        counts: Counter[str] = Counter()
        for fault, left in self._line:
            counts[f"delay_{fault.side}" if isinstance(fault, Delay) else fault.fault] += left
        return dict(counts)
