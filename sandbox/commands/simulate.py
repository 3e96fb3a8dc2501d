"""`dropcopy sandbox simulate`."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["simulate"]


def simulate(
    venue: Annotated[str, typer.Argument(help="The venue to simulate, such as tinvest.")],
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port; 0 takes a free one.", min=0, max=65535)] = 0,
    secrets: Annotated[
        Path | None, typer.Option(help="A folder with its secrets, one file each (tinvest_token); else made up.")
    ] = None,
    accounts: Annotated[str, typer.Option(help="How many accounts, or their ids, comma-separated.")] = "3",
    seed: Annotated[int | None, typer.Option(help="Let the same happen as in another run with this seed.")] = None,
    speed: Annotated[float, typer.Option(help="How fast orders live; at 1 for about 2 seconds.", min=0.001)] = 1,
    limits: Annotated[
        str, typer.Option(help="How often it may be called: none (no limit), or documented where documents tell it.")
    ] = "none",
    certificate: Annotated[Path | None, typer.Option(help="Serve TLS with this PEM certificate chain.")] = None,
    key: Annotated[Path | None, typer.Option(help="The certificate's private key.")] = None,
) -> None:
    """Run a venue on this machine until stopped.

    Prints the DROPCOPY_… settings that lead to it, and the address of its controls, when it is ready.
    """
    from sandbox.simulators.running import run_simulator

    run_simulator(
        venue,
        port=port,
        accounts=accounts,
        seed=seed,
        speed=speed,
        certificate=certificate,
        key=key,
        limits=limits,
        host=host,
        secrets=secrets,
    )
