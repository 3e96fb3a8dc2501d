"""The commands of the package."""

from typing import Annotated

import typer

from producers.gateways.cli import accounts
from producers.gateways.cli import app as order
from producers.gateways.stop_cli import app as stop_order

__all__ = ["app"]

app = typer.Typer()
app.add_typer(order)
app.add_typer(stop_order)
app.command()(accounts)


@app.command()
def produce(
    venues: Annotated[list[str], typer.Argument(metavar="VENUE...", help="One venue or several, such as tinvest.")],
) -> None:
    """Record every private frame of these venues, until it is stopped."""
    import asyncio

    from dropcopy.logs import configure_logs
    from dropcopy.settings import Settings
    from producers.feeds.run import run_feeds

    settings = Settings.load()
    configure_logs(settings)
    asyncio.run(run_feeds(settings, venues))
