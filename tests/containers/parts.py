"""All roles as containers of one network, with a broker, a registry and a simulated venue."""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docker.errors import APIError
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network

from dropcopy.settings import Settings
from sandbox.ports import free_ports
from sandbox.processes import wait_until
from tests.containers.engine import KAFKA, ROOT

READY_S = 90
PARTITIONS = 4
# The least that a broker allows by itself.
SESSION_S = 6
TOKEN_FILE = "/run/secrets/tinvest_token"

# Short times, so that what is missing is told soon.
ENVIRONMENT = {
    "DROPCOPY_BOOTSTRAP_SERVERS": "broker:19092",
    "DROPCOPY_SCHEMA_REGISTRY_URL": "http://registry:8080/apis/ccompat/v7",
    "DROPCOPY_PARTITIONS": str(PARTITIONS),
    "DROPCOPY_REPLY_TIMEOUT_S": "4",
    "DROPCOPY_SUBMISSION_GRACE_S": "4",
    "DROPCOPY_SESSION_TIMEOUT_S": str(SESSION_S),
    "DROPCOPY_ORDER_TIMEOUT_S": "2",
    "DROPCOPY_FEED_RECONCILE_INTERVAL_S": "3",
    "DROPCOPY_TINVEST_TOKEN_FILE": TOKEN_FILE,
    "DROPCOPY_TINVEST_ACCOUNTS": "2000000001,2000000002",
    "DROPCOPY_TINVEST_REST_URL": "http://simulator:8080/rest",
    "DROPCOPY_TINVEST_WS_URL": "ws://simulator:8080/ws",
    "DROPCOPY_TINVEST_PING_DELAY_MS": "1000",
}
BROKER = {
    "KAFKA_NODE_ID": "1",
    "KAFKA_PROCESS_ROLES": "broker,controller",
    "KAFKA_LISTENERS": "INSIDE://:19092,OUTSIDE://:9092,CONTROLLER://:9093",
    "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "INSIDE:PLAINTEXT,OUTSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "KAFKA_INTER_BROKER_LISTENER_NAME": "INSIDE",
    "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
    # By the loopback: a broker that is cut off is still its own controller.
    "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
    "KAFKA_LOG_DIRS": "/var/lib/kafka/data",
    "KAFKA_HEAP_OPTS": "-Xms256m -Xmx512m",
    "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
    "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
    "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
    "KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS": "4",
    "KAFKA_TRANSACTION_STATE_LOG_NUM_PARTITIONS": "4",
    "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
    "CONTROLLER_LISTENER": "CONTROLLER://:9093",
    "CONTROLLER_ADVERTISED": "CONTROLLER://localhost:9093",
    "FENCING_TIMEOUT_S": "20",
}
LISTENING = ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/9092"]
REGISTRY_READY = [
    "bash",
    "-c",
    "exec 3<>/dev/tcp/127.0.0.1/8080; printf 'GET /apis/ccompat/v7/subjects HTTP/1.0\\r\\n\\r\\n' >&3;"
    "read -r _ status _ <&3; test $status = 200",
]


@dataclass
class Part:
    """A running container, known to the others by its name; `ready` is what tells that it does its work."""

    name: str
    container: DockerContainer
    network: Network
    ready: Sequence[str] = ("healthy",)

    @property
    def engine(self) -> Any:
        """The engine's own handle of the container."""
        return self.container.get_wrapped_container()

    def is_ready(self) -> bool:
        """Tell whether it runs and does its work."""
        self.engine.reload()
        try:
            return self.engine.status == "running" and self.engine.exec_run(list(self.ready)).exit_code == 0
        except APIError:
            return False  # it has ended in between

    def wait_until_ready(self) -> None:
        """Wait until it does its work."""
        assert wait_until(self.is_ready, READY_S), f"{self.name} is not ready within {READY_S} s:\n{self.log()}"

    def log(self) -> str:
        """Return the last lines that it wrote."""
        out, err = self.container.get_logs()
        return "\n".join((out + err).decode(errors="replace").splitlines()[-25:])

    def kill(self) -> None:
        """Kill it, and start it again as it was."""
        self.engine.kill()
        self.engine.wait()
        self.engine.start()

    def pause(self) -> None:
        """Freeze it until it is let go on."""
        self.engine.pause()

    def go_on(self) -> None:
        """Let a frozen one go on."""
        self.engine.unpause()

    def cut_off(self) -> None:
        """Take it off the network."""
        self.network._unwrap_network.disconnect(self.engine.id)

    def plug_in(self) -> None:
        """Bring it back to the network."""
        self.network.connect(self.engine.id, [self.name])


@dataclass
class Parts:
    """What runs, and how this machine reaches it."""

    image: str
    network: Network
    secret: Path
    settings: Settings
    control_url: str = ""
    running: dict[str, Part] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Part:
        return self.running[name]

    def role(self, name: str, *command: str, **environment: str) -> DockerContainer:
        """Return a container of a role, hardened as in docker-compose.yml; whoever asks for it starts it."""
        return (
            DockerContainer(self.image)
            .with_command(list(command))
            .with_network(self.network)
            .with_network_aliases(name)
            .with_envs(**ENVIRONMENT, **environment)
            .with_volume_mapping(self.secret, TOKEN_FILE)
            .with_kwargs(
                read_only=True,
                cap_drop=["ALL"],
                security_opt=["no-new-privileges"],
                mem_limit="512m",
                # A processor that lost its place in the group ends, for whoever watches it to start it again.
                restart_policy={"Name": "on-failure"},
            )
        )

    def once(self, *command: str) -> str:
        """Run a command in a container to its end, and return what it wrote to standard output."""
        with self.role("once", *command).with_kwargs(read_only=True) as container:
            status = container.wait()
            out, err = container.get_logs()
            assert status == 0, err.decode(errors="replace")
            return out.decode()


@contextmanager
def running(image: str, registry_image: str, folder: Path) -> Iterator[Parts]:
    """Start all parts, each once those it needs are ready, and remove them at the end."""
    kafka_port, registry_port, simulator_port = free_ports(3)
    secret = folder / "tinvest_token"
    secret.write_text(f"t.simulated-{secrets.token_urlsafe(24)}\n", "utf-8")
    settings = Settings(
        bootstrap_servers=f"127.0.0.1:{kafka_port}",
        schema_registry_url=f"http://127.0.0.1:{registry_port}/apis/ccompat/v7",
        partitions=PARTITIONS,
    )
    with ExitStack() as stack:
        network = stack.enter_context(Network())
        parts = Parts(image, network, secret, settings, f"http://127.0.0.1:{simulator_port}/control")

        def start(name: str, container: DockerContainer, ready: Sequence[str] = ("healthy",), port: int = 0) -> None:
            if port:
                # with_bind_ports takes no host's address.
                inside = {"broker": 9092}.get(name, 8080)
                container.ports[f"{inside}/tcp"] = ("127.0.0.1", port)  # type: ignore[assignment]  # passed on as it is
            parts.running[name] = Part(name, stack.enter_context(container), network, ready)

        start("broker", _broker(network, kafka_port), LISTENING, kafka_port)
        start("registry", _registry(network, registry_image), REGISTRY_READY, registry_port)
        simulate = ("sandbox", "simulate", "tinvest", "--host", "0.0.0.0", "--port", "8080")
        stats = ("healthy", "http://127.0.0.1:8080/control/stats")
        accounts = ("--accounts", ENVIRONMENT["DROPCOPY_TINVEST_ACCOUNTS"], "--secrets", "/run/secrets")
        start("simulator", parts.role("simulator", *simulate, *accounts), stats, simulator_port)
        for name in ("broker", "registry", "simulator"):
            parts[name].wait_until_ready()
        parts.once("topics", "create")
        for number in ("1", "2"):
            name = f"processor-{number}"
            start(name, parts.role(name, "process", DROPCOPY_WORKER_ID=number))
        start("feed", parts.role("feed", "produce", "tinvest"))
        for part in parts.running.values():
            part.wait_until_ready()
        yield parts


def _broker(network: Network, port: int) -> DockerContainer:
    return (
        DockerContainer(KAFKA)
        .with_command(["bash", "/etc/dropcopy/broker.sh"])
        .with_network(network)
        .with_network_aliases("broker")
        .with_envs(**BROKER)
        .with_env("KAFKA_ADVERTISED_LISTENERS", f"INSIDE://broker:19092,OUTSIDE://127.0.0.1:{port}")
        .with_volume_mapping(ROOT / "deploy" / "compose" / "broker.sh", "/etc/dropcopy/broker.sh")
        .with_kwargs(mem_limit="1g")
    )


def _registry(network: Network, image: str) -> DockerContainer:
    # In memory: its topics are thrown away with it.
    return (
        DockerContainer(image)
        .with_network(network)
        .with_network_aliases("registry")
        .with_env("JAVA_TOOL_OPTIONS", "-Xms64m -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1")
        .with_env("QUARKUS_LOG_LEVEL", "WARN")
        .with_kwargs(mem_limit="768m")
    )
