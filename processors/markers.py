"""The JSON value of a feed's marker, as far as it is used."""

import msgspec

__all__ = ["Marker", "read_marker"]


class Marker(msgspec.Struct):
    """What a marker says of itself: the feed's name, why it disconnected, and what a reconciliation could not read."""

    feed: str = ""
    reason: str | None = None
    unread: dict[str, str] = {}


read_marker = msgspec.json.Decoder(Marker).decode
