"""The members of a worker: several processes of one `dropcopy process`, started and ended together.

An interpreter computes on one core. A worker that has more of them to itself runs as many processes
(`DROPCOPY_PROCESSES`), and each is a member of the consumer group by itself, with its partitions, its state and its
transactions, as if as many workers had been started. They share nothing, so a frame costs what it costs in one.

A member that ends by itself takes the others along, as every failure of a process ends the worker that it is: who
watches the worker sees it end, and a start begins where the last commit was. A worker that is killed outright takes its
members along too: each reads its standard input, which ends with whoever holds the other end.
"""

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from typing import Final

from dropcopy.logs import get_logger
from dropcopy.settings import Settings

__all__ = ["end_with_worker", "member_settings", "run_members"]

log = get_logger(__name__)

_ORDERLY: Final = frozenset({0, -signal.SIGTERM})


def member_settings(settings: Settings, member: int) -> Settings:
    """Return the settings of one member: those of its worker, but for the names and ports that are its alone."""
    own: dict[str, object] = {"processes": 1}
    if settings.worker_id:
        own["worker_id"] = f"{settings.worker_id}-{member}"
    if settings.metrics_port:
        own["metrics_port"] = settings.metrics_port + member
    return settings.model_copy(update=own)


def run_members(count: int) -> int:
    """Run so many members until a signal says to stop, or one ends; return the worker's exit status.

    SIGTERM or SIGINT has them commit what they took and leave the group; a second one kills them.
    """
    members = _Members()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, members.on_signal)
    with ThreadPoolExecutor(count, thread_name_prefix="member") as threads:
        ends: dict[Future[int], int] = {}
        try:
            for member in range(count):
                ends[threads.submit(members.start(member).wait)] = member
            first = next(as_completed(ends))
        finally:
            asked = members.told
            members.stop()
    if not asked:
        log.error("member_ended", member=ends[first], exit_status=first.result())
        return first.result() if first.result() > 0 else 1
    return int(any(end.result() not in _ORDERLY for end in ends))


class _Members:
    """The processes, and whether they have been told to stop."""

    def __init__(self) -> None:
        self.told = False
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self, member: int) -> subprocess.Popen[bytes]:
        # A process group of its own, so that Ctrl-C in a terminal reaches the worker alone, which tells its members.
        command = [sys.executable, "-P", "-m", "dropcopy", "process", "--member", str(member)]
        started = subprocess.Popen(command, stdin=subprocess.PIPE, process_group=0)
        self._running.append(started)
        if self.told:  # between its start and the line above
            started.terminate()
        return started

    def on_signal(self, number: int, frame: object) -> None:
        if self.told:
            for member in self._running:
                member.kill()
        self.stop()

    def stop(self) -> None:
        self.told = True
        for member in self._running:
            member.terminate()


def end_with_worker() -> None:
    """End this process in order once the worker that started it is gone, by a thread that waits for it."""

    def wait() -> None:
        # Not through `sys.stdin`, whose lock a thread must not hold when the interpreter ends.
        os.read(0, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="worker-watch", daemon=True).start()
