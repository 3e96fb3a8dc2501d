"""A worker to measure: `dropcopy process` as a process."""

import json
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
def ready_worker(stack: Stack, guarantee: str, name: str = "worker", processes: int = 1) -> Iterator[Process]:
    """Run a worker of which each process has its partitions."""
    environment = stack.environment | {
        "DROPCOPY_GUARANTEE": guarantee,
        "DROPCOPY_LOG_FORMAT": "json",
        "DROPCOPY_PROCESSES": str(processes),
    }
    with Process(name, [dropcopy(), "process"], environment=environment) as worker:
        assigned = wait_until(lambda: _assigned(worker) >= processes or worker.status is not None, 90)
        if not assigned or worker.status is not None:
            raise ChildError(f"{name} has no partitions", hint=worker.log_tail())
        yield worker


def _assigned(worker: Process) -> int:
    """Return how many of the worker's processes have been given partitions."""
    lines = [json.loads(line) for line in worker.log.read_text().splitlines() if "partitions_assigned" in line]
    return len({line.get("member") for line in lines})
