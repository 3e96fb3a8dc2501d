"""The faults still to come, to be used up by what they befall."""

from collections import Counter

from sandbox.simulators.tinvest.faults import Answer, Delay, ErrorBody, Once, PerCall, PerFrame, Refuse

__all__ = ["Countable", "Pending"]

Countable = PerCall | PerFrame | Once | Delay | Answer | Refuse | ErrorBody


class Pending:
    """A line of faults, each as often as it says; the first that fits is used up first."""

    def __init__(self) -> None:
        self._line: list[tuple[Countable, int]] = []

    def add(self, fault: Countable) -> None:
        """Let it happen, as often as it says."""
        self._line.append((fault, fault.count))

    def take(self, name: str, method: str = "") -> bool:
        """Use up one of a fault by its name, if there is one for this method."""
        return self._take(name, method) is not None

    def take_delay_s(self, side: str, method: str = "", when: str = "after") -> float:
        """Use up one delay, if there is one; 0 if not."""
        fault = self._take("delay", method, side=side, when=when)
        return fault.seconds if isinstance(fault, Delay) else 0

    def take_answer(self, method: str) -> Answer | Refuse | None:
        """Use up one answer that shall stand for the venue's, if there is one."""
        fault = self._take("answer", method) or self._take("refuse", method)
        return fault if isinstance(fault, Answer | Refuse) else None

    def take_error_body(self, method: str) -> ErrorBody | None:
        """Use up one form of an error's body, if there is one."""
        fault = self._take("error_body", method)
        return fault if isinstance(fault, ErrorBody) else None

    def _take(self, name: str, method: str, **facts: str) -> Countable | None:
        for place, (fault, left) in enumerate(self._line):
            if (
                fault.fault == name
                and fault.befalls(method)
                and all(getattr(fault, key) == value for key, value in facts.items())
            ):
                self._line[place : place + 1] = [(fault, left - 1)] if left > 1 else []
                return fault
        return None

    def left(self) -> dict[str, int]:
        """Return how many of each are still to come."""
        counts: Counter[str] = Counter()
        for fault, left in self._line:
            counts[f"delay_{fault.side}" if isinstance(fault, Delay) else fault.fault] += left
        return dict(counts)
