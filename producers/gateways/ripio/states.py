"""What Ripio answers to queries, typed: numbers exact, ids as text, times in nanoseconds of Unix time. Pure.

Source: Ripio Trade API v4, `UserPreparedOrderWithExecutions` and `UserPreparedTradeV4`. Names that are FIX's here:
`venue_order_id` (id), `order_request_id` (external_id), `instrument` (pair), `side`, `ord_type`, `ord_status`;
these are None for a venue's word that is not known, while `venue_status` has it as it came.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Generic, TypeVar

import msgspec

from producers.gateways.ripio import words
from producers.gateways.times import to_ns
from schemas.fix import LastLiquidityInd, OrdStatus, OrdType, Side

__all__ = ["OrderState", "Page", "TradeState", "read_order", "read_orders", "read_trades", "time_ns"]

Item = TypeVar("Item")


class WireOrder(msgspec.Struct):
    """An order, as it comes."""

    id: str
    status: str
    pair: str | None = None
    side: str | None = None
    type: str | None = None
    external_id: str | None = None
    create_date: str | None = None
    update_date: str | None = None
    price: Decimal | None = None
    requested_amount: Decimal | None = None
    requested_value: Decimal | None = None
    executed_amount: Decimal | None = None
    remaining_amount: Decimal | None = None
    average_execution_price: Decimal | None = None
    fee: Decimal | None = None


class WireTrade(msgspec.Struct):
    """A trade, as it comes."""

    id: str
    amount: Decimal
    price: Decimal
    pair_code: str | None = None
    taker_or_maker: str | None = None
    maker_order_id: str | None = None
    taker_order_id: str | None = None
    date: str | None = None
    fee: Decimal | None = None
    fee_currency: str | None = None
    total_value: Decimal | None = None


class _List(msgspec.Struct):
    orders: list[WireOrder] = []
    trades: list[WireTrade] = []
    nc: str | None = None


class _ListAnswer(msgspec.Struct):
    data: _List


class _OrderAnswer(msgspec.Struct):
    data: WireOrder


_read_list = msgspec.json.Decoder(_ListAnswer).decode
_read_one = msgspec.json.Decoder(_OrderAnswer).decode


@dataclass(frozen=True, kw_only=True)
class OrderState:
    """Where an order stands. `fee` is the sum of its trades' fees, in a currency that only the trades name.

    `requested_value` is what the order is for in money, by its price unless it was for that amount.
    """

    venue_order_id: str
    order_request_id: str | None
    venue_status: str
    ord_status: OrdStatus | None
    instrument: str | None
    side: Side | None
    ord_type: OrdType | None
    price: Decimal | None
    requested_amount: Decimal | None
    requested_value: Decimal | None
    executed_amount: Decimal | None
    remaining_amount: Decimal | None
    average_execution_price: Decimal | None
    fee: Decimal | None
    created_ns: int | None
    updated_ns: int | None


@dataclass(frozen=True, kw_only=True)
class TradeState:
    """A fill of an order of the user's, with what it cost in fees."""

    trade_id: str
    venue_order_id: str | None
    instrument: str | None
    price: Decimal
    quantity: Decimal
    value: Decimal | None
    fee: Decimal | None
    fee_currency: str | None
    liquidity: LastLiquidityInd | None
    transact_ns: int | None


@dataclass(frozen=True, kw_only=True)
class Page(Generic[Item]):
    """A part of a list, and the cursor of the next one if there is any."""

    items: list[Item]
    cursor: str | None


def read_order(body: bytes) -> OrderState:
    """Read the answer of one order; raises ValueError."""
    return _order(_read_one(body).data)


def read_orders(body: bytes) -> Page[OrderState]:
    """Read a page of a list of orders; raises ValueError."""
    data = _read_list(body).data
    return Page(items=[_order(order) for order in data.orders], cursor=data.nc or None)


def read_trades(body: bytes) -> Page[TradeState]:
    """Read a page of a list of trades; raises ValueError."""
    data = _read_list(body).data
    return Page(items=[_trade(trade) for trade in data.trades], cursor=data.nc or None)


def _order(order: WireOrder) -> OrderState:
    return OrderState(
        venue_order_id=order.id,
        order_request_id=order.external_id or None,
        venue_status=order.status,
        ord_status=words.ORD_STATUSES.get(order.status),
        instrument=order.pair,
        side=words.TO_SIDES.get(order.side or ""),
        ord_type=words.ORD_TYPES.get(order.type or ""),
        price=order.price,
        requested_amount=order.requested_amount,
        requested_value=order.requested_value,
        executed_amount=order.executed_amount,
        remaining_amount=order.remaining_amount,
        average_execution_price=order.average_execution_price,
        fee=order.fee,
        created_ns=time_ns(order.create_date),
        updated_ns=time_ns(order.update_date),
    )


def _trade(trade: WireTrade) -> TradeState:
    orders = {"maker": trade.maker_order_id, "taker": trade.taker_order_id}
    return TradeState(
        trade_id=trade.id,
        venue_order_id=orders.get(trade.taker_or_maker or ""),
        instrument=trade.pair_code,
        price=trade.price,
        quantity=trade.amount,
        value=trade.total_value,
        fee=trade.fee,
        fee_currency=trade.fee_currency,
        liquidity=words.LIQUIDITIES.get(trade.taker_or_maker or ""),
        transact_ns=time_ns(trade.date),
    )


def time_ns(text: str | None) -> int | None:
    """Return a time, None for one that can't be read: what became of an order does not hang on it."""
    try:
        return to_ns(text) if text else None
    except ValueError:
        return None
