"""What can't be read, kept: the original bytes, key and headers, with the reason in Kafka Connect's error headers.

The names are Connect's own (KIP-298), so that tools which know its dead letters know these.
"""

from importlib.metadata import version

from dropcopy.kafka import MAX_RECORD_BYTES
from processors.batches import Consumed
from processors.sink import Headers, Record
from schemas import topics

__all__ = ["HEADROOM_BYTES", "PREFIX", "dead_letter"]

PREFIX = "__connect.errors."
# A reason can quote what it is about, which may be as large as the record: a record has to hold both.
_LONGEST_REASON = 1000
_VERSION = version("dropcopy").encode()
# How much of the largest record is left for what is told beside the value.
HEADROOM_BYTES = 16 * 1024


def dead_letter(message: Consumed, error: Exception, stage: str) -> Record:
    """Return the dead letter of a record; `stage` names what was being read.

    A value that leaves no room for the reason is cut, and the header `dropcopy.cut` tells the size that it had; so are
    headers left out that leave none. All of it is still where the coordinates say.
    """
    value, key, came = message.value(), message.key(), message.headers() or []
    told = {
        "topic": message.topic(),
        "partition": str(message.partition()),
        "offset": str(message.offset()),
        "connector.name": "dropcopy",
        "task.id": "0",
        "stage": stage,
        "class.name": "processors.shard.Shard",
        "exception.class.name": type(error).__qualname__,
        "exception.message": str(error)[:_LONGEST_REASON],
    }
    reason = [(f"{PREFIX}{name}", text.encode("utf-8", "backslashreplace")) for name, text in told.items()]
    reason.append(("dropcopy.version", _VERSION))
    beside = len(key or b"") + sum(len(name) + len(each or b"") for name, each in came)
    if beside > HEADROOM_BYTES // 2:
        key, came = None, []
    if value is not None and len(value) > MAX_RECORD_BYTES - HEADROOM_BYTES:
        reason.append(("dropcopy.cut", str(len(value)).encode()))
        value = value[: MAX_RECORD_BYTES - HEADROOM_BYTES]
    headers: Headers = [*came, *reason]
    return topics.DEAD_LETTERS.name, value, key, -1, headers
