"""Faults on request: what shall go wrong next, and how often."""

from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from sandbox.simulators import faults as common
from sandbox.simulators.faults import Close, Count, Counted, Cut, FaultError, Silence
from sandbox.simulators.tinvest.fates import Fate
from sandbox.simulators.tinvest.limits import Method
from sandbox.simulators.tinvest.refusals import BodyShape
from sandbox.simulators.wishes import Wish, read_as

__all__ = [
    "PLACING",
    "Answer",
    "Delay",
    "Demand",
    "ErrorBody",
    "Fault",
    "FaultError",
    "Malformed",
    "Once",
    "PerCall",
    "PerFrame",
    "Refuse",
    "read_fault",
]

# The methods that make a new order.
PLACING = ("PostOrder", "PostOrderAsync", "ReplaceOrder", "PostStopOrder")


class Malformed(common.Malformed):
    """Send a text that is no JSON on every stream connection."""

    text: str = '{"orderState":{"orderId":'


class _OfMethod(Counted):
    """A fault that befalls the next so many, of one method or of any."""

    method: Method | None = None

    def befalls(self, name: str) -> bool:
        """Tell whether it is for a call of this method."""
        return self.method is None or self.method == name


class Delay(common.Delay, _OfMethod):
    """Hold the next stream messages, or the next REST answers, back."""


class PerCall(common.PerCall, _OfMethod):
    """What befalls the next calls of a method, or the next new orders of any kind."""

    def befalls(self, name: str) -> bool:
        """Tell whether it is for a call of this method; without one, for those that make a new order."""
        return name in PLACING if self.method is None else super().befalls(name)


class Answer(common.Answer, _OfMethod):
    """Answer the next REST calls of a method, or of any, with this, instead of doing what they ask."""


class PerFrame(Counted):
    """Send the next order messages twice (`duplicate`), or not at all (`lose`)."""

    fault: Literal["duplicate", "lose"]


class Once(Counted):
    """What else can come of a call.

    `half_replace`: a ReplaceOrder cancels, and its new order is refused with 30049; `report_not_found`:
    a repeated key is answered with 30057.
    """

    fault: Literal["half_replace", "report_not_found"]


class Demand(Wish):
    """Let the next orders end so."""

    fault: Literal["hidden_cancel", "reject", "cancel", "fill", "rest"]
    count: Count = 1

    @property
    def fate(self) -> Fate:
        """The end that is meant."""
        return Fate[self.fault.upper()]


class Refuse(_OfMethod):
    """Refuse the next REST calls with one of the venue's error codes, instead of doing what they ask."""

    fault: Literal["refuse"]
    code: Annotated[str, Field(pattern=r"^[1-9]\d{4}$")]
    message: str = ""
    shape: BodyShape = BodyShape.TEXT


class ErrorBody(_OfMethod):
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
    return read_as(_ADAPTER.validate_python, value, FaultError)
