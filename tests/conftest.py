"""What every test can use: the embedded broker and registry, started when the first test asks for them.

A test that uses them is marked `integration`, and runs after all that don't: what is quick to say is said first.
"""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from sandbox.artifacts import Bundle, fetch
from sandbox.registry import Registry
from sandbox.stack import Stack

# The settings of whoever runs the tests are none of the tests' business, but where the downloads are is.
for name in [name for name in os.environ if name.startswith("DROPCOPY_") and name != "DROPCOPY_CACHE_DIR"]:
    del os.environ[name]

# How long an example takes is the machine's business: what it comes to is what is tested.
settings.register_profile("dropcopy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("dropcopy")

EMBEDDED = {"shared_registry", "stack"}
LATER = ("integration", "chaos", "containers")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if EMBEDDED & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.integration)
    items.sort(
        key=lambda item: max(
            (LATER.index(mark.name) + 1 for mark in item.iter_markers() if mark.name in LATER), default=0
        )
    )


@pytest.fixture(scope="session")
def shared_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry in memory, for topics that are thrown away."""
    (app,) = fetch([Bundle.locked("registry")])
    with Registry(app, tmp_path_factory.mktemp("registry")) as registry:
        yield registry


@pytest.fixture(scope="module")
def stack(shared_registry: Registry) -> Iterator[Stack]:
    """A broker of this module's own with every topic (4 partitions), and the registry with every schema.

    `stack.settings` and `stack.environment` are what its clients need.
    """
    with Stack(registry=shared_registry) as running:
        yield running
