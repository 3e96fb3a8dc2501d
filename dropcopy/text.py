"""Text as it can be shown: what others wrote, such as a venue, and addresses."""

import json
import os
import sys

__all__ = ["give_up_output", "printable", "quoted", "shown_url"]


def printable(text: str) -> str:
    """Return text with every character that could move a cursor or colour a screen escaped."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def quoted(text: str) -> str:
    """Return the value of a `name=value` pair: as it is, or as a JSON string where it would run into the next pair."""
    plain = text and text.isprintable() and not any(c in text for c in ' "=')
    return text if plain else json.dumps(text, ensure_ascii=not text.isprintable())


def shown_url(url: str) -> str:
    """Return an address without the user and the password that may stand in it."""
    scheme, separator, rest = url.rpartition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{path}"


def give_up_output() -> None:
    """Let standard output, which can't be written any more, go nowhere: what is still buffered fails no more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
