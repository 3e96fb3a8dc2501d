"""`python -m benchmarks`: how fast, how heavy, how soon again, how late.

Each part but the first has a broker of its own, runs the real `dropcopy process` as a process, and measures it from
outside; the broker shares the machine. The figures are of this machine at this moment: compare only
what was measured in one run.

    shard       the join alone, in this process, of at most 10,000 orders
    throughput  a day of orders lies in the topics; the time until a worker of one process has committed it all
    cores       the same of a worker that has a process for each core (`--processes`)
    restart     as many live orders in the state; the time from a start to the first result
    latency     frames at a steady rate; from before a frame is produced to its result being read,
                read_committed
"""

import json
import os
import sys
import time
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.latency import latency
from benchmarks.restart import restart
from benchmarks.shard import shard
from benchmarks.throughput import throughput
from processors.app import core

PARTS = ("shard", "throughput", "cores", "restart", "latency")


def main(
    orders: Annotated[int, typer.Option(help="How many orders, of four frames each.", min=100)] = 250_000,
    rate: Annotated[int, typer.Option(help="Frames a second of the latency part.", min=1)] = 300,
    seconds: Annotated[float, typer.Option(help="How long the latency part lasts.", min=5)] = 40,
    guarantee: Annotated[str, typer.Option(help="exactly_once or at_least_once.")] = "exactly_once",
    processes: Annotated[int, typer.Option(help="The processes of the part cores.", min=1)] = os.cpu_count() or 1,
    only: Annotated[list[str] | None, typer.Option(help=f"One of {', '.join(PARTS)}; may be repeated.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Measure the processor on a real broker on this machine."""
    console = Console(stderr=True)
    wanted = only or list(PARTS)
    if unknown := [name for name in wanted if name not in PARTS]:
        raise typer.BadParameter(f"{unknown[0]!r} is none of {', '.join(PARTS)}")
    found: dict[str, float | str] = {"core": core(), "guarantee": guarantee}
    start_s = time.perf_counter()
    for name in wanted:
        with console.status(f"{name} …"):
            if name == "shard":
                found |= shard(orders)
            elif name == "throughput":
                found |= throughput(orders, guarantee, 1)
            elif name == "cores":
                found |= {f"cores_{key}": value for key, value in throughput(orders, guarantee, processes).items()}
            elif name == "restart":
                found |= restart(orders, guarantee)
            else:
                found |= latency(rate, seconds, guarantee)
        console.print(f"{name} done after {time.perf_counter() - start_s:.0f} s")
    if as_json or not sys.stdout.isatty():
        print(json.dumps(found))
        return
    table = Table("what", "figure")
    for key, value in found.items():
        table.add_row(key, str(value))
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
