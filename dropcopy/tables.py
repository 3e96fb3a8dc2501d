"""Prints what a command found: a table on a terminal, lines with tabs into a pipe."""

from collections.abc import Iterable, Sequence

import typer

from dropcopy.text import printable

__all__ = ["print_table"]


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows of texts, one for each column; what would speak to the terminal is shown instead."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        for row in rows:
            typer.echo("\t".join(map(printable, row)))
        return
    table = Table(box=None, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(text)) for text in row))
    console.print(table)
