"""The venue's JSON: frames of the private streams, answers of REST, and the simulator's ledger.

Sources: Outpoll, Order Updates, Order Feed, History, Get Active Orders, Get TP/SL Orders. What they
leave open is chosen: the payload of the order feed, the fields of a trade, of an asset's TP/SL order,
and that a history's `q` is what has traded, and its `m` the time of creation.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from sandbox.simulators.outpoll.orders import Order, Result, Trade
from sandbox.simulators.outpoll.tpsl import TpslOrder

__all__ = [
    "FEED_ACK",
    "PING",
    "UPDATES_ACK",
    "active_order",
    "encode",
    "error",
    "feed_frame",
    "feed_refusal",
    "history_order",
    "history_trade",
    "ledger_entry",
    "order_update",
    "paged",
    "tpsl_entry",
    "tpsl_item",
    "tpsl_update",
]

Json = dict[str, Any]
NS_PER_MS = 1_000_000

# Decimals are numbers on the wire, with the digits that they have.
encode = msgspec.json.Encoder(decimal_format="number").encode


def _frame(kind: str, data: Any) -> str:
    return encode({"t": kind, "d": data, "r": None}).decode()


UPDATES_ACK = _frame("success", "authorized")
FEED_ACK = _frame("SUCCESS", {"message": "AUTH successful"})
PING = _frame("PING", None)


def error(text: str) -> str:
    """Return the order updates' error frame."""
    return encode({"t": "error", "d": {"error": text}}).decode()


def feed_refusal(text: str) -> str:
    """Return the order feed's error frame, in the form that the order book's stream has."""
    return encode({"t": "ERROR", "d": None, "r": text}).decode()


def order_update(order: Order, user_id: str, result: Result) -> str:
    """Return an ORDER_UPDATE, which tells whether something succeeded, and not what."""
    return encode({"t": "ORDER_UPDATE", "d": {"i": order.order_id, "u": user_id, "s": result}}).decode()


def tpsl_update(tpsl: TpslOrder, user_id: str) -> str:
    """Return a TPSL_UPDATE."""
    ask = tpsl.ask
    data = {
        "i": tpsl.tpsl_id,
        "u": user_id,
        "a": ask.instrument.asset,
        "q": ask.quantity,
        "tpp": ask.take_profit,
        "slp": ask.stop_loss,
        "s": tpsl.status,
    }
    return encode({"t": "TPSL_UPDATE", "d": data}).decode()


def feed_frame(order: Order, user_id: str) -> str:
    """Return the order feed's frame on an order."""
    return _frame("ORDER", history_order(order, user_id))


def history_order(order: Order, user_id: str) -> Json:
    """Return an order as the history shows it.

    How many shares an amount of money buys is told once they are bought.
    """
    ask = order.ask
    return {
        "i": order.order_id,
        "u": user_id,
        "e": ask.instrument.event,
        "o": ask.instrument.outcome,
        "a": ask.instrument.asset,
        "oq": order.executed if ask.amount is not None else order.quantity,
        "si": ask.side,
        "t": ask.order_type,
        "p": ask.price,
        "m": order.created_ns // NS_PER_MS,
        "ex": None,
        "st": order.status,
        "q": order.executed,
    }


def active_order(order: Order) -> Json:
    """Return an order as the list of active ones shows it."""
    ask = order.ask
    return {
        "id": order.order_id,
        "status": order.status,
        "side": ask.side,
        "price": ask.price,
        "quantity": order.quantity,
    }


def history_trade(order: Order, trade: Trade, user_id: str) -> Json:
    """Return a trade as the history shows it."""
    instrument = order.ask.instrument
    return {
        "i": trade.trade_id,
        "oi": order.order_id,
        "u": user_id,
        "e": instrument.event,
        "o": instrument.outcome,
        "a": instrument.asset,
        "si": order.ask.side,
        "p": trade.price,
        "q": trade.quantity,
        "m": trade.time_ns // NS_PER_MS,
    }


def tpsl_item(tpsl: TpslOrder, user_id: str) -> Json:
    """Return a take-profit / stop-loss order as their list shows it."""
    ask = tpsl.ask
    return {
        "i": tpsl.tpsl_id,
        "u": user_id,
        "e": ask.instrument.event,
        "o": ask.instrument.outcome,
        "a": ask.instrument.asset,
        "q": ask.quantity,
        "tpp": ask.take_profit,
        "slp": ask.stop_loss,
        "s": tpsl.status,
        "m": tpsl.created_ns // NS_PER_MS,
    }


def paged(items: Sequence[Json], page: int, size: int) -> Json:
    """Return one page of a history; `tp` is the number of pages."""
    return {"i": items[page * size : (page + 1) * size], "p": page, "s": size, "tp": -(-len(items) // size)}


def _text(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"


def ledger_entry(order: Order) -> Json:
    """Return what the simulator knows of an order, for who checks others against it."""
    ask = order.ask
    return {
        "account": ask.account,
        "order_request_id": None,
        "order_id": order.order_id,
        "instrument": ask.instrument.asset,
        "symbol": ask.instrument.symbol,
        "side": ask.side,
        "order_type": ask.order_type,
        "price": _text(ask.price),
        "quantity": _text(order.quantity),
        "cash_quantity": _text(ask.amount),
        "executed": _text(order.executed),
        "cancelled": _text(order.cancelled),
        "status": str(order.status),
        "final": order.is_final,
        "told": order.told,
        "trades": [
            {"trade_id": trade.trade_id, "price": _text(trade.price), "quantity": _text(trade.quantity)}
            for trade in order.trades
        ],
        "created_ns": order.created_ns,
        "changed_ns": order.changed_ns,
        "source": str(ask.source),
        "stop_order_id": order.tpsl_id,
    }


def tpsl_entry(tpsl: TpslOrder) -> Json:
    """Return what the simulator knows of a take-profit / stop-loss order."""
    ask = tpsl.ask
    return {
        "account": ask.account,
        "stop_order_id": tpsl.tpsl_id,
        "instrument": ask.instrument.asset,
        "symbol": ask.instrument.symbol,
        "side": "SELL",
        "quantity": _text(ask.quantity),
        "take_profit_price": _text(ask.take_profit),
        "stop_price": _text(ask.stop_loss),
        "status": str(tpsl.status),
        "final": tpsl.is_final,
        "told": tpsl.told,
        "child_order_id": tpsl.child_order_id,
        "created_ns": tpsl.created_ns,
        "changed_ns": tpsl.changed_ns,
    }
