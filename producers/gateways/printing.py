"""Prints what commands found: JSON, a table on a terminal, plain lines into a pipe."""

import json
from collections.abc import Sequence
from dataclasses import asdict, is_dataclass
from decimal import Decimal
from typing import Any

import typer

from dropcopy.tables import print_table
from dropcopy.text import quoted

__all__ = ["Facts", "facts_of", "print_facts", "print_list"]

Facts = dict[str, Any]


def facts_of(record: Any) -> Facts:
    """Return a dataclass as JSON can have it: numbers as plain decimal text."""
    if not is_dataclass(record) or isinstance(record, type):
        raise TypeError(f"{record!r} is no dataclass instance")
    return {name: _plain(value) for name, value in asdict(record).items()}


def _plain(value: object) -> object:
    match value:
        case Decimal():
            return format(value, "f")
        case dict():
            return {name: _plain(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_plain(inner) for inner in value]
        case _:
            return value


def print_facts(facts: Facts, *, as_json: bool, err: bool = False) -> None:
    """Print one record: as one JSON object, or in one line the facts that there are; with `err` on standard error."""
    there = ((name, value) for name, value in facts.items() if value not in (None, "", []))
    line = json.dumps(facts) if as_json else " ".join(f"{name}={quoted(_shown(value))}" for name, value in there)
    typer.echo(line, err=err)


def print_list(records: Sequence[Facts], columns: Sequence[str], *, as_json: bool) -> None:
    """Print one JSON object a line with all facts, or the columns: as a table, or with tabs into a pipe."""
    if as_json:
        for record in records:
            typer.echo(json.dumps(record))
        return
    print_table(columns, [[_shown(record[column]) for column in columns] for record in records])


def _shown(value: object) -> str:
    match value:
        case None:
            return ""
        case {"amount": amount, "currency": currency}:
            return f"{amount} {currency}".rstrip()
        case list() | dict():
            return json.dumps(value)
        case _:
            return str(value)
