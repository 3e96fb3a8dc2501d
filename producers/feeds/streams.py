"""Opens a venue's stream, and says in the venue's words how that ended."""

import ssl

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.frames import CloseCode
from websockets.typing import Subprotocol

from producers.feeds.venue import Meaning, Refused, Venue
from producers.rest import CallError

__all__ = ["close_meaning", "open_failure", "open_stream"]

_CLOSE_TIMEOUT_S = 2
_READ_AHEAD_FRAMES = 16


class _Connect(connect):
    """Connects where it was told to: a redirect is an answer like any other.

    What a venue wants to hear first may be a secret, and no other host is to hear it.
    """

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


async def open_stream(
    venue: Venue, tls: ssl.SSLContext | None, limit_bytes: int
) -> tuple[ClientConnection, tuple[bytes, ...]]:
    """Return a connection and what is to be sent on it first; no message of it may be over `limit_bytes`.

    For whatever it raises `open_failure` has a meaning. It takes as long as it takes.
    """
    # Asked for first: a venue that refuses it is not bothered with a connection.
    greeting = await venue.greeting()
    socket = await _Connect(
        venue.stream_url,
        additional_headers=dict(venue.stream_headers),
        user_agent_header=None,
        subprotocols=[Subprotocol(name) for name in venue.subprotocols] or None,
        compression=None,
        ssl=tls,
        open_timeout=None,  # the life cycle has the limit
        close_timeout=_CLOSE_TIMEOUT_S,
        ping_interval=None,  # silence is judged by what the venue itself sends
        max_size=limit_bytes,
        max_queue=_READ_AHEAD_FRAMES,
    )
    return socket, greeting


def open_failure(venue: Venue, error: BaseException) -> Meaning:
    """Say what it means that no connection came about; an error that is none of a connection's is raised."""
    match error:
        case Refused():
            return error.meaning
        case CallError():
            return Meaning(error.code.lower(), text=error.message, hint=error.hint)
        case InvalidStatus():
            return venue.handshake_meaning(error.response.status_code)
        case ssl.SSLCertVerificationError():
            return Meaning(
                "certificate",
                final=True,
                text=f"the certificate of {venue.stream_url} is not trusted: {error.verify_message}",
                hint="Set the venue's CA_FILE to a PEM file of the authority that issued it.",
            )
        case RecursionError():  # an answer that the greeting needs, nested deeper than any decoder goes
            return Meaning("unreadable", text=f"an answer of the venue can't be read: {error}")
        case InvalidURI() | InvalidHandshake() | OSError() | EOFError():
            text = f"{venue.stream_url} can't be reached: {error or type(error).__name__}"
            return Meaning("unreachable", text=text)
    raise error


def close_meaning(venue: Venue, closed: ConnectionClosed) -> Meaning:
    """Say what the end of a connection means, by its close code if there was one."""
    frame = closed.rcvd or closed.sent
    if frame is None:
        return venue.close_meaning(CloseCode.ABNORMAL_CLOSURE, "")
    return venue.close_meaning(frame.code, frame.reason)
