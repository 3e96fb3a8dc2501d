"""Text that others wrote, such as a venue's, as standard output can have it."""

import json
import os
import sys

__all__ = ["give_up_output", "printable", "quoted"]


def printable(text: str) -> str:
    """Return text with every character that could move a cursor or colour a screen escaped."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def quoted(text: str) -> str:
    """Return the value of a `name=value` pair: as it is, or as a JSON string where it would run into the next pair."""
    plain = text and text.isprintable() and not any(c in text for c in ' "=')
    return text if plain else json.dumps(text, ensure_ascii=not text.isprintable())


def give_up_output() -> None:
    """Let standard output, which can't be written any more, go nowhere: what is still buffered fails no more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
