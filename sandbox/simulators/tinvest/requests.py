"""What the simulated venue makes of a request's JSON on orders: an order, a look-up, or a refusal.

Sources: T-Invest, orders.proto and errors (codes and messages).
"""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from sandbox.simulators.tinvest.fields import (
    Body,
    EnumField,
    check_price_type,
    is_between,
    optional_price,
    read_account,
    read_instrument,
    read_key,
    read_lots,
    read_period,
    read_price,
)
from sandbox.simulators.tinvest.instruments import Instrument
from sandbox.simulators.tinvest.orders import Ask, Order
from sandbox.simulators.tinvest.refusals import Refusal

__all__ = [
    "DIRECTION",
    "PriceQuery",
    "chosen_orders",
    "read_ask",
    "read_order_id",
    "read_price_query",
    "read_replacement",
]

# An order that costs more needs a confirmation by hand (T-Invest, Orders, limits on an order's cost).
MOST_NANO = 30_000_000 * 10**9

DIRECTION = EnumField("direction", "ORDER_DIRECTION_", ("UNSPECIFIED", "BUY", "SELL"), "30020", "30019")
ORDER_TYPE = EnumField("orderType", "ORDER_TYPE_", ("UNSPECIFIED", "LIMIT", "MARKET", "BESTPRICE"), "30026", "30025")
TIME_IN_FORCE = EnumField(
    "timeInForce", "TIME_IN_FORCE_", ("UNSPECIFIED", "DAY", "FILL_AND_KILL", "FILL_OR_KILL"), "30254"
)
ID_TYPE = EnumField("orderIdType", "ORDER_ID_TYPE_", ("UNSPECIFIED", "EXCHANGE", "REQUEST"), "")
STATUS = EnumField(
    "executionStatus",
    "EXECUTION_REPORT_STATUS_",
    ("UNSPECIFIED", "FILL", "REJECTED", "CANCELLED", "NEW", "PARTIALLYFILL"),
    "30245",
)


def read_ask(body: Body, accounts: list[str], new_id: Callable[[], str], *, is_async: bool) -> Ask:
    """Return the order that a PostOrder or PostOrderAsync asks for.

    PostOrder takes a missing key, and one that is no UUID, and puts one of its own in its place;
    PostOrderAsync refuses both (T-Invest, Order state stream; Asynchronous orders).

    Raises:
        Refusal: as the venue would.
    """
    account = read_account(body, accounts)
    instrument, instrument_id = read_instrument(body)
    check_price_type(body)
    order_type = ORDER_TYPE.read(body)
    price_nano = read_price(body, instrument) if order_type == "LIMIT" else None
    lots = read_lots(body)
    _check_cost(instrument, lots, price_nano)
    return Ask(
        account=account,
        request_id=read_key(
            body,
            "orderId",
            None if is_async else new_id,
            missing="30027" if is_async else "",
            invalid="30028",
            too_long="30055",
        ),
        instrument=instrument,
        instrument_id=instrument_id,
        direction=DIRECTION.read(body),
        order_type=order_type,
        time_in_force=TIME_IN_FORCE.read(body, "DAY"),
        lots=lots,
        price_nano=price_nano,
    )


def read_replacement(body: Body, old: Ask, new_id: Callable[[], str]) -> Ask:
    """Return the new order that a ReplaceOrder asks for in the place of `old`.

    A limit order needs a price; the price of others is not looked at.

    Raises:
        Refusal: as the venue would.
    """
    key = read_key(body, "idempotencyKey", new_id, missing="30029", invalid="30030", too_long="30030")
    check_price_type(body)
    price_nano = read_price(body, old.instrument) if old.order_type == "LIMIT" else None
    lots = read_lots(body)
    _check_cost(old.instrument, lots, price_nano)
    return replace(old, request_id=key, lots=lots, price_nano=price_nano)


def _check_cost(instrument: Instrument, lots: int, price_nano: int | None) -> None:
    if lots * instrument.lot_size * (price_nano or instrument.price_nano) > MOST_NANO:
        raise Refusal("90003")


def read_order_id(body: Body) -> dict[str, str]:
    """Return which id a request names an order by, as `Market.find` takes it.

    Raises:
        Refusal: it names none, or a type of id that there is none of.
    """
    order_id = str(body.get("orderId") or "")
    if not order_id:
        raise Refusal("30027")
    return {"request_id" if ID_TYPE.read(body) == "REQUEST" else "number": order_id}


def chosen_orders(orders: list[Order], body: Body) -> list[Order]:
    """Return those of an account's orders that GetOrders shows.

    Without `advancedFilters` those that are active; with them today's, of the statuses and times named.

    Raises:
        Refusal: a filter is none.
    """
    told = [order for order in orders if order.told]
    filters = body.get("advancedFilters")
    if filters is None:
        return [order for order in told if not order.is_final]
    wanted = filters.get("executionStatus") or () if isinstance(filters, dict) else None
    if not isinstance(wanted, list | tuple):
        raise Refusal("30245")
    statuses = {STATUS.name_of(value) for value in wanted}
    period = read_period(filters)
    return [
        order for order in told if (not statuses or order.status in statuses) and is_between(order.created_ns, period)
    ]


class PriceQuery(NamedTuple):
    """What a GetMaxLots or GetOrderPrice asks about; GetMaxLots has no direction and no lots."""

    account: str
    instrument: Instrument
    price_nano: int | None
    direction: str = ""
    lots: int = 0


def read_price_query(body: Body, accounts: list[str], *, of_order: bool) -> PriceQuery:
    """Return what is asked about; `of_order` is for GetOrderPrice, which needs a price, a side and lots.

    Raises:
        Refusal: as the venue would.
    """
    account = read_account(body, accounts)
    instrument, _ = read_instrument(body)
    if not of_order:
        return PriceQuery(account, instrument, optional_price(body, instrument))
    return PriceQuery(account, instrument, read_price(body, instrument), DIRECTION.read(body), read_lots(body))
