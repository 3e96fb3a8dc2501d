"""What can be wrong with a request by itself, each found as a sentence that begins with the field's name. Pure."""

from collections.abc import Collection, Iterable
from dataclasses import MISSING, fields
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from dropcopy.errors import UsageError
from schemas.fix import TimeInForce

__all__ = [
    "INT64_MOST",
    "expiry_problems",
    "flag_problems",
    "id_problems",
    "named_problems",
    "number_problems",
    "refuse",
    "refuse_unused",
    "text_problems",
    "word_problems",
]

# More than any venue's number has, before the point or after it.
PLACES_MOST = 100
# What 64 bits hold, as the journal's record and a venue's int64 have them.
INT64_MOST = 2**63 - 1


def refuse(problems: Iterable[str]) -> None:
    """Raise a UsageError that names all the problems, if there are any."""
    if text := "\n".join(problems):
        raise UsageError(text, hint="Nothing was sent.")


def refuse_unused(venue: str, request: Any, used: Collection[str]) -> None:
    """Raise a UsageError that names every field of a request that was set and that the venue has no use for.

    `used` are those of its optional fields that the venue understands.
    """
    unused = [
        f"{field.name}={getattr(request, field.name)}: {venue} has no such thing for a {request.action} request"
        for field in fields(request)
        if field.default is not MISSING and field.name not in used and getattr(request, field.name) != field.default
    ]
    refuse(unused)


def text_problems(name: str, value: object) -> list[str]:
    """Find what keeps `value` from being an id or a name on the wire and in a Kafka key."""
    if not isinstance(value, str) or not value or not value.isascii() or not value.isprintable() or " " in value:
        return [f"{name}={value!r} must be ASCII text without spaces"]
    return []


def word_problems(name: str, value: object, words: Iterable[StrEnum]) -> list[str]:
    """Find whether `value` is one of the words; text that merely equals one is none."""
    known = list(words)
    return [] if any(value is word for word in known) else [f"{name}={value!r} must be one of {', '.join(known)}"]


def number_problems(name: str, value: object, *, positive: bool = True) -> list[str]:
    """Find what keeps `value` from being a finite Decimal, with `positive` one above 0."""
    if not isinstance(value, Decimal):
        return [f"{name}={value!r} must be a Decimal, which is exact"]
    if not value.is_finite():
        return [f"{name}={value} must be a finite number"]
    # By its parts: to write out 0E-999999999 for the journal would take long.
    _, digits, exponent = value.as_tuple()
    if len(digits) > PLACES_MOST or abs(int(exponent)) > PLACES_MOST:
        return [f"{name}={_short(value)} has more than {PLACES_MOST} places, which no venue's numbers have"]
    return [f"{name}={value} must be more than 0"] if positive and value <= 0 else []


def _short(value: Decimal) -> str:
    text = str(value)
    return text if len(text) <= PLACES_MOST else f"{text[:PLACES_MOST]}..."


def id_problems(name: str, value: object) -> list[str]:
    """Find what keeps `value` from being a UUID in its usual form."""
    try:
        if isinstance(value, str) and str(UUID(value)) == value:
            return []
    except ValueError:
        pass
    return [f"{name}={value!r} must be a UUID of 36 characters in lower case"]


def named_problems(venue_order_id: str | None, order_request_id: str | None) -> list[str]:
    """Return what is wrong with how an order is named: by the venue's id, by its request id, or both."""
    if venue_order_id is None and order_request_id is None:
        return ["venue_order_id or order_request_id is missing: one of them has to name the order"]
    return [
        *([] if venue_order_id is None else text_problems("venue_order_id", venue_order_id)),
        *([] if order_request_id is None else text_problems("order_request_id", order_request_id)),
    ]


def flag_problems(name: str, value: object) -> list[str]:
    """Find whether `value` is no bool; anything else that counts as true could be a slip."""
    return [] if isinstance(value, bool) else [f"{name}={value!r} must be True or False"]


def expiry_problems(time_in_force: object, expire_ns: object) -> list[str]:
    """Find what is wrong with until when an order stands, which a GOOD_TILL_DATE order says and no other."""
    needed = time_in_force is TimeInForce.GOOD_TILL_DATE
    if expire_ns is None:
        return ["expire_ns is missing: a GOOD_TILL_DATE order needs it"] if needed else []
    if not needed:
        return [f"expire_ns={expire_ns}: only a GOOD_TILL_DATE order has one"]
    if isinstance(expire_ns, int) and not isinstance(expire_ns, bool) and 0 < expire_ns <= INT64_MOST:
        return []
    return [f"expire_ns={expire_ns!r} must be nanoseconds of Unix time, at most {INT64_MOST}"]
