"""Faults on request: what shall go wrong next, and how often."""

from collections import Counter, deque
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from sandbox.simulators.tinvest.fates import Fate

__all__ = [
    "Answer",
    "Close",
    "Cut",
    "CutReply",
    "Delay",
    "Demand",
    "Fault",
    "FaultError",
    "Malformed",
    "Pending",
    "PerCall",
    "PerFrame",
    "Silence",
    "read_fault",
]

Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0, le=3600)]


def _sendable(code: int) -> int:
    # RFC 6455, 7.4.1: these stand for closes without a code, and never travel.
    if code in (1004, 1005, 1006, 1015):
        raise ValueError("is a code that can't be sent")
    return code


class FaultError(ValueError):
    """A fault that there is none of, or with parameters that it does not have."""


class CutReply(Exception):  # noqa: N818 -- tells the server what to do, and nobody else
    """The connection of the call shall be cut instead of an answer."""


class _Fault(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Cut(_Fault):
    """Drop every stream connection without a word."""

    fault: Literal["cut"]


class Silence(_Fault):
    """Send nothing on the present stream connections for a while; with `new`, on new ones neither."""

    fault: Literal["silence"]
    seconds: Seconds
    new: bool = False


class Close(_Fault):
    """Close every stream connection with a WebSocket code."""

    fault: Literal["close"]
    code: Annotated[int, Field(ge=1000, le=4999), AfterValidator(_sendable)] = 1001
    reason: str = Field(default="", max_length=60)


class Malformed(_Fault):
    """Send a text that is no JSON on every stream connection."""

    fault: Literal["malformed"]
    text: str = '{"orderState":{"orderId":'


class Delay(_Fault):
    """Hold the next stream messages, or the next REST answers, back."""

    fault: Literal["delay"]
    side: Literal["stream", "rest"]
    seconds: Seconds
    count: Count = 1


class PerCall(_Fault):
    """What befalls the next orders.

    Taken and never answered (`drop_reply`), taken and the call's connection cut (`cut_reply`), or
    answered and forgotten (`ignore`).
    """

    fault: Literal["drop_reply", "cut_reply", "ignore"]
    count: Count = 1


class PerFrame(_Fault):
    """Send the next order messages twice."""

    fault: Literal["duplicate"]
    count: Count = 1


class Demand(_Fault):
    """Let the next orders end so."""

    fault: Literal["hidden_cancel", "reject", "cancel", "fill", "rest"]
    count: Count = 1

    @property
    def fate(self) -> Fate:
        """The end that is meant."""
        return Fate[self.fault.upper()]


class Answer(_Fault):
    """Answer the next REST calls with this, instead of doing what they ask."""

    fault: Literal["answer"]
    status: Annotated[int, Field(ge=200, le=599)]
    body: str = ""
    count: Count = 1


Fault = Cut | Silence | Close | Malformed | Delay | PerCall | PerFrame | Demand | Answer

_ADAPTER: TypeAdapter[Fault] = TypeAdapter(Annotated[Fault, Field(discriminator="fault")])


def read_fault(value: Any) -> Fault:
    """Return the fault that `{"fault": name, ...parameters}` describes.

    Raises:
        FaultError: it describes none; the message says where it is wrong.
    """
    try:
        return _ADAPTER.validate_python(value)
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors(include_url=False))
        raise FaultError("; ".join(problems)) from None


class Pending:
    """What is still to go wrong, to be used up by what it befalls."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._delays_s: dict[str, deque[float]] = {"stream": deque(), "rest": deque()}
        self._answers: deque[Answer] = deque()

    def add(self, fault: PerCall | PerFrame | Delay | Answer) -> None:
        """Let it happen, as often as it says."""
        match fault:
            case Delay(side=side, seconds=seconds, count=count):
                self._delays_s[side].extend([seconds] * count)
            case Answer(count=count):
                self._answers.extend([fault] * count)
            case PerCall(fault=name, count=count) | PerFrame(fault=name, count=count):
                self._counts[name] += count

    def take(self, fault: str) -> bool:
        """Use up one of a counted fault, if there is one."""
        if self._counts[fault] <= 0:
            return False
        self._counts[fault] -= 1
        return True

    def take_delay_s(self, side: str) -> float:
        """Use up one delay, if there is one; 0 if not."""
        delays_s = self._delays_s[side]
        return delays_s.popleft() if delays_s else 0

    def take_answer(self) -> Answer | None:
        """Use up one answer that shall stand for the venue's, if there is one."""
        return self._answers.popleft() if self._answers else None

    def left(self) -> dict[str, int]:
        """Return how many of each are still to come."""
        delays = {f"delay_{side}": len(delays_s) for side, delays_s in self._delays_s.items()}
        counts = {**self._counts, **delays, "answer": len(self._answers)}
        return {name: count for name, count in counts.items() if count}
