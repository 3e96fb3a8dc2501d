"""Reads the topics beside the drawing, so that the moment of reading is not that of the next frame."""

import queue
import threading
import time
from collections.abc import Sequence

from consumers.reader import BEGINNING, Reader
from consumers.records import Record
from dropcopy.errors import DropcopyError
from dropcopy.settings import Settings

__all__ = ["Watcher"]

POLL_S = 0.2


class Watcher:
    """A thread that reads topics from their beginning; use it as a context manager."""

    def __init__(self, settings: Settings, topics: Sequence[str]) -> None:
        self._settings = settings
        self._topics = topics
        self._read: queue.SimpleQueue[list[Record] | DropcopyError] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)

    def __enter__(self) -> "Watcher":
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join(timeout=10)

    def take(self, timeout_s: float) -> list[Record]:
        """Return what was read since the last call, waiting this long for the first of it.

        Raises:
            DropcopyError: what ended the reading.
        """
        deadline_s = time.monotonic() + timeout_s
        records: list[Record] = []
        while True:
            try:
                read = self._read.get(timeout=max(0, deadline_s - time.monotonic()) if not records else 0)
            except queue.Empty:
                return records
            if isinstance(read, DropcopyError):
                raise read
            records += read

    def _run(self) -> None:
        try:
            with Reader(self._settings, self._topics, BEGINNING) as reader:
                while not self._stop.is_set():
                    if records := reader.poll(POLL_S):
                        self._read.put(records)
        except DropcopyError as error:
            self._read.put(error)
