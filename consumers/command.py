"""`dropcopy tail` from its options to its exit status."""

import signal
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import NoReturn

from prometheus_client import Counter

from consumers.printing import printer
from consumers.reader import BEGINNING, END, AtOffset, Newest, Reader, Since, Start
from consumers.selection import parse_duration_s, parse_where, selection
from consumers.tail import follow
from dropcopy.errors import UsageError
from dropcopy.logs import configure_logs
from dropcopy.probes import Probes, serve
from dropcopy.settings import Settings
from dropcopy.text import give_up_output

__all__ = ["run_tail", "start_of"]

INTERRUPTED = 130

RECORDS = Counter("dropcopy_consumer_records", "Records read, the ones not shown included.", ["topic"])


def start_of(*, from_beginning: bool, since: str | None, last: int | None, offset: int | None) -> Start:
    """Return where to start by the options, of which at most one may be given.

    Raises:
        UsageError: more than one is given, or a duration is none.
    """
    given: dict[str, Start | None] = {
        "--from-beginning": BEGINNING if from_beginning else None,
        "--since": None if since is None else Since(int((time.time() - parse_duration_s(since)) * 1000)),
        "--last": None if last is None else Newest(last),
        "--offset": None if offset is None else AtOffset(offset),
    }
    chosen = {name: start for name, start in given.items() if start is not None}
    if len(chosen) > 1:
        raise UsageError(f"{' and '.join(chosen)} exclude each other", hint="Keep one of them.")
    return next(iter(chosen.values()), END)


def run_tail(
    topic: str,
    start: Start,
    *,
    as_json_lines: bool,
    partition: int | None,
    until_end: bool,
    where: Sequence[str],
    key: str | None,
    max_records: int | None,
) -> None:
    """Print records until the end that the options name; end the process when interrupted.

    One that runs on until it is stopped answers probes, where `DROPCOPY_METRICS_PORT` says so.

    Raises:
        UsageError: the topic, the partition or a field does not exist.
        ClusterError: the broker or the registry is away.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    wanted = selection(parse_where(topic, where), key)
    settings = Settings.load()
    configure_logs(settings)
    probes = Probes("consumer")

    def polled(records: int) -> None:
        probes.beat(time.monotonic())
        RECORDS.labels(topic).inc(records)

    try:
        with Reader(settings, [topic], start, partition=partition) as reader, ExitStack() as stack:
            probes.check("kafka", reader.problem)
            if not until_end and max_records is None:
                stack.enter_context(serve(settings, probes))
            show = printer(topic, sys.stdout, as_json_lines=as_json_lines)
            follow(reader, wanted, show, until_end=until_end, max_records=max_records, polled=polled)
    except BrokenPipeError:
        # Whoever read has seen enough, as `head` does.
        give_up_output()
    except KeyboardInterrupt:
        _interrupted()


def _interrupted() -> NoReturn:
    sys.exit(INTERRUPTED)
