"""The broker and the registry together, with every topic created and every schema registered."""

import fcntl
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from dropcopy.errors import ClusterError, UsageError
from dropcopy.settings import Settings
from dropcopy.topics import check_topics, create_topics, installed_venues, wanted_topics
from sandbox.artifacts import Bundle, fetch
from sandbox.broker import Broker
from sandbox.ports import are_free, free_ports
from sandbox.registry import Registry

__all__ = ["Stack"]

PARTITIONS = 4
PORTS_FILE = "ports.json"
PORTS = ("kafka", "controller", "registry", "management")


class Stack:
    """A running broker and registry, started on entering and ended on leaving the context.

    Without `data` all is thrown away at the end. With it, topics and schema ids stay in that folder, and
    a later stack on it listens on the same ports where they are free. `kafka_port` and `registry_port`
    of 0 are any free ones. Several stacks may share one `registry` that its giver ends, as long as their
    topics are thrown away.

    Raises on entering a `ServerError` (the broker or the registry did not start), a `ClusterError` (the
    topics in `data` are not as they have to be), a `UsageError` (`data` is in use or can't be written) or an
    `ArtifactError`.
    """

    def __init__(
        self,
        data: Path | None = None,
        *,
        partitions: int = PARTITIONS,
        venues: Sequence[str] | None = None,
        kafka_port: int = 0,
        registry_port: int = 0,
        registry: Registry | None = None,
    ) -> None:
        if data is not None and registry is not None:
            raise ValueError("a registry in memory loses the ids that the topics in `data` are written with")
        self._data = data.absolute() if data else None
        self._partitions = partitions
        self._venues = venues
        self._asked_ports = {"kafka": kafka_port, "registry": registry_port}
        self._shared_registry = registry
        self._running = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            self._start(starting)
            self._running = starting.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.close()

    @property
    def environment(self) -> dict[str, str]:
        """The `DROPCOPY_*` settings by which every command finds this stack."""
        return {
            "DROPCOPY_BOOTSTRAP_SERVERS": self.broker.address,
            "DROPCOPY_SCHEMA_REGISTRY_URL": self.registry.url,
            "DROPCOPY_PARTITIONS": str(self._partitions),
            "DROPCOPY_REPLICATION_FACTOR": "1",
        }

    @property
    def settings(self) -> Settings:
        """The same, as the settings object."""
        return Settings.load(self.environment)

    @property
    def folder(self) -> Path:
        """The folder of data and logs."""
        return self._folder

    def check(self) -> None:
        """Raise a `ChildError` with the log's tail if the broker or the registry has ended."""
        self.broker.process.check()
        self.registry.process.check()

    def _start(self, starting: ExitStack) -> None:
        jars, app = fetch([Bundle.locked("kafka"), Bundle.locked("registry")])
        if self._data is None:
            self._folder = Path(tempfile.mkdtemp(prefix="dropcopy-"))
            starting.callback(shutil.rmtree, self._folder, ignore_errors=True)
        else:
            self._folder = self._data
            starting.enter_context(_held(self._data))
        ports = _choose_ports(self._asked_ports, self._folder)
        self.broker = Broker(jars, self._folder / "kafka", port=ports["kafka"], controller_port=ports["controller"])
        starting.callback(self.broker.stop)
        if self._shared_registry:
            self.registry = self._shared_registry
        else:
            self.registry = Registry(
                app,
                self._folder / "registry",
                broker=self.broker.address if self._data else None,
                port=ports["registry"],
                management_port=ports["management"],
            )
            # Ended before the broker that keeps its journal, but started first: it takes longer.
            starting.callback(self.registry.stop)
            self.registry.start()
        self.broker.start()
        self.broker.wait_until_ready()
        if not self._shared_registry:
            self.registry.wait_until_ready()
        self._make_topics()

    def _make_topics(self) -> None:
        settings = self.settings
        venues = installed_venues() if self._venues is None else self._venues
        wanted = wanted_topics(settings, venues)
        create_topics(settings, wanted)
        problems = check_topics(settings, wanted)
        if problems:
            raise ClusterError(
                f"the topics in {self._folder} are not as they have to be:\n" + "\n".join(map(str, problems)),
                hint="Set DROPCOPY_PARTITIONS to what they were made with, or choose another folder.",
            )


def _choose_ports(asked: Mapping[str, int], folder: Path) -> dict[str, int]:
    """Return a port for each server: the one asked for, else the last run's on this folder, else a free one."""
    file = folder / PORTS_FILE
    try:
        last = {name: int(port) for name, port in json.loads(file.read_text("utf-8")).items()}
    except (OSError, ValueError, AttributeError):
        last = {}
    ports: dict[str, int] = {}
    for name, free in zip(PORTS, free_ports(len(PORTS)), strict=True):
        former = last.get(name, 0)
        ports[name] = asked.get(name) or (former if former and are_free([former]) else free)
    file.write_text(json.dumps(ports), "utf-8")
    return ports


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold a data folder for this process alone; the kernel lets go of it when the process ends."""
    with ExitStack() as held:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = held.enter_context((folder / "lock").open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(
                f"{folder} is in use by another sandbox", hint="End that, or choose another folder."
            ) from None
        except OSError as error:
            raise UsageError(
                f"{folder} can't hold the data: {error.strerror}", hint="Name a folder that can be written."
            ) from None
        yield
