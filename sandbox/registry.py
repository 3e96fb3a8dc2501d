"""A real schema registry (Apicurio, Confluent's REST interface) on this machine.

It keeps schemas in memory for topics that are thrown away, or in a journal topic of the broker for
topics that stay: ids must never mean something else after a restart than what records were written with.
"""

from collections.abc import Mapping
from pathlib import Path

import httpx

from sandbox.ports import HOST
from sandbox.processes import Process
from sandbox.servers import Server, ServerError, java

__all__ = ["Registry"]

REQUEST_TIMEOUT_S = 5
COMPATIBILITY = "BACKWARD"

# It serves a few requests at start and is then idle: little memory, no costly compilation.
HEAP = ("-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")

SETTINGS: Mapping[str, object] = {
    "quarkus.http.host": HOST,
    # Health and metrics, which would listen on every interface.
    "quarkus.management.host": HOST,
    "quarkus.http.access-log.enabled": "false",
    "quarkus.log.level": "WARN",
    'quarkus.log.category."io.apicurio".level': "WARN",
    "quarkus.log.console.stderr": "true",
    "apicurio.datasource.jdbc.initial-size": 1,
    "apicurio.datasource.jdbc.min-size": 1,
    "apicurio.datasource.jdbc.max-size": 8,
}


def _journal(broker: str, folder: Path) -> Mapping[str, object]:
    return {
        "apicurio.storage.kind": "kafkasql",
        "apicurio.kafkasql.bootstrap.servers": broker,
        "apicurio.kafkasql.topic": "registry-journal",
        "apicurio.kafkasql.snapshots.topic": "registry-snapshots",
        "apicurio.events.kafka.topic": "registry-events",
        "apicurio.storage.snapshot.location": folder / "snapshots",
        # It waits out one poll several times before it is ready.
        "apicurio.kafkasql.consumer.poll.timeout": 200,
    }


class Registry(Server):
    """A registry, running while inside the context.

    `app` is the folder of the unpacked artifact, `folder` holds its log. `broker` is the address of the
    broker that keeps its journal, and may still be starting; without one, all is in memory. `port` and
    `management_port` of 0 are any free ones.

    Raises on entering a `ServerError`: it did not start; with its log's tail.
    """

    name = "registry"
    ready_timeout_s = 120

    def __init__(
        self, app: Path, folder: Path, *, broker: str | None = None, port: int = 0, management_port: int = 0
    ) -> None:
        super().__init__(folder, (port, management_port))
        self._jar = app / "quarkus-run.jar"
        self._broker = broker

    @property
    def url(self) -> str:
        """What clients are given as the registry's address: the base of Confluent's REST interface."""
        return f"http://{HOST}:{self.ports[0]}/apis/ccompat/v7"

    def wait_until_ready(self) -> None:
        """Wait until the registry answers, and require BACKWARD compatibility of every schema."""
        super().wait_until_ready()
        # It starts with NONE; read back, because an answer of 200 alone does not say that it holds.
        address = f"{self.url}/config"
        try:
            httpx.put(address, json={"compatibility": COMPATIBILITY}, timeout=REQUEST_TIMEOUT_S).raise_for_status()
            found = httpx.get(address, timeout=REQUEST_TIMEOUT_S).raise_for_status().json().get("compatibilityLevel")
        except httpx.HTTPError as error:
            raise ServerError(f"the registry can't be told its compatibility: {error}") from error
        if found != COMPATIBILITY:
            raise ServerError(f"the registry was told {COMPATIBILITY} compatibility, and says {found}")

    def _start(self) -> Process:
        (self.folder / "snapshots").mkdir(exist_ok=True)
        placed = {"quarkus.http.port": self.ports[0], "quarkus.management.port": self.ports[1]}
        stored = _journal(self._broker, self.folder) if self._broker else {}
        command = java([*HEAP, "-jar", str(self._jar)], properties={**SETTINGS, **stored, **placed})
        return Process("registry", command, folder=self.folder, cwd=self.folder)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/subjects", timeout=1).is_success
        except httpx.HTTPError:
            return False
