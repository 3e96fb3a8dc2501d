"""docker-compose.yml: up with one command, data flows, a stop loses nothing, and nothing is left after it."""

import os
from collections.abc import Iterator
from functools import partial

import pytest

from dropcopy.settings import Settings
from producers.settings import venue_names
from sandbox.ports import free_ports
from sandbox.processes import wait_until
from sandbox.simulators.running import simulator_names
from tests.containers.account import Watch, check, ledger
from tests.containers.engine import ROOT, Compose, run

pytestmark = [pytest.mark.containers, pytest.mark.timeout(170)]

PARTITIONS = 4
FEEDS = tuple(f"feed-{venue}" for venue in venue_names())
ALL_BUT_THE_VENUE = ("tail", *FEEDS, "processor-1", "processor-2", "registry", "broker")
ROLES = (
    *("processor-1", "processor-2", "trader-tinvest", "tail"),
    *(f"{role}-{venue}" for role in ("feed", "simulator") for venue in venue_names()),
)
# What the examples ask of whoever uses them.
GIVEN = {
    "DROPCOPY_TINVEST_TOKEN_FILE": "/dev/null",
    "DROPCOPY_TINVEST_ACCOUNTS": "2000000001",
    "DROPCOPY_TINVEST_CA": "/dev/null",
    "DROPCOPY_OUTPOLL_API_KEY_FILE": "/dev/null",
    "DROPCOPY_OUTPOLL_API_SECRET_FILE": "/dev/null",
    "DROPCOPY_OUTPOLL_ACCOUNT": "main",
    "DROPCOPY_RIPIO_API_TOKEN_FILE": "/dev/null",
    "DROPCOPY_RIPIO_API_SECRET_FILE": "/dev/null",
    "DROPCOPY_RIPIO_ACCOUNT": "main",
    "DROPCOPY_RIPIO_PAIRS": "BTC_BRL",
    "DROPCOPY_BOOTSTRAP_SERVERS": "kafka:9093",
    "DROPCOPY_SCHEMA_REGISTRY_URL": "https://registry",
    "DROPCOPY_KAFKA_USER": "dropcopy",
    "DROPCOPY_KAFKA_PASSWORD_FILE": "/dev/null",
    "DROPCOPY_KAFKA_CA": "/dev/null",
}


@pytest.fixture(scope="module")
def ports() -> list[int]:
    return free_ports(3)


@pytest.fixture(scope="module")
def compose(compose_command: list[str], image: str, registry_image: str, ports: list[int]) -> Compose:
    """A project that nothing of is started yet."""
    kafka_port, registry_port, simulator_port = map(str, ports)
    environment = {
        "DROPCOPY_VERSION": image.partition(":")[2],
        "DROPCOPY_PARTITIONS": str(PARTITIONS),
        "KAFKA_HOST_PORT": kafka_port,
        "REGISTRY_HOST_PORT": registry_port,
        "SIMULATOR_HOST_PORT": simulator_port,
    }
    return Compose(compose_command, f"dropcopy-test-{os.getpid()}", environment)


@pytest.fixture(scope="module")
def demo(compose: Compose) -> Iterator[Compose]:
    """The demo, up."""
    try:
        compose("up", "--detach")
        yield compose
    finally:
        compose("down", "--volumes", "--timeout", "5")
    assert compose.containers() == []
    assert not run(["docker", "volume", "ls", "--quiet", "--filter", f"name={compose.project}"])


@pytest.fixture(scope="module")
def settings(ports: list[int]) -> Settings:
    return Settings(
        bootstrap_servers=f"127.0.0.1:{ports[0]}",
        schema_registry_url=f"http://127.0.0.1:{ports[1]}/apis/ccompat/v7",
        partitions=PARTITIONS,
    )


def test_every_feed_is_connected(demo: Compose) -> None:
    for service in FEEDS:
        assert wait_until(partial(demo.is_healthy, service), 60), demo("logs", "--no-color", service)[-2000:]


def test_data_flows_and_a_stop_of_all_but_the_venue_under_load_loses_and_doubles_nothing(
    demo: Compose, settings: Settings, ports: list[int]
) -> None:
    with Watch(settings) as watch:
        watch.until_more(20)
        demo("stop", *ALL_BUT_THE_VENUE)
        demo("up", "--detach")
        watch.until_more(20)
        demo("stop", "trader-tinvest")

        check(watch.account(ledger(f"http://127.0.0.1:{ports[2]}/control")), orders=10)


def test_it_is_reached_from_this_machine_alone(demo: Compose) -> None:
    bindings = [
        binding["HostIp"]
        for container in demo.containers()
        for found in demo.inspect(container)["HostConfig"]["PortBindings"].values()
        for binding in found
    ]

    assert bindings == ["127.0.0.1"] * 3


@pytest.mark.parametrize("service", ROLES)
def test_every_role_is_hardened_and_bounded(demo: Compose, service: str) -> None:
    (container,) = demo.containers(service)
    host = demo.inspect(container)["HostConfig"]

    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert host["Memory"] > 0
    assert host["RestartPolicy"]["Name"] == "unless-stopped"
    assert not [line for line in demo.inspect(container)["Config"]["Env"] if "_TOKEN=" in line]


def test_the_tail_shows_the_results(demo: Compose) -> None:
    assert "ord_status=FILLED" in demo("logs", "--no-color", "tail")


@pytest.mark.parametrize(
    ("files", "profile"),
    [
        (["docker-compose.yml"], None),
        (["docker-compose.yml"], "demo"),
        *[(["docker-compose.yml", f"deploy/compose/{venue}.yml"], venue) for venue in venue_names()],
        (["docker-compose.yml", "deploy/compose/existing-kafka.yml"], None),
        (["docker-compose.yml", "deploy/compose/existing-kafka.yml", "deploy/compose/tinvest.yml"], "tinvest"),
    ],
)
def test_the_files_fit_together(
    compose: Compose, files: list[str], profile: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in GIVEN.items():
        monkeypatch.setenv(name, value)

    compose("config", "--quiet", profile=profile, files=files)


def test_every_venue_has_a_feed_and_a_simulator(compose: Compose) -> None:
    services = compose("config", "--services").split()

    assert {name for name in services if name.startswith("feed-")} == {f"feed-{venue}" for venue in venue_names()}
    assert {name for name in services if name.startswith("simulator-")} == {
        f"simulator-{venue}" for venue in simulator_names()
    }


def test_every_version_in_it_is_pinned() -> None:
    lines = (ROOT / "docker-compose.yml").read_text("utf-8").splitlines()
    images = [line.split("image:")[1].strip() for line in lines if "image:" in line]

    assert len(images) >= 3
    assert [name for name in images if ":" not in name or name.endswith("latest")] == []
