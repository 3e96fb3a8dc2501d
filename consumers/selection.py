"""Which records are wanted: by key and by the value of fields."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from consumers.records import Record, known_topic
from dropcopy.errors import UsageError
from schemas.headers import FrameHeaders
from schemas.records import schema
from schemas.topics import venue_of

__all__ = ["parse_duration_s", "parse_where", "selection", "value_text"]

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhd])")


def parse_duration_s(text: str) -> float:
    """Return the seconds that a duration such as `90s`, `10m` or `1h30m` means.

    Raises:
        UsageError: it is no duration.
    """
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise UsageError(f"{text!r} is no duration", hint="Write a number and s, m, h or d, such as 90s or 1h30m.")
    return sum(float(number) * _UNITS_S[unit] for number, unit in parts)


def fields_of(topic: str) -> list[str] | None:
    """Return the fields that records of a topic have, or None where they are not fixed."""
    known = known_topic(topic)
    if known is not None and known.record is not None:
        return [each["name"] for each in schema(known.record)["fields"]]
    return [*FrameHeaders._fields, "value"] if venue_of(topic) else None


def parse_where(topic: str, conditions: Sequence[str]) -> dict[str, str]:
    """Return field -> wanted text of conditions `field=value`.

    Raises:
        UsageError: a condition has no `=`, or names a field that the topic's records don't have.
    """
    wanted: dict[str, str] = {}
    known = fields_of(topic)
    for condition in conditions:
        name, sign, value = condition.partition("=")
        if not sign or not name:
            raise UsageError(f"--where {condition!r} is no condition", hint="Write field=value.")
        if known is not None and name not in known:
            raise UsageError(f"records of {topic} have no field {name!r}", hint=f"They have: {', '.join(known)}.")
        wanted[name] = value
    return wanted


def value_text(value: Any) -> str:
    """Return a field's value as it is written in a condition and in plain lines."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def selection(where: dict[str, str], key: str | None) -> Callable[[Record], bool]:
    """Return the test that a record has this key, and in every named field this value."""

    def wanted(record: Record) -> bool:
        if key is not None and record.key != key:
            return False
        return all(name in record.fields and value_text(record.fields[name]) == value for name, value in where.items())

    return wanted
