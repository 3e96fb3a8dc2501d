"""A real Apache Kafka broker (KRaft, one node) on this machine.

Its settings suit two cores that it shares with everything else, and low latency: internal topics have
few partitions, groups form at once, offsets of a transaction are written at once.

A broker that was killed and is alone needs care at its next start. It takes the time of its old
session, 9 s, to be registered again, acts as its partitions' leader meanwhile on what it knew, and is
then fenced off for a moment. What its transaction coordinator had logged as committed but not marked
yet is lost in that moment: it takes partitions without a leader for deleted ones, skips their markers
and calls the transaction complete, and readers of committed records wait for ever. Where other brokers
lead the partitions this does not happen. So the controller is run by itself first, until it has fenced
off the old session: the broker then leads nothing before it is registered.
"""

import base64
import uuid
from collections.abc import Mapping
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from dropcopy.kafka import MAX_RECORD_BYTES
from sandbox.ports import HOST
from sandbox.processes import Process, wait_until
from sandbox.servers import Server, ServerError, java

__all__ = ["Broker"]

FORMAT_TIMEOUT_S = 60
FENCING_TIMEOUT_S = 20
HEAP = ("-Xms256m", "-Xmx512m", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=10")

LOG4J = """\
rootLogger.level=warn
rootLogger.appenderRef.stderr.ref=stderr
appender.stderr.name=stderr
appender.stderr.type=Console
appender.stderr.target=SYSTEM_ERR
appender.stderr.layout.type=PatternLayout
appender.stderr.layout.pattern=%d{ISO8601} %p %c{1} %m%n
"""
LOG4J_OF_FENCING = f"""\
{LOG4J}logger.controller.name=org.apache.kafka.controller.ReplicationControlManager
logger.controller.level=info
"""
FENCED = "Fencing broker 1 "

SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": 1,
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    # Nothing may rely on a topic that appears by itself.
    "auto.create.topics.enable": "false",
    "message.max.bytes": MAX_RECORD_BYTES,
    "replica.fetch.max.bytes": MAX_RECORD_BYTES,
    # One node holds the only replica.
    "offsets.topic.replication.factor": 1,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    # Each of their partitions costs time at start and files.
    "offsets.topic.num.partitions": 4,
    "transaction.state.log.num.partitions": 4,
    "share.coordinator.state.topic.num.partitions": 1,
    # Latency: a group forms without waiting for more members, commits are not gathered up.
    "group.initial.rebalance.delay.ms": 0,
    "group.coordinator.append.linger.ms": 0,
    # Two cores.
    "num.network.threads": 2,
    "num.io.threads": 4,
    "background.threads": 2,
    "log.cleaner.threads": 1,
    "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
}


class Broker(Server):
    """A broker, running while inside the context.

    `jars` is the folder of the broker's artifacts, `folder` holds its data, settings and log, and is
    taken up again where it is a former broker's. `port` and `controller_port` of 0 are any free ones.

    Raises on entering a `ServerError`: it did not start; with its log's tail.
    """

    name = "broker"
    ready_timeout_s = 90

    def __init__(self, jars: Path, folder: Path, *, port: int = 0, controller_port: int = 0) -> None:
        super().__init__(folder, (port, controller_port))
        self._command = java(
            [*HEAP, "-cp", f"{jars}/*"], properties={"log4j2.configurationFile": folder / "log4j2.properties"}
        )
        self._admin: AdminClient | None = None

    @property
    def address(self) -> str:
        """What clients are given as `bootstrap.servers`."""
        return f"{HOST}:{self.ports[0]}"

    def _start(self) -> Process:
        port, controller_port = self.ports
        placed = SETTINGS | {
            "controller.quorum.voters": f"1@{HOST}:{controller_port}",
            "listeners": f"PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}",
            "advertised.listeners": f"PLAINTEXT://{HOST}:{port}",
            "log.dirs": self.folder / "data",
        }
        settings = self._write_settings("server.properties", placed)
        data = self.folder / "data"
        if not (data / "meta.properties").exists():
            self._format(settings)
        elif not (data / ".kafka_cleanshutdown").exists():
            self._fence_the_former(placed)
        (self.folder / "log4j2.properties").write_text(LOG4J, "utf-8")
        self._admin = None
        return Process("broker", [*self._command, "kafka.Kafka", settings], folder=self.folder)

    def _write_settings(self, name: str, settings: Mapping[str, object]) -> Path:
        file = self.folder / name
        file.write_text("".join(f"{key}={value}\n" for key, value in settings.items()), "utf-8")
        return file

    def _fence_the_former(self, placed: Mapping[str, object]) -> None:
        """Run the controller alone until the killed broker's session is over."""
        alone = {
            "process.roles": "controller",
            "listeners": f"CONTROLLER://{HOST}:{self.ports[1]}",
            "advertised.listeners": f"CONTROLLER://{HOST}:{self.ports[1]}",
            "broker.session.timeout.ms": 1000,
            "broker.heartbeat.interval.ms": 500,
        }
        settings = self._write_settings("controller.properties", {**placed, **alone})
        (self.folder / "log4j2.properties").write_text(LOG4J_OF_FENCING, "utf-8")
        with Process("controller", [*self._command, "kafka.Kafka", settings], folder=self.folder) as process:
            # One that was killed before it was registered has no session to end.
            wait_until(
                lambda: process.status is not None or FENCED in process.log.read_text("utf-8"), FENCING_TIMEOUT_S
            )

    def _format(self, settings: Path) -> None:
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        arguments = ["kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "--config", str(settings)]
        with Process("format", [*self._command, *arguments], folder=self.folder) as process:
            if process.wait(FORMAT_TIMEOUT_S) != 0:
                raise ServerError(f"the broker's storage in {self.folder} can't be made:\n{process.log_tail()}")

    def _answers(self) -> bool:
        if self._admin is None:
            self._admin = AdminClient(
                {
                    "bootstrap.servers": self.address,
                    # Tries again fast, so that readiness is seen when it comes.
                    "reconnect.backoff.ms": 20,
                    "reconnect.backoff.max.ms": 100,
                    "log_level": 0,
                }
            )
        try:
            return bool(self._admin.list_topics(timeout=0.5).brokers)
        except KafkaException:
            return False

    def stop(self) -> None:
        """End the broker, in order where it does so in time; ending an ended one changes nothing."""
        # It would otherwise go on trying to reach a broker that is gone.
        self._admin = None
        super().stop()
