"""How a simulated venue is served: all of it on one port, with TLS or without."""

import ssl
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

from aiohttp import web

from sandbox.ports import HOST

__all__ = ["ServedVenue"]

EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 -- compared with, and listened on only where asked for


class ServedVenue(ABC):
    """A venue on `host`; an async context manager.

    `port` 0 takes a free one. With `tls` (a server's context) the addresses are https and wss.
    """

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        self.port = port
        self._host = host
        self._tls = tls
        self._runner: web.AppRunner | None = None

    @abstractmethod
    def _application(self) -> web.Application:
        """Return what answers: calls, streams and controls."""

    @abstractmethod
    async def _stop(self) -> None:
        """Let nothing more happen, and hang up on everyone."""

    @property
    def _authority(self) -> str:
        # What listens on every address is reached by this one.
        return f"{HOST if self._host == EVERY_ADDRESS else self._host}:{self.port}"

    @property
    def url(self) -> str:
        """What the paths of calls are appended to."""
        return f"{'https' if self._tls else 'http'}://{self._authority}"

    @property
    def stream_url(self) -> str:
        """What the paths of streams are appended to."""
        return f"{'wss' if self._tls else 'ws'}://{self._authority}"

    @property
    def control_url(self) -> str:
        """What `/orders`, `/faults` and the other controls are appended to."""
        return f"{self.url}/control"

    async def __aenter__(self) -> Self:
        # A client that hangs up ends its call, so that a dropped reply waits no longer than its client.
        self._runner = web.AppRunner(
            self._application(), handler_cancellation=True, access_log=None, shutdown_timeout=0.1
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self.port, ssl_context=self._tls).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._stop()
        if self._runner is not None:
            await self._runner.cleanup()
