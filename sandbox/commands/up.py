"""`dropcopy sandbox up`."""

import signal
import time
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer

__all__ = ["up"]

LOOK_EVERY_S = 1


def up(
    data: Annotated[
        Path | None,
        typer.Option(help="Keep topics and schemas in this folder, for the next run; else all is thrown away."),
    ] = None,
    kafka_port: Annotated[int, typer.Option(min=0, max=65535, help="0: the last run's, or any free one.")] = 0,
    registry_port: Annotated[int, typer.Option(min=0, max=65535, help="0: the last run's, or any free one.")] = 0,
) -> None:
    """Run a real Kafka broker and schema registry on this machine until stopped.

    Prints the settings to export, one a line, when all is ready.
    """
    from dropcopy.settings import Settings
    from sandbox.stack import Stack

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    partitions = Settings.load().partitions
    with Stack(data, partitions=partitions, kafka_port=kafka_port, registry_port=registry_port) as stack:
        for name, value in stack.environment.items():
            typer.echo(f"{name}={value}")
        while True:
            time.sleep(LOOK_EVERY_S)
            stack.check()


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    # Once is enough: a second Ctrl-C would cut short the ending that the first began.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise SystemExit(0)
