"""Values as T-Invest's JSON writes them: times to the nanosecond, money in units and nano, int64 as text.

Sources: T-Invest, common.proto (MoneyValue, Quotation), and protobuf's JSON mapping.
"""

import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

__all__ = [
    "GIGA",
    "decimal",
    "money",
    "nano_of",
    "nano_of_decimal",
    "quotation",
    "read_timestamp",
    "timestamp",
    "whole",
]

GIGA = 1_000_000_000
INT64_MAX = 2**63 - 1
_WHOLE = re.compile(r"-?[0-9]{1,19}")
_TIMESTAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z")


def timestamp(ns: int) -> str:
    """Return a time as protobuf's JSON writes it: UTC, with 0, 3, 6 or 9 decimals, as many as it needs."""
    seconds, nano = divmod(ns, GIGA)
    digits = f"{nano:09}"
    while digits.endswith("000"):
        digits = digits[:-3]
    moment = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{moment}.{digits}Z" if digits else f"{moment}Z"


def read_timestamp(text: str) -> int:
    """Return the nanoseconds of Unix time of an RFC 3339 time in UTC.

    Raises:
        ValueError: the text is none.
    """
    found = _TIMESTAMP.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no time in UTC")
    moment = datetime.fromisoformat(f"{found[1]}+00:00")
    return int(moment.timestamp()) * GIGA + int((found[2] or "").ljust(9, "0"))


def whole(value: Any) -> int:
    """Return a whole number, which JSON may have as a number or as text.

    Raises:
        ValueError: it is none, or longer than an int64 can be.
    """
    if isinstance(value, bool) or not isinstance(value, int | str) or not _WHOLE.fullmatch(str(value)):
        raise ValueError(f"{str(value)[:40]!r} is no whole number")
    return int(value)


def nano_of(quotation: Any) -> int:
    """Return the nano units of a Quotation.

    Raises:
        ValueError: it is none; both parts must be whole numbers of one sign, `nano` below 10**9.
    """
    if not isinstance(quotation, dict):
        raise ValueError(f"{quotation!r} is no Quotation")  # noqa: TRY004 -- one error for all that a client may send
    units, nano = whole(quotation.get("units", 0)), whole(quotation.get("nano", 0))
    if abs(nano) >= GIGA or abs(units) > INT64_MAX or units * nano < 0:
        raise ValueError(f"units {units} and nano {nano} make no Quotation")
    return units * GIGA + nano


def quotation(nano: int) -> dict[str, Any]:
    """Return nano units as a Quotation."""
    sign = -1 if nano < 0 else 1
    units, rest = divmod(abs(nano), GIGA)
    return {"units": str(sign * units), "nano": sign * rest}


def money(nano: int, currency: str) -> dict[str, Any]:
    """Return nano units as a MoneyValue."""
    return {"currency": currency, **quotation(nano)}


def decimal(nano: int) -> str:
    """Return nano units as plain decimal text."""
    sign = "-" if nano < 0 else ""
    units, rest = divmod(abs(nano), GIGA)
    return f"{sign}{units}.{rest:09}".rstrip("0").rstrip(".")


def nano_of_decimal(text: str) -> int:
    """Return the nano units of a plain decimal text.

    Raises:
        ValueError: it is none, or has more than nine decimals.
    """
    try:
        nano = Decimal(text) * GIGA
        whole = int(nano)
    except (InvalidOperation, ValueError, OverflowError):
        raise ValueError(f"{text!r} is no decimal number") from None
    if nano != whole:
        raise ValueError(f"{text!r} has more than nine decimals")
    return whole
