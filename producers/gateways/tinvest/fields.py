"""Reads the fields of a JSON message by what the contract says they are. Pure.

A field that is left out or null is at its default, as in protobuf's JSON: the empty text, 0, nothing.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from producers.gateways.times import to_ns
from producers.gateways.tinvest.quotation import from_quotation
from producers.gateways.tinvest.words import name_of

__all__ = ["Fields", "Money"]

Read = TypeVar("Read")


@dataclass(frozen=True)
class Money:
    """MoneyValue: an exact amount, and its currency in upper case (`RUB`)."""

    amount: Decimal
    currency: str


class Fields:
    """One message. Every method raises a ValueError that names the field which is not as it has to be."""

    def __init__(self, message: object) -> None:
        if not isinstance(message, dict):
            raise ValueError(f"{str(message)[:100]!r} is no message")  # noqa: TRY004 -- one error for all that may come
        self._fields: dict[str, Any] = message

    @classmethod
    def of(cls, body: bytes) -> "Fields":
        """Read a message from its JSON."""
        try:
            return cls(json.loads(body))
        except RecursionError:
            raise ValueError("messages within messages without end") from None

    def text(self, name: str) -> str:
        """Return a text, which may be empty."""
        return self._read(name, _text, "")

    def optional_text(self, name: str) -> str | None:
        """Return a text, or None where there is none or an empty one."""
        return self._read(name, _text, "") or None

    def whole(self, name: str) -> int:
        """Return an int32 or int64, of which JSON has the second as text."""
        return self._read(name, _whole, 0)

    def flag(self, name: str) -> bool:
        """Return a bool."""
        return self._read(name, _flag, False)

    def word(self, name: str, enum: str) -> str:
        """Return the name of an enum's value; of one left out, the name of 0."""
        return name_of(enum, self._read(name, _word, "0"))

    def quotation(self, name: str) -> Decimal | None:
        """Return a Quotation."""
        return self._read(name, from_quotation, None)

    def money(self, name: str) -> Money | None:
        """Return a MoneyValue."""
        return self._read(name, _money, None)

    def time_ns(self, name: str) -> int | None:
        """Return a Timestamp in nanoseconds of Unix time."""
        return self._read(name, _time_ns, None)

    def message(self, name: str) -> "Fields | None":
        """Return a message within this one."""
        return self._read(name, Fields, None)

    def messages(self, name: str) -> list["Fields"]:
        """Return the messages of a repeated field."""
        return self._read(name, _messages, [])

    def _read(self, name: str, read: Callable[[Any], Read], default: Read) -> Read:
        value = self._fields.get(name)
        try:
            return default if value is None else read(value)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None


def _text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"{str(value)[:100]!r} is no text")  # noqa: TRY004 -- as above
    text = str(value)
    # JSON can name half a character, which no text that is written on can hold.
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError(f"{text[:100]!a} is no text")
    return text


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, str | int) or len(str(value)) > 20:
        raise ValueError(f"{str(value)[:100]!r} is no whole number")
    return int(value)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{str(value)[:100]!r} is neither true nor false")  # noqa: TRY004 -- as above
    return value


def _word(value: object) -> str:
    text = _text(value)
    return text or "0"


def _money(value: object) -> Money:
    amount = from_quotation(value)
    return Money(amount, Fields(value).text("currency").upper())


def _time_ns(value: object) -> int | None:
    text = _text(value)
    return to_ns(text) if text else None


def _messages(value: object) -> list[Fields]:
    if not isinstance(value, list):
        raise ValueError(f"{str(value)[:100]!r} is no list")  # noqa: TRY004 -- as above
    return [Fields(item) for item in value]
