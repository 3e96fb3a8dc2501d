"""The faults that every simulator knows, from which each makes its own.

A venue's module of faults narrows those of calls to what its calls are named by, and adds what goes
wrong only there.
"""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from sandbox.simulators.wishes import Wish

__all__ = [
    "Answer",
    "Clock",
    "Close",
    "Count",
    "Counted",
    "Cut",
    "Delay",
    "Disturbance",
    "FaultError",
    "Malformed",
    "OfPath",
    "PerCall",
    "Seconds",
    "Silence",
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
    text: str


# What befalls every stream connection that there is.
Disturbance = Cut | Silence | Close | Malformed


class Clock(Wish):
    """Let the venue's clock run ahead of this machine's, or behind it."""

    fault: Literal["clock"]
    offset_s: Annotated[float, Field(ge=-86_400, le=86_400)]


class Counted(Wish):
    """A fault that befalls the next so many calls, or messages."""

    fault: str
    count: Count = 1

    def befalls(self, name: str) -> bool:
        """Tell whether it is for a call, or a message, of this name; the name is empty where there is none."""
        return True


class OfPath(Counted):
    """A fault of the calls whose name begins with `path`; without one, of any."""

    path: str | None = None

    def befalls(self, name: str) -> bool:
        """Tell whether the name of a call begins so."""
        return name.startswith(self.path or "")


class Delay(Counted):
    """Hold the next stream messages, or the next REST answers, back.

    `when` is before or after the venue does what a call asks for.
    """

    fault: Literal["delay"]
    side: Literal["stream", "rest"]
    seconds: Seconds
    when: Literal["before", "after"] = "after"

    @model_validator(mode="after")
    def _of_rest(self) -> Self:
        if self.side == "stream" and not (self.befalls("") and self.when == "after"):
            raise ValueError("a delay of the stream is of no kind of call, and has no when")
        return self


class PerCall(Counted):
    """What befalls the next calls.

    Done and never answered (`drop_reply`), done and the call's connection cut (`cut_reply`), or
    answered and forgotten (`ignore`, of calls that change something).
    """

    fault: Literal["drop_reply", "cut_reply", "ignore"]


class Answer(Counted):
    """Answer the next REST calls with this, instead of doing what they ask."""

    fault: Literal["answer"]
    status: Annotated[int, Field(ge=200, le=599)]
    body: str = ""
    headers: dict[str, str] = Field(default_factory=dict)
