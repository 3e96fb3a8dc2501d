"""Progress on standard error: bars on a terminal, a plain line now and then in a pipe."""

import sys
import threading
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

__all__ = ["Progress"]

LINE_EVERY_S = 5.0
MB = 1_000_000


class Progress:
    """Bytes done of bytes to do, of several things at once; safe to use from any thread."""

    def __init__(self, doing: str) -> None:
        self._doing = doing
        self._lock = threading.Lock()
        self._wanted: dict[str, int] = {}
        self._done: dict[str, dict[str, int]] = {}
        self._told_s: dict[str, float] = {}
        self._tasks: dict[str, TaskID] = {}
        self._bars: Bars | None = None
        console = Console(stderr=True)
        if console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
            self._bars = Bars(*columns, console=console)

    def __enter__(self) -> Self:
        if self._bars:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars:
            self._bars.stop()

    def add(self, name: str, size: int) -> None:
        """Begin with a thing of `size` bytes."""
        self._wanted[name] = size
        self._done[name] = {}
        self._told_s[name] = time.monotonic()
        if self._bars:
            self._tasks[name] = self._bars.add_task(f"{self._doing} {name}", total=size)
        else:
            self._tell(f"{self._doing} {name}, {size / MB:.0f} MB")

    def reach(self, name: str, part: str, size: int) -> None:
        """Note that `size` bytes of one part of it are done, which can be fewer than before."""
        with self._lock:
            if self._done[name].get(part) == size:
                return
            self._done[name][part] = size
            done = sum(self._done[name].values())
            if self._bars:
                self._bars.update(self._tasks[name], completed=done)
                return
            now_s = time.monotonic()
            if done == self._wanted[name] or now_s - self._told_s[name] >= LINE_EVERY_S:
                self._told_s[name] = now_s
                self._tell(f"{self._doing} {name}, {done / MB:.0f} of {self._wanted[name] / MB:.0f} MB")

    @staticmethod
    def _tell(line: str) -> None:
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()
