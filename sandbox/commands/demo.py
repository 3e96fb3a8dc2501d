"""`dropcopy demo`."""

from typing import Annotated

import typer

__all__ = ["demo"]


def demo(
    seconds: Annotated[float | None, typer.Option(min=1, help="Trade this long, instead of until Ctrl-C.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the account as one JSON object.")] = False,
    rate: Annotated[float, typer.Option(min=0.1, max=1000, help="Requests a second, over all venues.")] = 5,
    accounts: Annotated[
        int, typer.Option(min=1, max=100, help="How many accounts trade where one token has several.")
    ] = 4,
    venues: Annotated[str, typer.Option(help="Which venues, comma-separated; by default all.")] = "",
    seed: Annotated[int, typer.Option(help="Decides what goes wrong when.")] = 1,
    workers: Annotated[int, typer.Option(min=1, max=16, help="How many workers process.")] = 2,
) -> None:
    """Show all of it on this machine: a real Kafka, simulated venues, and what goes wrong and how it comes out.

    At the end every order that the venues know is accounted for; the exit status is 1 if one is not.
    """
    from sandbox.demo.parts import Options
    from sandbox.demo.run import run_demo

    named = {"venues": tuple(dict.fromkeys(venues.split(",")))} if venues else {}
    raise typer.Exit(run_demo(Options(seconds, rate, accounts, seed, workers, **named), as_json=json))
