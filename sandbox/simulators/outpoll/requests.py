"""What a request's body or query asks for, read as strictly as the documents tell. Pure.

Sources: Outpoll, Place Limit Order, Place Market Order, Take Profit / Stop Loss, Get TP/SL Orders, History.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from sandbox.simulators.outpoll.fates import MOST_PRICE, TICK
from sandbox.simulators.outpoll.instruments import QUOTE_ASSETS, Instrument, find_instrument
from sandbox.simulators.outpoll.orders import NOTHING, Ask
from sandbox.simulators.outpoll.refusals import Refusal

__all__ = ["Page", "TpslQuery", "TpslWish", "read_ask", "read_page", "read_tpsl", "read_tpsl_query"]

MOST_ITEMS = 100
# The documents bound neither shares nor amounts.
MOST, DECIMALS = Decimal(1_000_000_000), 8
_IDS = frozenset({"e", "o", "ba", "qa", "s"})
_OF_TYPE = {"LIMIT": _IDS | {"p", "q"}, "MARKET": _IDS | {"am", "q"}}
_OF_TPSL = _IDS | {"q", "t", "l"}
_DECODE = msgspec.json.Decoder(float_hook=Decimal).decode


@dataclass(frozen=True)
class TpslWish:
    """A take-profit / stop-loss order that is asked for; without a quantity, it is for the whole position."""

    instrument: Instrument
    quantity: Decimal | None
    take_profit: Decimal | None
    stop_loss: Decimal | None


@dataclass(frozen=True)
class Page:
    """A part of a list: `newest_first`, and of one outcome or asset where `outcome` names it."""

    page: int
    size: int
    newest_first: bool = True
    outcome: str = ""

    def has(self, instrument: Instrument) -> bool:
        """Tell whether an instrument is asked for."""
        return self.outcome in ("", instrument.outcome, instrument.asset)


@dataclass(frozen=True)
class TpslQuery:
    """Which take-profit / stop-loss orders are asked for; `asset` may also be an outcome."""

    asset: str
    primary: bool
    status: str

    def has(self, instrument: Instrument) -> bool:
        """Tell whether an instrument is asked for."""
        return self.asset in (instrument.asset, instrument.outcome) and self.primary == instrument.primary


def read_ask(body: bytes, account: str, order_type: str) -> Ask:
    """Return the order that a body asks for.

    Raises:
        Refusal: it asks for none.
    """
    fields = _fields(body, _OF_TYPE[order_type])
    side = _side(fields)
    by_amount = order_type == "MARKET" and side == "BUY"
    return Ask(
        account=account,
        instrument=_instrument(fields),
        side=side,
        order_type=order_type,
        price=_price(fields, "p") if order_type == "LIMIT" else None,
        quantity=None if by_amount else _positive(fields, "q"),
        amount=_positive(fields, "am") if by_amount else None,
    )


def read_tpsl(body: bytes) -> TpslWish:
    """Return the take-profit / stop-loss order that a body asks for.

    Raises:
        Refusal: it asks for none.
    """
    fields = _fields(body, _OF_TPSL)
    if _side(fields) != "SELL":
        raise Refusal(400, "s must be SELL")
    wish = TpslWish(
        _instrument(fields),
        _positive(fields, "q") if fields.get("q") is not None else None,
        _price(fields, "t") if fields.get("t") is not None else None,
        _price(fields, "l") if fields.get("l") is not None else None,
    )
    if wish.take_profit is None and wish.stop_loss is None:
        raise Refusal(400, "at least one of t and l is required")
    return wish


def read_page(query: Mapping[str, str], size: int) -> Page:
    """Return the page that a query asks for, of so many items where it does not say.

    Raises:
        Refusal: it asks for none.
    """
    sort = query.get("sort", "desc").lower()
    if sort not in ("asc", "desc"):
        raise Refusal(400, "sort must be asc or desc")
    page = _whole(query, "page", 0, least=0)
    return Page(page, _whole(query, "size", size, least=1), sort == "desc", query.get("eventOutcomeId", ""))


def read_tpsl_query(query: Mapping[str, str]) -> TpslQuery:
    """Return which take-profit / stop-loss orders a query asks for; without a status, active ones.

    Raises:
        Refusal: it asks for none.
    """
    primary = {"true": True, "false": False}.get(query.get("primary", ""))
    if primary is None or not query.get("assetId"):
        raise Refusal(400, "assetId and primary are required")
    return TpslQuery(query["assetId"], primary, query.get("status", "ACTIVE"))


def _fields(body: bytes, known: frozenset[str]) -> dict[str, Any]:
    try:
        fields = _DECODE(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        fields = None
    if not isinstance(fields, dict):
        raise Refusal(400, "the body is no JSON object")
    # The documents do not say what becomes of other names; a client that sends one means something by it.
    if surplus := sorted(fields.keys() - known):
        raise Refusal(400, f"{surplus[0]} is no field of this request")
    return fields


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise Refusal(400, f"{name} is required")
    return value


def _side(fields: Mapping[str, Any]) -> str:
    side = _text(fields, "s")
    if side not in ("BUY", "SELL"):
        raise Refusal(400, "s must be BUY or SELL")
    return side


def _instrument(fields: Mapping[str, Any]) -> Instrument:
    event, outcome, asset, quote = (_text(fields, name) for name in ("e", "o", "ba", "qa"))
    instrument = find_instrument(asset)
    if instrument is None or (instrument.event, instrument.outcome) != (event, outcome):
        raise Refusal(400, "e, o and ba name no asset of an outcome of an event")
    if quote not in QUOTE_ASSETS:
        raise Refusal(400, "qa is no quote asset")
    return instrument


def _number(fields: Mapping[str, Any], name: str) -> Decimal:
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise Refusal(400, f"{name} must be a number")
    return Decimal(value)


def _positive(fields: Mapping[str, Any], name: str) -> Decimal:
    value = _number(fields, name)
    if not NOTHING < value <= MOST or value != round(value, DECIMALS):
        raise Refusal(400, f"{name} must be positive, at most {MOST}, with at most {DECIMALS} decimals")
    return value


def _price(fields: Mapping[str, Any], name: str) -> Decimal:
    value = _number(fields, name)
    if not TICK <= value <= MOST_PRICE:
        raise Refusal(400, f"{name} must be from {TICK} to {MOST_PRICE}")
    return value


def _whole(query: Mapping[str, str], name: str, default: int, *, least: int) -> int:
    text = query.get(name, str(default))
    if not text.isascii() or not text.isdecimal() or not least <= int(text) <= (MOST_ITEMS if least else 10**6):
        raise Refusal(400, f"{name} is invalid")
    return int(text)
