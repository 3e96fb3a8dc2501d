"""What can't be read, kept: the original bytes, key and headers, with the reason in Kafka Connect's error headers.

The names are Connect's own (KIP-298), so that tools which know its dead letters know these.
"""

from importlib.metadata import version

from processors.poller import Consumed
from processors.sink import Headers, Record
from schemas import topics

__all__ = ["PREFIX", "dead_letter"]

PREFIX = "__connect.errors."
# A reason can quote what it is about, which may be as large as the record: a record has to hold both.
_LONGEST_REASON = 1000
_VERSION = version("dropcopy").encode()


def dead_letter(message: Consumed, error: Exception, stage: str) -> Record:
    """Return the dead letter of a record; `stage` names what was being read."""
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
    reason = [(f"{PREFIX}{name}", value.encode()) for name, value in told.items()]
    headers: Headers = [*(message.headers() or []), *reason, ("dropcopy.version", _VERSION)]
    return topics.DEAD_LETTERS.name, message.value(), message.key(), -1, headers
