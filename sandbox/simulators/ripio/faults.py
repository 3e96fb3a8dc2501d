"""Faults on request: what shall go wrong next, and how often."""

from collections import Counter
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from sandbox.simulators.ripio.fates import Fate
from sandbox.simulators.ripio.refusals import Refusal

__all__ = [
    "CREATE",
    "Access",
    "Answer",
    "Clock",
    "Close",
    "Cut",
    "CutReply",
    "Delay",
    "Demand",
    "Fault",
    "FaultError",
    "Malformed",
    "PerCall",
    "PerMessage",
    "Pending",
    "Refuse",
    "RefuseTicket",
    "ResetSequence",
    "Silence",
    "read_fault",
]

# The call that makes a new order.
CREATE = "POST /orders"

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
    text: str = '{"id":7,"topic":"order_status","body":{"id":'


class ResetSequence(_Fault):
    """Begin the sequences of all topics anew, and cut the connections: they may be reset only between two."""

    fault: Literal["reset_sequence"]


class Clock(_Fault):
    """Let the venue's clock be this much ahead of the machine's."""

    fault: Literal["clock"]
    offset_s: Annotated[float, Field(ge=-86_400, le=86_400)]


class Access(_Fault):
    """Block the token of an account, or let it do nothing but read; without a name, of all."""

    fault: Literal["block", "read_only"]
    account: str | None = None


class Demand(_Fault):
    """Let the next orders end so."""

    fault: Literal["partial_cancel", "reject", "cancel", "fill", "rest"]
    count: Count = 1

    @property
    def fate(self) -> Fate:
        """The end that is meant."""
        return Fate[self.fault.upper()]


class _Counted(_Fault):
    """A fault that befalls the next so many."""

    count: Count = 1

    def befalls(self, name: str) -> bool:
        """Tell whether it is for this topic, or for a call such as `POST /orders`."""
        return True


class PerMessage(_Counted):
    """Send the next messages of a topic, or of the order's topics, twice or not at all.

    With `skip_sequence` the number of a message that is not sent is missing, with `lose` it is the next
    one's.
    """

    fault: Literal["duplicate", "lose", "skip_sequence"]
    topic: Literal["order_status", "user_trades", "balance"] | None = None

    def befalls(self, name: str) -> bool:
        """Tell whether it is for this topic; without one, for those that tell of orders."""
        return name == self.topic if self.topic else name in ("order_status", "user_trades")


class RefuseTicket(_Counted):
    """Refuse the tickets of the next subscriptions."""

    fault: Literal["refuse_ticket"]


class _OfCalls(_Counted):
    path: str | None = None

    def befalls(self, name: str) -> bool:
        """Tell whether a call begins so; without a path it is any."""
        return self.path is None or name.startswith(self.path)


class Delay(_OfCalls):
    """Hold the next stream messages, or the next REST answers, back.

    `when` is before or after the venue does what a call asks for.
    """

    fault: Literal["delay"]
    side: Literal["stream", "rest"]
    seconds: Seconds
    when: Literal["before", "after"] = "after"

    @model_validator(mode="after")
    def _of_rest(self) -> Self:
        if self.side == "stream" and (self.path is not None or self.when != "after"):
            raise ValueError("a delay of the stream has neither path nor when")
        return self


class PerCall(_OfCalls):
    """What befalls the next calls, or the next new orders.

    Done and never answered (`drop_reply`), done and the call's connection cut (`cut_reply`), or
    answered and forgotten (`ignore`, of calls that change something).
    """

    fault: Literal["drop_reply", "cut_reply", "ignore"]

    def befalls(self, name: str) -> bool:
        """Tell whether a call begins so; without a path it is one that makes an order."""
        return name == CREATE if self.path is None else super().befalls(name)


class Answer(_OfCalls):
    """Answer the next REST calls with this, instead of doing what they ask."""

    fault: Literal["answer"]
    status: Annotated[int, Field(ge=200, le=599)]
    body: str = ""
    headers: dict[str, str] = Field(default_factory=dict)


class Refuse(_OfCalls):
    """Refuse the next REST calls with one of the venue's error codes, instead of doing what they ask."""

    fault: Literal["refuse"]
    code: Annotated[int, Field(ge=400, le=59_999)]
    message: str = ""

    @property
    def refusal(self) -> Refusal:
        """The refusal that is meant."""
        return Refusal(self.code, self.message)


_Countable = PerMessage | RefuseTicket | Delay | PerCall | Answer | Refuse
Fault = Cut | Silence | Close | Malformed | ResetSequence | Clock | Access | Demand | _Countable

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
    """A line of faults still to come, each as often as it says; the first that fits is used up first."""

    def __init__(self) -> None:
        self._line: list[tuple[_Countable, int]] = []

    def add(self, fault: _Countable) -> None:
        """Let it happen, as often as it says."""
        self._line.append((fault, fault.count))

    def take(self, fault: str, name: str = "") -> bool:
        """Use up one of a fault, if there is one for this topic or call."""
        return self._take(fault, name) is not None

    def take_delay_s(self, side: str, name: str = "", when: str = "after") -> float:
        """Use up one delay, if there is one; 0 if not."""
        fault = self._take("delay", name, side=side, when=when)
        return fault.seconds if isinstance(fault, Delay) else 0

    def take_answer(self, name: str) -> Answer | Refuse | None:
        """Use up one answer that shall stand for the venue's, if there is one."""
        fault = self._take("answer", name) or self._take("refuse", name)
        return fault if isinstance(fault, Answer | Refuse) else None

    def _take(self, wanted: str, name: str, **facts: str) -> _Countable | None:
        for place, (fault, left) in enumerate(self._line):
            if (
                fault.fault == wanted
                and fault.befalls(name)
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
