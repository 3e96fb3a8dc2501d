"""What the simulated venue makes of a request's JSON: an order, a look-up, or a refusal in its own words.

Sources: T-Invest, orders.proto and errors (codes and messages).
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from sandbox.simulators.tinvest.instruments import find_instrument
from sandbox.simulators.tinvest.orders import Ask, Order
from sandbox.simulators.tinvest.wire import nano_of, read_timestamp

__all__ = ["Refusal", "chosen_orders", "read_ask", "read_order_id"]

# gRPC status of an error -> HTTP status (T-Invest, HTTP errors).
HTTP_STATUS = {3: 400, 5: 404, 7: 403, 8: 429, 9: 400, 13: 500, 16: 401}

# An order that costs more needs a confirmation by hand (T-Invest, Orders, limits on an order's cost).
MOST_NANO = 30_000_000 * 10**9

DIRECTIONS = {"ORDER_DIRECTION_BUY": "BUY", "ORDER_DIRECTION_SELL": "SELL"}
ORDER_TYPES = {"ORDER_TYPE_LIMIT": "LIMIT", "ORDER_TYPE_MARKET": "MARKET", "ORDER_TYPE_BESTPRICE": "BESTPRICE"}
TIMES_IN_FORCE = {
    "TIME_IN_FORCE_UNSPECIFIED": "DAY",
    "TIME_IN_FORCE_DAY": "DAY",
    "TIME_IN_FORCE_FILL_AND_KILL": "FILL_AND_KILL",
    "TIME_IN_FORCE_FILL_OR_KILL": "FILL_OR_KILL",
}
STATUSES = {f"EXECUTION_REPORT_STATUS_{name}" for name in ("NEW", "PARTIALLYFILL", "FILL", "CANCELLED", "REJECTED")}


class Refusal(Exception):  # noqa: N818 -- the venue's answer, not a fault of the simulator
    """An error as the venue answers it: gRPC status number, five-digit code, message."""

    def __init__(self, grpc_status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.grpc_status = grpc_status
        self.code = code
        self.message = message

    @property
    def http_status(self) -> int:
        """The HTTP status that goes with it."""
        return HTTP_STATUS[self.grpc_status]

    def body(self) -> dict[str, Any]:
        """Return the body: `code` is gRPC's number, `description` the venue's own code, as text."""
        return {"code": self.grpc_status, "message": self.message, "description": self.code}


class _Field(NamedTuple):
    name: str
    missing: tuple[str, str]
    invalid: tuple[str, str]


_QUANTITY = _Field(
    "quantity", ("30015", "Parameter `quantity` is missing or equal to 0"), ("30016", "`quantity` is invalid")
)
_PRICE = _Field("price", ("30017", "Missing parameter: `price`"), ("30018", "`price` is invalid"))
_DIRECTION = _Field("direction", ("30019", "Missing parameter: `direction`"), ("30020", "`direction` is invalid"))
_ORDER_TYPE = _Field(
    "orderType", ("30025", "Missing parameter: `order_type`"), ("30026", "Invalid parameter: `order_type`")
)
_ORDER_ID = _Field(
    "orderId", ("30027", "Missing parameter: `order_id`"), ("30028", "`order id` has invalid UUID format")
)


def read_ask(body: Mapping[str, Any], accounts: list[str], new_id: Callable[[], str], *, is_async: bool) -> Ask:
    """Return the order that a PostOrder or PostOrderAsync asks for.

    PostOrder takes a missing key, and one that is no UUID, and puts one of its own in its place;
    PostOrderAsync refuses both (T-Invest, Order state stream; Asynchronous orders).

    Raises:
        Refusal: as the venue would.
    """
    account = read_account(body, accounts)
    instrument_id = str(body.get("instrumentId") or body.get("figi") or "")
    if not instrument_id:
        raise Refusal(3, "30093", "Missing parameter: `figi` or `instrument_id`")
    instrument = find_instrument(instrument_id)
    if instrument is None:
        raise Refusal(5, "50002", "Instrument not found")
    order_type = _enum(body, _ORDER_TYPE, ORDER_TYPES)
    price_nano = _price(body) if order_type == "LIMIT" else None
    if price_nano is not None and price_nano % instrument.step_nano:
        raise Refusal(3, "30078", "Incorrect minimum price increment")
    lots = _quantity(body)
    if lots * instrument.lot_size * (price_nano or instrument.price_nano) > MOST_NANO:
        raise Refusal(9, "90003", "The price is too high")
    return Ask(
        account=account,
        request_id=_request_id(body, new_id, is_async=is_async),
        instrument=instrument,
        instrument_id=instrument_id,
        direction=_enum(body, _DIRECTION, DIRECTIONS),
        order_type=order_type,
        time_in_force=TIMES_IN_FORCE.get(str(body.get("timeInForce", "TIME_IN_FORCE_DAY")), "DAY"),
        lots=lots,
        price_nano=price_nano,
    )


def read_account(body: Mapping[str, Any], accounts: list[str]) -> str:
    """Return the account that a request names.

    Raises:
        Refusal: it names none, or one that the token does not open.
    """
    account = str(body.get("accountId") or "")
    if not account:
        raise Refusal(3, "30021", "Missing parameter: `account_id`")
    if account not in accounts:
        raise Refusal(5, "50004", "Account not found")
    return account


def _enum(body: Mapping[str, Any], field: _Field, names: Mapping[str, str]) -> str:
    value = body.get(field.name)
    if value in (None, ""):
        raise Refusal(3, *field.missing)
    if not isinstance(value, str) or value not in names:
        raise Refusal(3, *field.invalid)
    return names[value]


def _quantity(body: Mapping[str, Any]) -> int:
    value = body.get("quantity")
    if value in (None, "", 0, "0"):
        raise Refusal(3, *_QUANTITY.missing)
    try:
        lots = int(str(value))
    except ValueError:
        raise Refusal(3, *_QUANTITY.invalid) from None
    if lots < 0:
        raise Refusal(3, "30080", "`quantity` must be positive")
    return lots


def _price(body: Mapping[str, Any]) -> int:
    if body.get("price") is None:
        raise Refusal(3, *_PRICE.missing)
    try:
        price_nano = nano_of(body["price"])
    except (ValueError, TypeError):
        raise Refusal(3, *_PRICE.invalid) from None
    if price_nano <= 0:
        raise Refusal(3, "30100", "The price must be positive")
    return price_nano


def _request_id(body: Mapping[str, Any], new_id: Callable[[], str], *, is_async: bool) -> str:
    value = str(body.get("orderId") or "")
    if len(value) > 36:
        raise Refusal(3, "30055", "`order_id` cannot be longer than 36 characters")
    if not value and is_async:
        raise Refusal(3, *_ORDER_ID.missing)
    try:
        UUID(value)
    except ValueError:
        if is_async:
            raise Refusal(3, *_ORDER_ID.invalid) from None
        return new_id()
    return value


def read_order_id(body: Mapping[str, Any]) -> dict[str, str]:
    """Return which id a request names an order by, as `Market.find` takes it."""
    name = "request_id" if body.get("orderIdType") == "ORDER_ID_TYPE_REQUEST" else "number"
    return {name: str(body.get("orderId") or "")}


def chosen_orders(orders: list[Order], body: Mapping[str, Any]) -> list[Order]:
    """Return those of an account's orders that GetOrders shows.

    Without `advancedFilters` those that are active; with them today's, of the statuses and times named.

    Raises:
        Refusal: a filter is none.
    """
    told = [order for order in orders if order.told]
    filters = body.get("advancedFilters")
    if filters is None:
        return [order for order in told if not order.is_final]
    if not isinstance(filters, dict):
        raise Refusal(3, "30245", "`execution_status` is invalid")
    statuses = set(filters.get("executionStatus") or STATUSES)
    if not statuses <= STATUSES:
        raise Refusal(3, "30245", "`execution_status` is invalid")
    from_ns, to_ns = _time(filters, "from", "30009"), _time(filters, "to", "30010")
    return [
        order
        for order in told
        if f"EXECUTION_REPORT_STATUS_{order.status}" in statuses
        and (from_ns is None or from_ns <= order.created_ns)
        and (to_ns is None or order.created_ns <= to_ns)
    ]


def _time(filters: Mapping[str, Any], name: str, code: str) -> int | None:
    try:
        return read_timestamp(filters[name]) if filters.get(name) else None
    except (ValueError, TypeError):
        raise Refusal(3, code, f"`{name}` is invalid") from None
