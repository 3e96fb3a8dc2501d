"""What a request's JSON and query ask for, as the venue's objects, or its refusal of it. Pure.

Source: Ripio Trade API v4, Create Order, Update Order, User Orders, and the schemas of their parameters.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sandbox.simulators.ripio.orders import Ask, Order, Status, Update
from sandbox.simulators.ripio.paging import PAGE_SIZE, PAGE_SIZE_MOST, Wish
from sandbox.simulators.ripio.pairs import Pair, find_pair
from sandbox.simulators.ripio.refusals import Refusal
from sandbox.simulators.ripio.values import read_decimal, read_moment

__all__ = ["OrderFilter", "read_ask", "read_filter", "read_pair", "read_side", "read_text", "read_update", "read_wish"]

Json = Mapping[str, Any]

DAY_NS = 86_400 * 10**9
EXTERNAL_ID_MOST = 36
STEPS_MOST = 10

_AMOUNTS = ("amount", "value", "price", "stop_price", "distance", "step_amount")
_FLAGS = ("post_only", "immediate_or_cancel", "fill_or_kill")
_COMMON = {"external_id", "pair", "side", "type"}
# Of each type: what it must have, and what else it may have. Where the schema and its own text or example
# differ (market, trailing, ceiling), what either allows is taken.
_TYPES: Mapping[str, tuple[set[str], set[str]]] = {
    "limit": ({"amount", "price"}, {"expiration", *_FLAGS}),
    "market": (set(), {"amount", "value", "fill_or_kill"}),
    "stop_limit": ({"amount", "price", "stop_price"}, set()),
    "trailing": ({"amount", "distance"}, {"price"}),
    "ceiling": (set(), {"amount", "value", "fill_or_kill"}),
    "iceberg": ({"amount", "price", "step_amount"}, set()),
}


def _invalid(name: str, problem: str) -> Refusal:
    return Refusal(40000, f"Invalid parameters. {name} {problem}.")


def read_text(fields: Json, name: str) -> str:
    """Return a text that must be there.

    Raises:
        Refusal: it is not.
    """
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise _invalid(name, "is required")
    return value


def read_pair(fields: Json) -> Pair:
    """Return the pair that must be named.

    Raises:
        Refusal: none is, or there is no such pair.
    """
    pair = find_pair(read_text(fields, "pair"))
    if pair is None:
        raise _invalid("pair", "is unknown")
    return pair


def read_side(fields: Json) -> str:
    """Return the side that must be named.

    Raises:
        Refusal: it is not `buy` or `sell`.
    """
    side = read_text(fields, "side")
    if side not in ("buy", "sell"):
        raise _invalid("side", "must be buy or sell")
    return side


def read_ask(fields: Json, account: str, now_ns: int) -> Ask:
    """Return the order that a request asks for.

    Raises:
        Refusal: the venue would not take it, whatever the market.
    """
    order_type = read_text(fields, "type")
    if order_type not in _TYPES:
        raise _invalid("type", "is unknown")
    needed, allowed = _TYPES[order_type]
    given = {name for name, value in fields.items() if value is not None}
    if missing := sorted(needed - given):
        raise _invalid(missing[0], "is required")
    if surplus := sorted(given - needed - allowed - _COMMON):
        raise _invalid(surplus[0], f"is not of an order of type {order_type}")
    numbers = {name: _positive(fields, name) for name in _AMOUNTS if name in given}
    if not {"amount", "value"} & set(numbers):
        raise _invalid("amount", "or value is required")
    # With both, which the schema of a market order asks for, the amount counts.
    value = None if "amount" in numbers else numbers["value"]
    wishes: dict[str, Any] = {**numbers, "amount": numbers.get("amount"), "value": value}
    wishes |= {name: _flag(fields, name) for name in _FLAGS}
    ask = Ask(
        account=account,
        external_id=_external_id(fields),
        pair=read_pair(fields),
        side=read_side(fields),
        order_type=order_type,
        expire_ns=_expiration(fields, now_ns),
        **wishes,
    )
    _check_steps(ask)
    return ask


def _external_id(fields: Json) -> str | None:
    external_id = fields.get("external_id")
    if external_id is None:
        return None
    if not isinstance(external_id, str) or not 0 < len(external_id) <= EXTERNAL_ID_MOST:
        raise _invalid("external_id", f"must have 1 to {EXTERNAL_ID_MOST} characters")
    return external_id


def _positive(fields: Json, name: str) -> Decimal:
    try:
        value = read_decimal(fields[name])
    except ValueError:
        raise _invalid(name, "is no number") from None
    if value <= 0:
        raise _invalid(name, "must be positive")
    return value


def _flag(fields: Json, name: str) -> bool:
    value = fields.get(name)
    if value is not None and not isinstance(value, bool):
        raise _invalid(name, "must be true or false")
    return bool(value)


def _expiration(fields: Json, now_ns: int) -> int | None:
    # In seconds, as the example of the documents is (1723073682).
    if fields.get("expiration") is None:
        return None
    expire_ns = int(_positive(fields, "expiration") * 10**9)
    if expire_ns <= now_ns:
        raise _invalid("expiration", "is over")
    return expire_ns


def _check_steps(ask: Ask) -> None:
    pair = ask.pair
    for name in ("price", "stop_price", "distance"):
        price = getattr(ask, name)
        if price is not None and price % pair.price_tick:
            raise _invalid(name, f"must be a multiple of {pair.price_tick}")
    for name in ("amount", "step_amount"):
        amount = getattr(ask, name)
        if amount is not None and amount % pair.amount_tick:
            raise _invalid(name, f"must be a multiple of {pair.amount_tick}")
    if ask.amount is not None and ask.step_amount is not None and ask.amount > STEPS_MOST * ask.step_amount:
        raise _invalid("step_amount", f"must be at least a {STEPS_MOST}th of amount")
    if ask.immediate_or_cancel + ask.fill_or_kill + ask.post_only > 1:
        raise _invalid("post_only", "goes with neither immediate_or_cancel nor fill_or_kill, nor these together")
    value = ask.value if ask.amount is None else ask.amount * (ask.price or pair.price)
    if (ask.amount is not None and ask.amount < pair.min_amount) or (value or 0) < pair.min_value:
        raise Refusal(40010)


def read_update(fields: Json, order: Order) -> Update:
    """Return how an order shall change.

    Raises:
        Refusal: it can't, whatever the market.
    """
    if order.price is None:
        raise Refusal(40090)
    if surplus := sorted(fields.keys() - {"order_id", "unit_price", "amount"}):
        raise _invalid(surplus[0], "is not of an update")
    given = [name for name in ("unit_price", "amount") if fields.get(name) is not None]
    if not given:
        raise _invalid("unit_price", "or amount is required")
    numbers = {name: _positive(fields, name) for name in given}
    price, amount = numbers.get("unit_price"), numbers.get("amount")
    if price is not None and price % order.ask.pair.price_tick:
        raise _invalid("unit_price", f"must be a multiple of {order.ask.pair.price_tick}")
    if amount is not None and amount % order.ask.pair.amount_tick:
        raise _invalid("amount", f"must be a multiple of {order.ask.pair.amount_tick}")
    if amount is not None and amount <= order.executed:
        raise _invalid("amount", "has been executed already")
    if amount is not None and amount < order.ask.pair.min_amount:
        raise Refusal(40010)
    return Update(price, amount)


def read_wish(query: Mapping[str, str], *, by_number: bool = True) -> Wish:
    """Return which page is asked for; `current_page` counts where it is more than a placeholder.

    Raises:
        Refusal: there is no such page.
    """
    numbers = {"page_size": str(PAGE_SIZE), "current_page": "1"} | dict(query)
    for name in ("page_size", "current_page"):
        if not re.fullmatch("[0-9]{1,6}", numbers[name]) or int(numbers[name]) < 1:
            raise _invalid(name, "must be a positive number")
    if int(numbers["page_size"]) > PAGE_SIZE_MOST:
        raise _invalid("page_size", f"must be at most {PAGE_SIZE_MOST}")
    number = int(numbers["current_page"]) if by_number else 1
    return Wish(int(numbers["page_size"]), query.get("c", ""), number)


@dataclass(frozen=True, kw_only=True)
class OrderFilter:
    """Which orders, or whose trades, are asked for; empty is all. Times are nanoseconds of Unix time."""

    pair: Pair | None = None
    side: str = ""
    order_type: str = ""
    statuses: frozenset[str] = frozenset()
    ids: frozenset[str] = frozenset()
    from_ns: int = 0
    to_ns: int | None = None

    def takes(self, order: Order) -> bool:
        """Tell whether an order is asked for."""
        return (
            self.pair in (None, order.ask.pair)
            and self.side in ("", order.ask.side)
            and self.order_type in ("", order.ask.order_type)
            and (not self.statuses or order.status in self.statuses)
            and (not self.ids or order.order_id in self.ids)
            and self.covers(order.created_ns)
        )

    def covers(self, at_ns: int) -> bool:
        """Tell whether a time is within what is asked for."""
        return self.from_ns <= at_ns and (self.to_ns is None or at_ns <= self.to_ns)


def read_filter(query: Mapping[str, str], statuses: list[str], now_ns: int, *, dated: bool) -> OrderFilter:
    """Return the filter of a query; `statuses` are all that it names, each maybe several with commas.

    Without `dated`, the query knows no dates, and nothing but what is open is meant.

    Raises:
        Refusal: one of its parameters is none.
    """
    names = frozenset(name for text in statuses for name in text.split(",") if name)
    if names - frozenset(Status):
        raise _invalid("status", "is unknown")
    order_type = query.get("type", "")
    if order_type and order_type not in _TYPES:
        raise _invalid("type", "is unknown")
    ids = frozenset(one.upper() for one in query.get("ids", "").split(",") if one)
    if len(ids) > 10:
        raise _invalid("ids", "has at most 10 identifiers")
    return OrderFilter(
        pair=read_pair(query) if "pair" in query else None,
        side=read_side(query) if "side" in query else "",
        order_type=order_type,
        statuses=names,
        ids=ids,
        from_ns=_moment(query, "start_date", now_ns - 10 * DAY_NS) if dated else 0,
        to_ns=_moment(query, "end_date", None) if dated else None,
    )


def _moment(query: Mapping[str, str], name: str, default: Any) -> Any:
    if name not in query:
        return default
    try:
        return read_moment(query[name], end_of_day=name == "end_date")
    except ValueError:
        raise _invalid(name, "is no date in ISO-8601") from None
