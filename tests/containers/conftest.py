"""An engine, and the image under test built by it; without an engine a skip that says why, or a failure."""

import os
from collections.abc import Iterator

import pytest

from tests.containers import engine


def unavailable(reason: str) -> None:
    """Skip, or fail where REQUIRE_DOCKER says that this machine has all that is needed."""
    if os.environ.get("REQUIRE_DOCKER", "0") not in ("", "0"):
        pytest.fail(f"REQUIRE_DOCKER is set, but {reason}", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def image() -> Iterator[str]:
    """The name of the image under test."""
    if reason := engine.why_not():
        unavailable(reason)
    with engine.built(f"test-{os.getpid()}") as name:
        yield name


@pytest.fixture(scope="session")
def registry_image(image: str) -> str:
    """The name of the schema registry's image."""
    return engine.registry_image()


@pytest.fixture(scope="session")
def compose_command(image: str) -> list[str]:
    """How compose is called."""
    command = engine.compose_command()
    if command is None:
        unavailable("neither `docker compose` nor `docker-compose` is there")
    assert command is not None
    return command
