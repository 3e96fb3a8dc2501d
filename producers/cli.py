"""The commands of the package."""

import typer

app = typer.Typer()
