"""What the mappings of all venues share: how an answer that tells of many things is read, and what they may ask."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Final, TypeVar

import msgspec

from processors.core.errors import MappingError
from processors.core.model import Report

__all__ = ["MOST_DIGITS", "UNREADABLE", "QuantityOf", "again", "read_each"]

# What decoding JSON raises that is none of a known shape: no JSON, no text, or nested too deeply.
UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
# Beyond these a number is no amount of anything, and to write it out in full would take long.
MOST_DIGITS: Final = 40

# Gives the OrderQty, in units of the instrument, that is known of an order by its request id or the venue's id.
QuantityOf = Callable[[str | None, str | None], Decimal | None]

_Item = TypeVar("_Item")

_KNOWN: Final[dict[str, str]] = {}
_MOST_KNOWN: Final = 65_536


def again(text: str) -> str:
    """Return a text that comes again and again as the one that was kept of it: an account, an instrument, a word.

    Orders are kept by the hundred thousand, and what they have in common would be kept as often.
    """
    if len(_KNOWN) >= _MOST_KNOWN:
        _KNOWN.clear()
    return _KNOWN.setdefault(text, text)


def read_each(items: Iterable[_Item], read: Callable[[_Item], Report | None]) -> list[Report]:
    """Return the reports of an answer's items; `read` gives None for one that tells of nothing.

    Raises:
        MappingError: of the first that can't be read; it carries the reports of all that can.
    """
    reports: list[Report] = []
    unread: MappingError | None = None
    for item in items:
        try:
            report = read(item)
        except MappingError as error:
            unread = unread or error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            told = bytes(item) if isinstance(item, msgspec.Raw) else str(item)
            unread = unread or MappingError("item", told[:80], str(error))
        else:
            reports += [report] if report is not None else []
    if unread is not None:
        raise MappingError(unread.field, unread.value, unread.reason, reports)
    return reports
