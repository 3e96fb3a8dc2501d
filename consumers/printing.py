"""Prints records on standard output: a table on a terminal, plain lines in a pipe, or JSON."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, TextIO

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from consumers.columns import Column, columns_of, fit, names_of, style_of
from consumers.records import Record, as_json
from consumers.selection import value_text
from dropcopy.text import printable, quoted

__all__ = ["Printer", "json_printer", "note", "plain_line", "printer", "table"]

Printer = Callable[[Sequence[Record]], None]


def printer(topic: str, out: TextIO, *, as_json_lines: bool) -> Printer:
    """Return what prints records of a topic on `out`, each batch at once."""
    if as_json_lines:
        return json_printer(out)
    return _table_printer(topic, Console(file=out)) if out.isatty() else _line_printer(topic, out)


def json_printer(out: TextIO) -> Printer:
    """Return what prints each record as one JSON object on a line."""
    return _writer(out, as_json)


def _line_printer(topic: str, out: TextIO) -> Printer:
    names = names_of(topic)
    return _writer(out, lambda record: plain_line(record, names))


def _writer(out: TextIO, line: Callable[[Record], str]) -> Printer:
    def write(records: Sequence[Record]) -> None:
        out.writelines(f"{line(record)}\n" for record in records)
        out.flush()

    return write


def plain_line(record: Record, names: Sequence[str]) -> str:
    """Return a record as `name=value` pairs: its time and place, then the named fields that it has."""
    time = None if record.timestamp_ms is None else datetime.fromtimestamp(record.timestamp_ms / 1000, UTC)
    pairs: list[tuple[str, Any]] = [
        ("time", time and time.isoformat(timespec="milliseconds").replace("+00:00", "Z")),
        ("partition", record.partition),
        ("offset", record.offset),
        ("key", record.key),
    ]
    shown = ["value"] if record.error else names
    pairs += [(name, record.fields[name]) for name in shown if record.fields.get(name) is not None]
    if record.fields.get("tombstone"):
        pairs.append(("tombstone", True))
    if record.error:
        pairs.append(("error", record.error))
    return " ".join(f"{name}={quoted(value_text(value))}" for name, value in pairs)


def _table_printer(topic: str, console: Console) -> Printer:
    columns = columns_of(topic)
    rows_since_header: int | None = None

    def write(records: Sequence[Record]) -> None:
        nonlocal rows_since_header
        page = max(10, console.height - 2)
        for regular, group in groupby(records, key=_has_columns):
            rows = list(group)
            if not regular:
                console.print(Group(*map(note, rows)))
                continue
            for at in range(0, len(rows), page):
                part = rows[at : at + page]
                with_header = rows_since_header is None or rows_since_header + len(part) > page
                rows_since_header = len(part) + (0 if with_header or rows_since_header is None else rows_since_header)
                console.print(table(part, columns, console.width, with_header=with_header))

    return write


def _has_columns(record: Record) -> bool:
    return record.error is None and not record.fields.get("tombstone")


def note(record: Record) -> Text:
    """Return the line of a record that has no columns: one that can't be read, or a deletion."""
    place = f"{record.topic} {record.partition}:{record.offset} key {record.key}"
    if record.error is None:
        return Text(printable(f"{place} deleted"), style="dim")
    return Text(printable(f"{place} undecodable ({record.error}): {record.fields.get('value', '')}"), style="red")


def table(records: Sequence[Record], columns: tuple[Column, ...], width: int, *, with_header: bool) -> Table:
    """Return records as a table of fixed widths, so that one printed after it goes on in its columns."""
    fitted = fit(columns, width)
    grid = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, show_header=with_header, header_style="bold")
    for column, its_width in fitted:
        grid.add_column(column.title, width=its_width, no_wrap=True, overflow="ellipsis", justify=column.justify)
    for record in records:
        texts = [printable(column.text(record)) for column, _ in fitted]
        grid.add_row(*(Text(text, style=style_of(text)) for text in texts))
    return grid
