"""How soon a worker with many live orders processes again after a clean stop."""

import time

from benchmarks.fill import fill
from benchmarks.measure import Progress
from benchmarks.worker import ready_worker
from sandbox.stack import Stack

__all__ = ["restart"]


def restart(orders: int, guarantee: str) -> dict[str, float | str]:
    """Fill the state with `orders` live orders, stop the worker, start another; return what that took.

    The time runs from the start of the second worker to its first commit, of a frame that was there
    before it, so it holds the interpreter's start, joining the group and restoring the state.
    """
    with Stack() as stack:
        progress = Progress(stack.settings)
        fill(stack.settings, orders, time.time_ns() - 600_000_000_000, frames_each=2)
        with ready_worker(stack, guarantee, "first") as worker:
            progress.wait_until_committed(progress.ends(), 600, worker.pid)
        fill(stack.settings, 1, time.time_ns(), first=orders, frames_each=2)
        end = progress.ends()
        start_s = time.perf_counter()
        with ready_worker(stack, guarantee, "second") as worker:
            assigned_s = time.perf_counter() - start_s
            progress.wait_until_committed(end, 120, worker.pid)
            first_s = time.perf_counter() - start_s
    return {
        "live_orders": orders,
        "restart_assigned_s": round(assigned_s, 2),
        "restart_first_result_s": round(first_s, 2),
    }
