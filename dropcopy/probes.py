"""What a running process tells of itself over HTTP, on one port: `/metrics`, `/healthz`, `/readyz`.

    with serve(settings, probes):
        ...

`/healthz` answers 200 while the event loop turns, and 503 once it has stood still: only a restart helps
then. `/readyz` answers 200 while the role does its work, and 503 with what is in the way otherwise, which
a restart does not mend. Both answer with a JSON object; `/metrics` is Prometheus's text.
"""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any, NamedTuple
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.types import StartResponse, WSGIEnvironment

from prometheus_client import Gauge, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

from dropcopy.errors import SettingsError
from dropcopy.logs import get_logger
from dropcopy.settings import Settings

__all__ = ["Answer", "Probes", "serve"]

STILL_LIMIT_S = 30.0
_BEAT_S = 1.0

BUILD = Gauge("dropcopy_build_info", "1, with the version and the role of the process.", ["version", "role"])

log = get_logger(__name__)

# What is in the way of a role's work, or None when nothing is. Asked from another thread than the role's.
Check = Callable[[], str | None]


class Answer(NamedTuple):
    """The answer to a probe: whether all is well, and what is not, by the name of the check."""

    well: bool
    problems: dict[str, str]


class Probes:
    """The state that probes ask for. The role names its checks and lets `pulse` run in its event loop."""

    def __init__(self, role: str, *, still_limit_s: float = STILL_LIMIT_S) -> None:
        self.role = role
        self._still_limit_s = still_limit_s
        self._beat_s: float | None = None
        self._checks: dict[str, Check] = {}

    def check(self, name: str, problem: Check) -> None:
        """Ask `problem` at each `/readyz` from now on; a later check of the name takes its place."""
        self._checks = self._checks | {name: problem}

    def beat(self, now_s: float) -> None:
        """Say that the role's own thread is alive; `now_s` is monotonic time."""
        self._beat_s = now_s

    async def pulse(self) -> None:
        """Beat for as long as the event loop turns."""
        while True:
            self.beat(time.monotonic())
            await asyncio.sleep(_BEAT_S)

    def health(self, now_s: float) -> Answer:
        """Tell whether the role's thread still turns; before its first beat it is starting, and well."""
        if self._beat_s is None or now_s - self._beat_s < self._still_limit_s:
            return Answer(well=True, problems={})
        return Answer(well=False, problems={"loop": f"it has stood still for {now_s - self._beat_s:.0f} s"})

    def readiness(self, now_s: float) -> Answer:
        """Tell whether the role does its work, and what is in the way."""
        problems = {name: problem for name, check in self._checks.items() if (problem := check()) is not None}
        problems |= self.health(now_s).problems
        if self._beat_s is None:
            problems["loop"] = "it is starting"
        return Answer(well=not problems, problems=problems)


@contextmanager
def serve(settings: Settings, probes: Probes) -> Iterator[str | None]:
    """Answer on `metrics_port` until the block ends, and give the address; without a port, do nothing.

    Raises:
        SettingsError: the address can't be listened on.
    """
    if settings.metrics_port is None:
        yield None
        return
    BUILD.labels(version("dropcopy"), probes.role).set(1)
    server = _listen(settings.bind_host, settings.metrics_port, probes)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="probes", daemon=True)
    thread.start()
    host = f"[{settings.bind_host}]" if ":" in settings.bind_host else settings.bind_host
    url = f"http://{host}:{server.server_port}"
    log.info("metrics_served", url=f"{url}/metrics", role=probes.role)
    try:
        yield url
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Quiet(WSGIRequestHandler):
    # A probe that is gone must not hold a thread.
    timeout = 10

    def log_message(self, format: str, *args: Any) -> None:
        """Tell nothing of each request."""


def _listen(host: str, port: int, probes: Probes) -> Any:
    class Server(ThreadingWSGIServer):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

    try:
        return make_server(host, port, _application(probes), Server, _Quiet)
    except OSError as error:
        raise SettingsError(
            f"DROPCOPY_METRICS_PORT={port} can't be listened on at {host}: {error.strerror or error}",
            hint="Give another port, or 0 for any that is free; DROPCOPY_BIND_HOST names the address.",
        ) from None


def _application(probes: Probes) -> Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]:
    metrics: Any = make_wsgi_app()
    answers = {"/healthz": probes.health, "/readyz": probes.readiness}

    def application(environment: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        path = environment["PATH_INFO"]
        if path == "/metrics":
            answered: Iterable[bytes] = metrics(environment, start)
            return answered
        ask = answers.get(path)
        if ask is None:
            return _reply(start, "404 Not Found", {"paths": ["/metrics", *answers]})
        answer = ask(time.monotonic())
        body = {"status": "ok" if answer.well else "not ok", "role": probes.role, "problems": answer.problems}
        return _reply(start, "200 OK" if answer.well else "503 Service Unavailable", body)

    return application


def _reply(start: StartResponse, status: str, body: object) -> Iterable[bytes]:
    start(status, [("Content-Type", "application/json"), ("Cache-Control", "no-store")])
    return [json.dumps(body).encode() + b"\n"]
