"""Prints records on standard output: a table on a terminal, plain lines in a pipe, or JSON."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from consumers.columns import Column, columns_of, fit, names_of, printable, style_of
from consumers.records import Record, as_json
from consumers.selection import value_text

__all__ = ["Printer", "json_printer", "plain_line", "printer", "table"]

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
    return " ".join(f"{name}={_quoted(value_text(value))}" for name, value in pairs)


def _quoted(text: str) -> str:
    plain = text and text.isprintable() and not any(c in text for c in ' "=')
    return text if plain else json.dumps(text, ensure_ascii=not text.isprintable())


def _table_printer(topic: str, console: Console) -> Printer:
    columns = columns_of(topic)
    since_header = 0

    def write(records: Sequence[Record]) -> None:
        nonlocal since_header
        page = max(10, console.height - 2)
        for at in range(0, len(records), page):
            part = records[at : at + page]
            with_header = since_header == 0 or since_header + len(part) > page
            since_header = len(part) + (0 if with_header else since_header)
            console.print(table(part, columns, console.width, with_header=with_header))

    return write


def table(records: Sequence[Record], columns: tuple[Column, ...], width: int, *, with_header: bool) -> Table:
    """Return records as a table of fixed widths, so that one printed after it goes on in its columns."""
    fitted = fit(columns, width)
    grid = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, show_header=with_header, header_style="bold")
    for column, its_width in fitted:
        grid.add_column(column.title, width=its_width, no_wrap=True, overflow="ellipsis", justify=column.justify)
    for record in records:
        grid.add_row(*_cells(record, fitted))
    return grid


def _cells(record: Record, fitted: Sequence[tuple[Column, int]]) -> list[Text]:
    if record.error or record.fields.get("tombstone"):
        note = f"undecodable ({record.error})" if record.error else "deleted"
        told = (f"{record.partition}:{record.offset}", record.key or "", note, str(record.fields.get("value", "")))
        return [Text(printable(text), style="red" if record.error else "dim") for text in told[: len(fitted)]]
    texts = [printable(column.text(record)) for column, _ in fitted]
    return [Text(text, style=style_of(text)) for text in texts]
