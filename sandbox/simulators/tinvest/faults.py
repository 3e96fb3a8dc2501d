"""Faults on request: what shall go wrong next, and how often."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from sandbox.simulators.tinvest.fates import Fate
from sandbox.simulators.tinvest.limits import Method
from sandbox.simulators.tinvest.refusals import BodyShape

__all__ = [
    "Answer",
    "Close",
    "Cut",
    "CutReply",
    "Delay",
    "Demand",
    "ErrorBody",
    "Fault",
    "FaultError",
    "Malformed",
    "Once",
    "PerCall",
    "PLACING",
    "PerFrame",
    "Refuse",
    "Silence",
    "read_fault",
]

Count = Annotated[int, Field(ge=1)]
# The methods that make a new order.
PLACING = ("PostOrder", "PostOrderAsync", "ReplaceOrder", "PostStopOrder")
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


class _Counted(_Fault):
    """A fault that befalls the next so many, of one method or of any."""

    count: Count = 1
    method: Method | None = None

    def befalls(self, method: str) -> bool:
        """Tell whether it is for a call of this method."""
        return self.method is None or self.method == method


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
        if self.side == "stream" and (self.method is not None or self.when != "after"):
            raise ValueError("a delay of the stream has neither method nor when")
        return self


class PerCall(_Counted):
    """What befalls the next calls of a method, or the next new orders of any kind.

    Done and never answered (`drop_reply`), done and the call's connection cut (`cut_reply`), or
    answered and forgotten (`ignore`, of calls that change something).
    """

    fault: Literal["drop_reply", "cut_reply", "ignore"]

    def befalls(self, method: str) -> bool:
        """Tell whether it is for a call of this method; without one, for those that make a new order."""
        return method in PLACING if self.method is None else self.method == method


class PerFrame(_Counted):
    """Send the next order messages twice (`duplicate`), or not at all (`lose`)."""

    fault: Literal["duplicate", "lose"]
    method: None = None


class Once(_Counted):
    """What else can come of a call.

    `half_replace`: a ReplaceOrder cancels, and its new order is refused with 30049; `report_not_found`:
    a repeated key is answered with 30057.
    """

    fault: Literal["half_replace", "report_not_found"]
    method: None = None


class Demand(_Fault):
    """Let the next orders end so."""

    fault: Literal["hidden_cancel", "reject", "cancel", "fill", "rest"]
    count: Count = 1

    @property
    def fate(self) -> Fate:
        """The end that is meant."""
        return Fate[self.fault.upper()]


class Answer(_Counted):
    """Answer the next REST calls with this, instead of doing what they ask."""

    fault: Literal["answer"]
    status: Annotated[int, Field(ge=200, le=599)]
    body: str = ""
    headers: dict[str, str] = Field(default_factory=dict)


class Refuse(_Counted):
    """Refuse the next REST calls with one of the venue's error codes, instead of doing what they ask."""

    fault: Literal["refuse"]
    code: Annotated[str, Field(pattern=r"^[1-9]\d{4}$")]
    message: str = ""
    shape: BodyShape = BodyShape.TEXT


class ErrorBody(_Counted):
    """Give the next refusals, whatever their cause, a body of this form."""

    fault: Literal["error_body"]
    shape: BodyShape


Fault = Cut | Silence | Close | Malformed | Delay | PerCall | PerFrame | Once | Demand | Answer | Refuse | ErrorBody

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
