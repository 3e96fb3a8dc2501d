"""What happens to a connection, and what is to be done about it, as data.

The inputs and the actions of `producers.feeds.connection`.
"""

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from producers.feeds.venue import Heard, Meaning
from schemas.headers import Kind

__all__ = [
    "Abort",
    "Action",
    "Close",
    "Closed",
    "Failed",
    "Held",
    "Input",
    "KeepAlive",
    "Mark",
    "Message",
    "Open",
    "Opened",
    "Publish",
    "Released",
    "Retry",
    "Send",
    "Stop",
    "StopAsked",
    "Tick",
]


@dataclass(frozen=True, slots=True)
class Opened:
    """The hand-shake is done; `greeting` is what the venue wants to hear first."""

    greeting: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Message:
    """A message arrived, and was classified by the venue's own code; `answer` is what it wants to hear at once."""

    data: bytes
    heard: Heard
    answer: bytes | None = None


@dataclass(frozen=True, slots=True)
class Closed:
    """The connection is gone, by whichever side; `heard` when the venue itself said so."""

    meaning: Meaning
    heard: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """No connection came about."""

    meaning: Meaning


@dataclass(frozen=True, slots=True)
class Tick:
    """Time went by; comes several times a second."""


@dataclass(frozen=True, slots=True)
class Held:
    """The recorder's queue is full: nothing is read until it has room."""


@dataclass(frozen=True, slots=True)
class Released:
    """The recorder has room again."""


@dataclass(frozen=True, slots=True)
class StopAsked:
    """Someone wants the feed to end."""


Input: TypeAlias = Opened | Message | Closed | Failed | Tick | Held | Released | StopAsked


@dataclass(frozen=True, slots=True)
class Open:
    """Open a connection, and report `Opened` or `Failed`."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send a message."""

    data: bytes


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """Send what the venue wants to hear every so often."""


@dataclass(frozen=True, slots=True)
class Publish:
    """Record a message; `account` is empty when it names none, `source` when its stream is the venue's own."""

    data: bytes
    account: str
    received_ns: int
    source: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """Record a marker, once for every account, that speaks for the connection up to `at_ns`."""

    kind: Kind
    at_ns: int
    body: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Close:
    """Close the connection, or give up opening it; report what still arrives, and then `Closed`."""


@dataclass(frozen=True, slots=True)
class Abort:
    """Closing takes too long: drop the connection and report `Closed` at once."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Nothing to do: the next connection is opened by a tick after `delay_s`."""

    delay_s: float
    meaning: Meaning


@dataclass(frozen=True, slots=True)
class Stop:
    """The feed has ended, as it was asked to or because of `error`."""

    error: Meaning | None = None


Action: TypeAlias = Open | Send | KeepAlive | Publish | Mark | Close | Abort | Retry | Stop
