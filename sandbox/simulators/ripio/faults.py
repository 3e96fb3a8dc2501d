"""Faults on request: what shall go wrong next, and how often."""

from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from sandbox.simulators import faults as common
from sandbox.simulators.faults import Clock, Close, Count, Counted, Cut, FaultError, OfPath, Silence
from sandbox.simulators.ripio.fates import Fate
from sandbox.simulators.ripio.refusals import Refusal
from sandbox.simulators.wishes import Wish, read_as

__all__ = [
    "CREATE",
    "Access",
    "Answer",
    "Delay",
    "Demand",
    "Fault",
    "FaultError",
    "Malformed",
    "PerCall",
    "PerMessage",
    "Refuse",
    "RefuseTicket",
    "ResetSequence",
    "read_fault",
]

# The call that makes a new order.
CREATE = "POST /orders"


class Malformed(common.Malformed):
    """Send a text that is no JSON on every stream connection."""

    text: str = '{"id":7,"topic":"order_status","body":{"id":'


class ResetSequence(Wish):
    """Begin the sequences of all topics anew, and cut the connections: they may be reset only between two."""

    fault: Literal["reset_sequence"]


class Access(Wish):
    """Block the token of an account, or let it do nothing but read; without a name, of all."""

    fault: Literal["block", "read_only"]
    account: str | None = None


class Demand(Wish):
    """Let the next orders end so."""

    fault: Literal["partial_cancel", "reject", "cancel", "fill", "rest"]
    count: Count = 1

    @property
    def fate(self) -> Fate:
        """The end that is meant."""
        return Fate[self.fault.upper()]


class PerMessage(Counted):
    """Send the next messages of a topic, or of the order's topics, twice or not at all.

    With `skip_sequence` the number of a message that is not sent is missing, with `lose` it is the next
    one's.
    """

    fault: Literal["duplicate", "lose", "skip_sequence"]
    topic: Literal["order_status", "user_trades", "balance"] | None = None

    def befalls(self, name: str) -> bool:
        """Tell whether it is for this topic; without one, for those that tell of orders."""
        return name == self.topic if self.topic else name in ("order_status", "user_trades")


class RefuseTicket(Counted):
    """Refuse the tickets of the next subscriptions."""

    fault: Literal["refuse_ticket"]


class Delay(common.Delay, OfPath):
    """Hold the next stream messages, or the next REST answers, back."""


class PerCall(common.PerCall, OfPath):
    """What befalls the next calls, such as `POST /orders`, or the next new orders."""

    def befalls(self, name: str) -> bool:
        """Tell whether a call begins so; without a path it is one that makes an order."""
        return super().befalls(name) if self.path else name == CREATE


class Answer(common.Answer, OfPath):
    """Answer the next REST calls with this, instead of doing what they ask."""


class Refuse(OfPath):
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
    return read_as(_ADAPTER.validate_python, value, FaultError)
