"""A worker to measure: `dropcopy process` as a process."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.processes import ChildError, Process, wait_until
from sandbox.stack import Stack

__all__ = ["dropcopy", "ready_worker"]


def dropcopy() -> Path:
    """Return the command `dropcopy` of this environment."""
    return Path(sys.executable).with_name("dropcopy")


@contextmanager
def ready_worker(stack: Stack, guarantee: str, name: str = "worker") -> Iterator[Process]:
    """Run a worker that has its partitions."""
    environment = stack.environment | {"DROPCOPY_GUARANTEE": guarantee, "DROPCOPY_LOG_FORMAT": "json"}
    with Process(name, [dropcopy(), "process"], environment=environment) as worker:
        assigned = wait_until(lambda: "partitions_assigned" in worker.log.read_text() or worker.status is not None, 90)
        if not assigned or worker.status is not None:
            raise ChildError(f"{name} has no partitions", hint=worker.log_tail())
        yield worker
