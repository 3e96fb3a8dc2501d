"""The lists that Outpoll answers with, as far as their paging and the gateway's queries look into them. Pure.

Sources: Outpoll, History; Get Active Orders; Get TP/SL Orders. What an item of the trades and of the take-profit /
stop-loss orders holds is not documented: they are taken to have the names that the others have.
"""

from decimal import Decimal

import msgspec

__all__ = ["Item", "Page", "read_page"]


class Item(msgspec.Struct):
    """An item of any of the lists; what an item does not have, or not in a type that can be used, is at its default."""

    i: str = ""
    id: str = ""
    oi: str = ""
    a: str = ""
    e: str = ""
    o: str = ""
    st: str = ""
    status: str = ""
    s: str = ""
    si: str = ""
    side: str = ""
    t: str = ""
    p: Decimal | None = None
    price: Decimal | None = None
    oq: Decimal | None = None
    q: Decimal | None = None
    quantity: Decimal | None = None
    tpp: Decimal | None = None
    slp: Decimal | None = None
    m: int | None = None


class Page(msgspec.Struct):
    """One page: its items, and how many pages there are, where that is told."""

    items: list[Item] = msgspec.field(name="i", default_factory=list)
    pages: int | None = msgspec.field(name="tp", default=None)


class _Raw(msgspec.Struct):
    i: list[msgspec.Raw]
    tp: int | None = None


_read_raw = msgspec.json.Decoder(_Raw).decode
_read_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_read_item = msgspec.json.Decoder(Item).decode


def read_page(body: bytes) -> Page:
    """Return the page that a body is, in the venue's envelope or a bare list; items that can't be read are left out.

    Raises:
        ValueError: it is neither.
    """
    raw = _read_raw(body) if body.lstrip().startswith(b"{") else _Raw(_read_list(body))
    items = []
    for item in raw.i:
        try:
            items.append(_read_item(item))
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
    return Page(items, raw.tp)
