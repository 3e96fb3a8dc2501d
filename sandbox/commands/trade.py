"""`dropcopy sandbox trade`."""

from typing import Annotated

import typer

__all__ = ["trade"]


def trade(
    venue: Annotated[str, typer.Argument(help="The venue to trade at, such as tinvest.")],
    rate: Annotated[float, typer.Option(help="Requests a second, over all accounts.", min=0.01, max=10_000)] = 5,
    seconds: Annotated[float | None, typer.Option(help="How long; by default until stopped.", min=0.1)] = None,
    seed: Annotated[int | None, typer.Option(help="Send the same orders as another run with this seed.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object.")] = False,
) -> None:
    """Submit random orders, changes and cancels through the gateway, and print a summary at the end.

    Refuses to start without the venue's settings; meant for a simulated venue.
    """
    from sandbox.trader import run_trader

    run_trader(venue, rate=rate, seconds=seconds, seed=seed, as_json=as_json)
