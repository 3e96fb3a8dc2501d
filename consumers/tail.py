"""Follows a topic: reads, selects, prints, until it is told to stop."""

from collections.abc import Callable

from consumers.printing import Printer
from consumers.reader import Reader
from consumers.records import Record

__all__ = ["follow"]

POLL_S = 0.2


def follow(
    reader: Reader,
    wanted: Callable[[Record], bool],
    show: Printer,
    *,
    until_end: bool = False,
    max_records: int | None = None,
    polled: Callable[[int], None] = lambda records: None,
) -> int:
    """Print the wanted records as they come; return how many.

    It ends at the end of the topic if `until_end`, and after `max_records` printed ones. `polled` is told
    after each poll how many records it brought.

    Raises:
        ClusterError: the broker is away for too long.
    """
    shown = 0
    while max_records is None or shown < max_records:
        records = reader.poll(POLL_S)
        polled(len(records))
        chosen = [record for record in records if wanted(record)]
        if max_records is not None:
            chosen = chosen[: max_records - shown]
        if chosen:
            show(chosen)
            shown += len(chosen)
        if until_end and reader.at_end:
            break
    return shown
