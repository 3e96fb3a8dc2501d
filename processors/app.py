"""The Faust app: one agent over all input topics, with the project's transport and sink.

What is Faust's: the app and its services, the agent, the worker, and the order of events at a
rebalance. Settings that matter, and why:

* topics are never acknowledged (`acks=False`, `noack()`), so Faust commits nothing by itself;
* `stream_wait_empty=False`: with nothing acknowledged there is nothing to wait for at a rebalance;
* `CrashingSupervisor`: any failure ends the process, and a restart continues from the last commit.
"""

import asyncio
import gc
import os
import sys
import threading
import time
from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, cast

import faust
import mode
from confluent_kafka import KafkaException
from faust.types import TP
from prometheus_client import REGISTRY

import processors.mappings
from dropcopy.errors import DropcopyError
from dropcopy.kafka import client_config
from dropcopy.logs import get_logger
from dropcopy.probes import Probes, serve
from dropcopy.settings import Settings
from processors import shard
from processors.metrics import prepare
from processors.poller import Turn
from processors.shard import Reports
from processors.sink import Sink
from processors.standing import Standing
from processors.transport import Consumer
from processors.worker import Worker
from schemas import topics

__all__ = ["Processor", "core", "mapped_venues", "run"]

log = get_logger(__name__)

_TICK_S = 1.0
# How long an orderly end after a failure may take: what others wait for is that this worker is gone.
_LAST_S = 10.0


def core() -> str:
    """Say whether what every frame goes through was compiled to C: `compiled`, or `interpreted`."""
    return "interpreted" if str(shard.__file__).endswith(".py") else "compiled"


def mapped_venues() -> dict[str, Reports]:
    """Return the mapping of every venue that there is a folder for in `processors/mappings`."""
    names = [module.name for module in iter_modules(processors.mappings.__path__)]
    return {name: import_module(f"processors.mappings.{name}").reports for name in names}


class Processor(faust.App):
    """The worker's app. `ids` are the registry's schema ids, by topic."""

    def __init__(self, settings: Settings, ids: Mapping[str, int], worker_id: str) -> None:
        self.settings = settings
        self.failure: BaseException | None = None
        self._crashing: asyncio.Future[None] | None = None
        venues = mapped_venues()
        prepare(venues)
        super().__init__(
            settings.group_id,
            broker=f"batch://{settings.bootstrap_servers.split(',')[0]}",
            store="memory://",
            autodiscover=False,
            topic_allow_declare=False,
            topic_disable_leader=True,
            topic_partitions=settings.partitions,
            stream_wait_empty=False,
            stream_recovery_delay=0.0,
            broker_commit_interval=3600.0,
            agent_supervisor=mode.CrashingSupervisor,
            web_enabled=False,
            value_serializer="raw",
        )
        self._static_id = settings.worker_id
        self._problem: str | None = "it is starting"
        self.probes = Probes("processor")
        self.probes.check("partitions", lambda: self._problem)
        self.sink = Sink(settings, f"{settings.group_id}-{worker_id}", self.fail)
        self.worker = Worker(settings, venues, ids, self.sink, self._ends, self._commit_soon)
        names = [topics.frames_topic(venue).name for venue in sorted(venues)] + [topics.SUBMITTED.name]
        self.inputs = self.topic(*names, key_type=bytes, value_type=bytes, value_serializer="raw", acks=False)
        self.agent(self.inputs, name="join")(self._join)
        self.timer(_TICK_S)(self._tick)
        self.task(self.worker.flush)
        self.on_partitions_assigned.connect(cast("Any", self._assigned))
        self.on_partitions_revoked.connect(cast("Any", self._revoked))

    def consumer_config(self) -> dict[str, Any]:
        """Return librdkafka's properties for this member of the group.

        `range` gives partition N of every input topic to the same member, as their counts are equal.
        """
        timeout_ms = int(self.settings.session_timeout_s * 1000)
        config = client_config(self.settings) | {
            "group.id": self.settings.group_id,
            "partition.assignment.strategy": "range",
            "session.timeout.ms": timeout_ms,
            "heartbeat.interval.ms": max(timeout_ms // 5, 100),
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 100,
            "fetch.error.backoff.ms": 50,
            "queued.max.messages.kbytes": 65_536,
            # At a full queue librdkafka looks again after a second by default, and reads a third as much.
            "fetch.queue.backoff.ms": 5,
        }
        return config | ({"group.instance.id": self._static_id} if self._static_id else {})

    async def on_first_start(self) -> None:
        """Open the sink before anything is read."""
        self.add_future(self.probes.pulse())
        await self.sink.open()
        self._problem = "none are assigned yet"
        await super().on_first_start()

    def _create_directories(self) -> None:
        """Make none of Faust's folders: nothing is kept on disk, and a container's may be read-only."""

    async def finish(self) -> None:
        """Wait until what is in flight is committed; a failure has been told already."""
        if self.failure is None:
            await self.worker.finish()

    async def crash(self, reason: BaseException) -> None:
        """End the process, in order where that is possible in time: a thread may be held by a call to a broker."""
        last = threading.Timer(_LAST_S, os._exit, (1,))
        last.daemon = True
        last.start()
        await super().crash(reason)

    def fail(self, error: BaseException) -> None:
        """End the process for what went wrong outside Faust's sight: a round, or what the poller's thread does."""
        if self.failure is None:
            self.failure = error
            foreseen = isinstance(error, KafkaException | DropcopyError)
            log.error("round_failed", error=str(error), exc_info=None if foreseen else error)
            self._crashing = asyncio.ensure_future(self.crash(error))

    async def _join(self, stream: Any) -> None:
        async for event in stream.noack().events():
            turn: Turn = event.message.value
            if event.message.generation_id == self.consumer_generation_id:
                await self.worker.take(turn)
            else:
                turn.drop()

    async def _tick(self) -> None:
        await self.worker.tick(time.time_ns())

    def _ends(self) -> Mapping[TP, int]:
        """Return where the partitions that are read end; asked from the probes' thread too."""
        return cast("Consumer", self.consumer).ends() if self._problem is None else {}

    def _commit_soon(self, offsets: Mapping[TP, int]) -> None:
        cast("Consumer", self.consumer).commit_soon(offsets)

    async def _assigned(self, _: object, assigned: set[TP], **__: object) -> None:
        self._problem = "their state is being restored"
        await self.worker.assigned(assigned)
        self._problem = None

    async def _revoked(self, _: object, revoked: set[TP], **__: object) -> None:
        self._problem = "none are assigned now"
        if self.failure is None:
            await self.worker.revoked(revoked)


def run(app: Processor) -> int:
    """Run the worker until it is told to stop; return the process's exit status."""
    # A worker makes millions of objects that live on and no cycles to speak of.
    gc.set_threshold(100_000, 50, 100)
    # The threads of the event loop and the commits wait most of the time, and are late if they then have to wait long
    # for the one that computes.
    sys.setswitchinterval(0.005)
    log.info("started", core=core())
    worker = faust.Worker(app, override_logging=False, redirect_stdouts=False, quiet=True)
    # It would write to standard output, which is for records, also where that is no terminal.
    worker.spinner = None
    try:
        REGISTRY.register(Standing(app.worker.shards, app.worker.lags))
        with serve(app.settings, app.probes):
            worker.execute_from_commandline()
    except SystemExit as stop:
        return int(stop.code or 0) or int(app.failure is not None)
    finally:
        if app.failure is not None:
            # The interpreter would wait for the thread that a call to the broker holds, and others for this process.
            sys.stderr.flush()
            os._exit(1)
