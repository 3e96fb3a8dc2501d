"""Values as Ripio's JSON writes them: amounts as JSON numbers in JavaScript's manner, times in three manners.

Amounts are Decimal from end to end: read from the digits on the wire, and written as digits.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

__all__ = ["MS", "as_json", "iso", "ms", "number", "read_decimal", "read_json", "read_moment", "spaced"]

MS = 1_000_000
_DECIMAL = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?([eE][-+]?[0-9]{1,2})?")
# JavaScript writes smaller numbers with an exponent (ECMA-262, Number::toString).
_PLAIN_LEAST = Decimal("0.000001")


def number(value: Decimal) -> str:
    """Return a number's digits as JavaScript's JSON has them: no trailing zeros, 1e-8 for what is tiny."""
    value = value.normalize()
    if value and abs(value) < _PLAIN_LEAST:
        sign, digits, exponent = value.as_tuple()
        first, rest = str(digits[0]), "".join(map(str, digits[1:]))
        power = int(exponent) + len(digits) - 1
        return f"{'-' if sign else ''}{first}{'.' if rest else ''}{rest}e{power}"
    return f"{value:f}"


def as_json(value: Any) -> str:
    """Return a value as compact JSON text; a Decimal becomes a JSON number."""
    match value:
        case Decimal():
            return number(value)
        case Mapping():
            return "{" + ",".join(f"{json.dumps(key)}:{as_json(part)}" for key, part in value.items()) + "}"
        case str() | None:
            return json.dumps(value, ensure_ascii=False)
        case Sequence():
            return "[" + ",".join(map(as_json, value)) + "]"
        case _:
            return json.dumps(value)


def read_json(text: bytes | str) -> Any:
    """Return JSON's value, its numbers as Decimal.

    Raises:
        ValueError: it is no JSON.
    """
    return json.loads(text, parse_float=Decimal, parse_int=Decimal, parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number in JSON")


def read_decimal(value: Any) -> Decimal:
    """Return a number, which a request may have as a number or as text (Ripio, Authorization, "IMPORTANT").

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal) or not _DECIMAL.fullmatch(str(value)):
        raise ValueError(f"{str(value)[:40]!r} is no number")
    return Decimal(value)


def ms(ns: int) -> int:
    """Return a time in milliseconds of Unix time."""
    return ns // MS


def iso(ns: int) -> str:
    """Return a time as the venue's documents show it: UTC, to the millisecond."""
    moment = datetime.fromtimestamp(ns // 1_000_000_000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{ms(ns) % 1000:03}Z"


def spaced(ns: int) -> str:
    """Return a time as the `transactions` of an order have it."""
    return iso(ns).replace("T", " ").removesuffix("Z")


def read_moment(text: str, *, end_of_day: bool = False) -> int:
    """Return the nanoseconds of Unix time of an ISO date, or of a date and time; without a zone it is UTC.

    A date is its first moment, or its last.

    Raises:
        ValueError: it is none.
    """
    moment = datetime.fromisoformat(text)
    seconds = int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    if end_of_day and len(text) == len("2017-10-01"):
        return (seconds + 86_400) * 1_000_000_000 - 1
    return seconds * 1_000_000_000 + moment.microsecond * 1000
