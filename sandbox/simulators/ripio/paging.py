"""Lists in pages: newest first, and cursors that stay where they are when something new comes. Pure.

Source: Ripio Trade API v4, the `c`, `nc` and `pc` of the lists; what a cursor says is the venue's own.
"""

import base64
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from sandbox.simulators.ripio.refusals import Refusal

__all__ = ["PAGE_SIZE", "PAGE_SIZE_MOST", "Wish", "page"]

PAGE_SIZE, PAGE_SIZE_MOST = 200, 1000
Item = TypeVar("Item")


class Wish(NamedTuple):
    """Which page: by its cursor, or by its number, from 1."""

    size: int = PAGE_SIZE
    cursor: str = ""
    number: int = 1


def page(items: Sequence[Item], key: Callable[[Item], int], wish: Wish, name: str) -> dict[str, Any]:
    """Return the page of `items`, newest first, with its cursors; `key` grows with each new item.

    Raises:
        Refusal: the cursor is none of ours.
    """
    way, mark = _read(wish.cursor) if wish.cursor else ("", 0)
    if way == "after":
        newer = [item for item in items if key(item) > mark]
        shown = newer[-wish.size :]
    else:
        older = [item for item in items if not way or key(item) < mark]
        skipped = 0 if way else (wish.number - 1) * wish.size
        shown = older[skipped : skipped + wish.size]
    has_older = bool(shown) and key(items[-1]) < key(shown[-1])
    has_newer = bool(shown) and key(items[0]) > key(shown[0])
    return {
        name: shown,
        "pagination": {
            "current_page": wish.number,
            "page_size": wish.size,
            "registers_count": len(items),
            "total_pages": -(-len(items) // wish.size),
        },
        "nc": _cursor("before", key(shown[-1])) if has_older else None,
        "pc": _cursor("after", key(shown[0])) if has_newer else None,
    }


def _cursor(way: str, mark: int) -> str:
    return base64.urlsafe_b64encode(f"{way}:{mark}".encode()).decode()


def _read(cursor: str) -> tuple[str, int]:
    try:
        found = re.fullmatch(r"(before|after):(\d{1,30})", base64.urlsafe_b64decode(cursor).decode())
    except ValueError:
        found = None
    if found is None:
        raise Refusal(40000, "Invalid cursor.")
    return found[1], int(found[2])
