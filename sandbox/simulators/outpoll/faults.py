"""Faults on request: what shall go wrong next, and how often."""

from collections import Counter
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError, model_validator

from sandbox.simulators.outpoll.fates import Fate
from sandbox.simulators.outpoll.wishes import Wish, problems

__all__ = [
    "PLACING",
    "Answer",
    "Block",
    "Clock",
    "Close",
    "Cut",
    "Delay",
    "Demand",
    "Fault",
    "FaultError",
    "Lag",
    "Malformed",
    "Pending",
    "Silence",
    "read_fault",
]

Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0, le=3600)]
# The paths of calls that make something new.
PLACING = ("/orders/limit", "/orders/market", "/orders/tpsl")


def _sendable(code: int) -> int:
    # RFC 6455, 7.4.1: these stand for closes without a code, and never travel.
    if code in (1004, 1005, 1006, 1015):
        raise ValueError("is a code that can't be sent")
    return code


class FaultError(ValueError):
    """A fault that there is none of, or with parameters that it does not have."""


class Cut(Wish):
    """Drop every stream connection without a word."""

    fault: Literal["cut"]


class Silence(Wish):
    """Send nothing on the present stream connections for a while; with `new`, on new ones neither."""

    fault: Literal["silence"]
    seconds: Seconds
    new: bool = False


class Close(Wish):
    """Close every stream connection with a WebSocket code."""

    fault: Literal["close"]
    code: Annotated[int, Field(ge=1000, le=4999), AfterValidator(_sendable)] = 1001
    reason: str = Field(default="", max_length=60)


class Malformed(Wish):
    """Send a text that is no JSON on every stream connection."""

    fault: Literal["malformed"]
    text: str = '{"t":"ORDER_UPDATE","d":{"i":'


class Clock(Wish):
    """Let the venue's clock run ahead of this machine's, or behind it."""

    fault: Literal["clock"]
    offset_s: Annotated[float, Field(ge=-86_400, le=86_400)]


class Block(Wish):
    """Block the key of an account, or of every account, for good; their streams are closed."""

    fault: Literal["block"]
    account: str | None = None


class Lag(Wish):
    """Let the history service show what was so long ago; 0 ends it."""

    fault: Literal["lag"]
    seconds: Annotated[float, Field(ge=0, le=3600)]


class Demand(Wish):
    """Let the next orders end so."""

    fault: Literal["reject", "cancel", "partial_cancel", "fill", "rest"]
    count: Count = 1

    @property
    def fate(self) -> Fate:
        """The end that is meant."""
        return Fate[self.fault.upper()]


class _Counted(Wish):
    """A fault that befalls the next so many calls whose path begins with `path`, or frames."""

    count: Count = 1
    path: str = ""

    def befalls(self, path: str) -> bool:
        """Tell whether it is for a call of this path."""
        return path.startswith(self.path)


class Delay(_Counted):
    """Hold the next stream messages, or the next REST answers, back.

    `when` is before or after the venue does what a call asks for.
    """

    fault: Literal["delay"]
    side: Literal["stream", "rest"]
    seconds: Seconds
    when: Literal["before", "after"] = "after"

    @model_validator(mode="after")
    def _of_rest(self) -> Self:
        if self.side == "stream" and (self.path or self.when != "after"):
            raise ValueError("a delay of the stream has neither path nor when")
        return self


class PerCall(_Counted):
    """What befalls the next calls of a path; without one, those that make something new.

    Done and never answered (`drop_reply`), done and the call's connection cut (`cut_reply`), or
    answered and forgotten (`ignore`, of calls that change something).
    """

    fault: Literal["drop_reply", "cut_reply", "ignore"]

    def befalls(self, path: str) -> bool:
        """Tell whether it is for a call of this path."""
        return path.startswith(self.path) if self.path else path in PLACING


class Once(_Counted):
    """What else can go wrong.

    The next order updates are sent twice (`duplicate`), or not at all (`lose`); the next wishes to
    cancel are taken, and fail afterwards (`fail`).
    """

    fault: Literal["duplicate", "lose", "fail"]
    path: Literal[""] = ""


class Answer(_Counted):
    """Answer the next REST calls with this, instead of doing what they ask."""

    fault: Literal["answer"]
    status: Annotated[int, Field(ge=200, le=599)]
    body: str = ""
    headers: dict[str, str] = Field(default_factory=dict)


Countable = Delay | PerCall | Once | Answer
Fault = Cut | Silence | Close | Malformed | Clock | Block | Lag | Demand | Countable

_ADAPTER: TypeAdapter[Fault] = TypeAdapter(Annotated[Fault, Field(discriminator="fault")])


def read_fault(value: Any) -> Fault:
    """Return the fault that `{"fault": name, ...parameters}` describes.

    Raises:
        FaultError: it describes none; the message says where it is wrong.
    """
    try:
        return _ADAPTER.validate_python(value)
    except ValidationError as error:
        raise FaultError(problems(error)) from None


class Pending:
    """The faults still to come, each as often as it says; the first that fits is used up first."""

    def __init__(self) -> None:
        self._line: list[tuple[Countable, int]] = []

    def add(self, fault: Countable) -> None:
        """Let it happen, as often as it says."""
        self._line.append((fault, fault.count))

    def take(self, name: str, path: str = "") -> bool:
        """Use up one of a fault by its name, if there is one for this path."""
        return self._take(name, path) is not None

    def take_delay_s(self, side: str, path: str = "", when: str = "after") -> float:
        """Use up one delay, if there is one; 0 if not."""
        fault = self._take("delay", path, side=side, when=when)
        return fault.seconds if isinstance(fault, Delay) else 0

    def take_answer(self, path: str) -> Answer | None:
        """Use up one answer that shall stand for the venue's, if there is one."""
        fault = self._take("answer", path)
        return fault if isinstance(fault, Answer) else None

    def _take(self, name: str, path: str, **facts: str) -> Countable | None:
        for place, (fault, left) in enumerate(self._line):
            if (
                fault.fault == name
                and fault.befalls(path)
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
