"""Child processes that never outlive their parent.

Every child is asked to end by SIGTERM, and killed with all its process group when it takes too long.
It also dies with its parent when that is killed outright: on Linux the kernel sees to it
(PR_SET_PDEATHSIG); elsewhere only an orderly end of the parent takes its children along.
"""

import atexit
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Self

from dropcopy.errors import DropcopyError

__all__ = ["ChildError", "Process", "wait_until"]

POLL_S = 0.02
_FRAME_OF_JAVA = "\tat "
_LINE = 500

# Becomes the command itself (same process id) once the kernel has been told. The parent may have died
# before that, hence the second look. 1 is PR_SET_PDEATHSIG.
_BOUND_TO_PARENT = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() != int(sys.argv[1]):
    sys.exit(1)
try:
    os.execvp(sys.argv[2], sys.argv[2:])
except OSError as error:
    sys.exit(f"{sys.argv[2]} can't be run: {error.strerror}")
"""


class ChildError(DropcopyError):
    """A child process ended when it should run, or did not do in time what it was started for."""


class _Starter(threading.Thread):
    """The one thread that starts children.

    The kernel binds a child to the thread that started it, not to the process; so that thread has to
    live as long as the process does.
    """

    def __init__(self) -> None:
        super().__init__(name="starts-children", daemon=True)
        self._asked: queue.SimpleQueue[tuple[Callable[[], subprocess.Popen[bytes]], Future[subprocess.Popen[bytes]]]]
        self._asked = queue.SimpleQueue()

    def run(self) -> None:
        while True:
            start, started = self._asked.get()
            try:
                started.set_result(start())
            except BaseException as error:  # noqa: BLE001 -- handed to whoever asked, who raises it
                started.set_exception(error)

    def start_child(self, start: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
        started: Future[subprocess.Popen[bytes]] = Future()
        self._asked.put((start, started))
        return started.result()


_starter: _Starter | None = None
_starter_lock = threading.Lock()
_running: "weakref.WeakSet[Process]" = weakref.WeakSet()


def _start_child(start: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
    global _starter
    with _starter_lock:
        # After a fork the thread is gone, though the object is there.
        if _starter is None or not _starter.is_alive():
            _starter = _Starter()
            _starter.start()
    return _starter.start_child(start)


@atexit.register
def _stop_all() -> None:
    for process in list(_running):
        process.stop()


class Process:
    """A running child process, started by making the object; use it as a context manager to end it.

    Standard output goes to `<folder>/<name>.out`, standard error to `<folder>/<name>.log`. The child
    leads a session of its own, so that Ctrl-C in a terminal reaches the parent only, which then ends
    its children in its own order. `environment` is added to the parent's; `folder` is a new temporary
    one unless given.

    Raises:
        ChildError: the command can't be started.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | os.PathLike[str]],
        *,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        cwd: Path | None = None,
    ) -> None:
        self.name = name
        self._folder = None if folder else tempfile.TemporaryDirectory(prefix="dropcopy-")
        base = folder or Path(self._folder.name if self._folder else "")
        base.mkdir(parents=True, exist_ok=True)
        self.out = base / f"{name}.out"
        self.log = base / f"{name}.log"
        arguments = [os.fspath(argument) for argument in command]
        if sys.platform == "linux":
            arguments = [sys.executable, "-I", "-S", "-c", _BOUND_TO_PARENT, str(os.getpid()), *arguments]
        try:
            with self.out.open("wb") as out, self.log.open("wb") as log:
                self._child = _start_child(
                    lambda: subprocess.Popen(
                        arguments,
                        stdin=subprocess.DEVNULL,
                        stdout=out,
                        stderr=log,
                        env=os.environ | dict(environment or {}),
                        cwd=cwd,
                        start_new_session=True,
                    )
                )
        except OSError as error:
            raise ChildError(f"{name} can't be started: {error}") from None
        _running.add(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._child.pid

    @property
    def status(self) -> int | None:
        """The exit status, the negative signal number if one ended it, or None while it runs."""
        return self._child.poll()

    def lines(self) -> list[str]:
        """Return the whole lines that the child has written to standard output so far."""
        text = self.out.read_text("utf-8", errors="replace")
        return text[: text.rfind("\n") + 1].splitlines()

    def log_tail(self, lines: int = 20) -> str:
        """Return the last lines of standard error, or of standard output where that is empty.

        Where Java was within its own code says nothing to a person, and would leave no room for what does.
        """
        for path in (self.log, self.out):
            told = [line for line in _text(path).splitlines() if not line.startswith(_FRAME_OF_JAVA)]
            if any(line.strip() for line in told):
                return "\n".join(line if len(line) <= _LINE else f"{line[:_LINE]}…" for line in told[-lines:])
        return "(it wrote nothing)"

    def advice(self) -> str:
        """Return what to do about the end of the child, where its log says why it ended."""
        if "No space left on device" in _text(self.log):
            return f"The disk of {self.log.parent} is full: make room."
        return ""

    def check(self) -> None:
        """Raise a `ChildError` with the log's tail if the child has ended."""
        if self.status is not None:
            raise ChildError(f"{self.name} ended with status {self.status}:\n{self.log_tail()}", hint=self.advice())

    def wait_for_line(self, start: str, timeout_s: float = 60) -> str:
        """Wait until a line of standard output starts with `start`, and return that line.

        Raises:
            ChildError: the child ended without it, or the time is over; with the log's tail.
        """
        found: list[str] = []

        def look() -> bool:
            # Asked before the look: what an ended child wrote is all there.
            ended = self.status is not None
            found.extend(line for line in self.lines() if line.startswith(start))
            if ended and not found:
                self.check()
            return bool(found)

        if not wait_until(look, timeout_s):
            raise ChildError(f"{self.name} did not write a line {start!r}… within {timeout_s:g} s:\n{self.log_tail()}")
        return found[0]

    def wait(self, timeout_s: float | None = None) -> int:
        """Wait for the end and return the status.

        Raises:
            ChildError: it still runs when the time is over.
        """
        try:
            return self._child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise ChildError(f"{self.name} still runs after {timeout_s:g} s:\n{self.log_tail()}") from None

    def send(self, sign: signal.Signals) -> None:
        """Send a signal to the child alone; nothing happens if it has ended."""
        self._child.send_signal(sign)

    def stop(self, timeout_s: float = 15) -> int:
        """End the child: SIGTERM, and SIGKILL to its process group if it still runs after `timeout_s`.

        Returns the status; ending an ended one changes nothing.
        """
        self._child.terminate()
        try:
            self._child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
        except BaseException:
            # A second Ctrl-C is no reason to leave it behind.
            self.kill()
            raise
        finally:
            self._forget()
        return self._child.returncode

    def kill(self) -> int:
        """End the child and its process group at once, by SIGKILL, and return the status."""
        if self._child.poll() is None:
            try:
                os.killpg(self._child.pid, signal.SIGKILL)
            except ProcessLookupError:
                self._child.kill()  # it does not lead its session yet
            self._child.wait()
        self._forget()
        return self._child.returncode

    def _forget(self) -> None:
        _running.discard(self)


def _text(path: Path) -> str:
    return path.read_text("utf-8", errors="replace") if path.exists() else ""


def wait_until(condition: Callable[[], bool], timeout_s: float) -> bool:
    """Ask `condition` until it is true or the time is over, and return its last answer."""
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline_s:
            return False
        time.sleep(POLL_S)
    return True
