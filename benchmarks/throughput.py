"""How many frames a second one worker joins, of a day that lies there already."""

import time

from benchmarks.fill import fill
from benchmarks.floor import floor
from benchmarks.measure import Progress, peak_mb
from benchmarks.worker import ready_worker
from sandbox.stack import Stack

__all__ = ["throughput"]

_HOUR_NS = 3_600_000_000_000


def throughput(orders: int, guarantee: str, processes: int) -> dict[str, float | str]:
    """Fill the topics with `orders` orders, let one worker of so many processes take them, and return what that took.

    The rate is of frames between a tenth and nine tenths of the way, and over all of it from when each process had
    partitions; CPU is the worker's alone. The `floor_…` are of a loop, in one process, that reads and writes as much.
    """
    with Stack() as stack:
        records, size, fill_s = fill(stack.settings, orders, time.time_ns() - _HOUR_NS)
        progress = Progress(stack.settings)
        with ready_worker(stack, guarantee, processes=processes) as worker:
            start_s = time.perf_counter()
            samples = progress.wait_until_committed(progress.ends(), 600, worker.pid)
            peak = peak_mb(worker.pid)
        least = floor(stack.settings, 4 * orders)
    share = 4 * orders / records  # of the records, how many are frames
    steady = [sample for sample in samples if 0.1 * records <= sample[1] <= 0.9 * records]
    first, last = samples[0], samples[-1]
    span = steady if len(steady) > 1 else samples
    rate = (span[-1][1] - span[0][1]) / (span[-1][0] - span[0][0])
    return {
        "orders": orders,
        "processes": processes,
        "frames": 4 * orders,
        "input_mb": round(size / 1e6),
        "fill_s": round(fill_s, 1),
        "frames_per_s_steady": round(rate * share),
        "frames_per_s": round(4 * orders / (last[0] - start_s)),
        "cpu_s_per_million_frames": round((last[2] - first[2]) / (4 * orders) * 1e6, 1),
        "cpu_us_per_record": round((last[2] - first[2]) / (last[1] - first[1]) * 1e6, 1),
        "peak_memory_mb": round(peak),
    } | least
