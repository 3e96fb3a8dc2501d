"""`dropcopy demo`."""

from typing import Annotated

import typer

__all__ = ["demo"]


def demo(
    seconds: Annotated[float | None, typer.Option(min=1, help="Trade this long, instead of until Ctrl-C.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the account as one JSON object.")] = False,
    rate: Annotated[float, typer.Option(min=0.1, max=1000, help="Orders a second.")] = 5,
    accounts: Annotated[int, typer.Option(min=1, max=100, help="How many accounts trade.")] = 4,
    seed: Annotated[int, typer.Option(help="Decides what goes wrong when.")] = 1,
    workers: Annotated[int, typer.Option(min=1, max=16, help="How many workers process.")] = 2,
) -> None:
    """Show all of it on this machine: a real Kafka, a simulated venue, and what goes wrong and how it comes out.

    At the end every order that the venue knows is accounted for; the exit status is 1 if one is not.
    """
    from sandbox.demo.parts import Options
    from sandbox.demo.run import run_demo

    raise typer.Exit(run_demo(Options(seconds, rate, accounts, seed, workers), as_json=json))
