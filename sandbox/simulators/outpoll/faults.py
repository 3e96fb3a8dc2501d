"""Faults on request: what shall go wrong next, and how often."""

from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from sandbox.simulators import faults as common
from sandbox.simulators.faults import Clock, Close, Count, Counted, Cut, FaultError, OfPath, Silence
from sandbox.simulators.outpoll.fates import Fate
from sandbox.simulators.wishes import Wish, read_as

__all__ = [
    "PLACING",
    "Answer",
    "Block",
    "Delay",
    "Demand",
    "Fault",
    "FaultError",
    "Lag",
    "Malformed",
    "Once",
    "PerCall",
    "read_fault",
]

# The paths of calls that make something new.
PLACING = ("/orders/limit", "/orders/market", "/orders/tpsl")


class Malformed(common.Malformed):
    """Send a text that is no JSON on every stream connection."""

    text: str = '{"t":"ORDER_UPDATE","d":{"i":'


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


class Delay(common.Delay, OfPath):
    """Hold the next stream messages, or the next REST answers, back."""


class PerCall(common.PerCall, OfPath):
    """What befalls the next calls of a path; without one, those that make something new."""

    def befalls(self, name: str) -> bool:
        """Tell whether it is for a call of this path."""
        return super().befalls(name) if self.path else name in PLACING


class Answer(common.Answer, OfPath):
    """Answer the next REST calls with this, instead of doing what they ask."""


class Once(Counted):
    """What else can go wrong.

    The next order updates are sent twice (`duplicate`), or not at all (`lose`); the next wishes to
    cancel are taken, and fail afterwards (`fail`).
    """

    fault: Literal["duplicate", "lose", "fail"]


Countable = Delay | PerCall | Once | Answer
Fault = Cut | Silence | Close | Malformed | Clock | Block | Lag | Demand | Countable

_ADAPTER: TypeAdapter[Fault] = TypeAdapter(Annotated[Fault, Field(discriminator="fault")])


def read_fault(value: Any) -> Fault:
    """Return the fault that `{"fault": name, ...parameters}` describes.

    Raises:
        FaultError: it describes none; the message says where it is wrong.
    """
    return read_as(_ADAPTER.validate_python, value, FaultError)
