"""The venue's JSON: what REST answers, what the stream sends, and the ledger for who checks others against it.

Sources: Ripio Trade API v4, the schemas named at each function.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sandbox.simulators.ripio.keys import Account
from sandbox.simulators.ripio.orders import ChangeRequest, Order, Status, Trade
from sandbox.simulators.ripio.pairs import CURRENCIES, Pair
from sandbox.simulators.ripio.values import as_json, iso, ms, spaced
from sandbox.simulators.ripio.wallets import Wallets

__all__ = [
    "Json",
    "Words",
    "acknowledgement",
    "balance_item",
    "envelope",
    "ledger_entry",
    "message",
    "pair_item",
    "pong",
    "trade_item",
    "trading_fees",
]

Json = dict[str, Any]
ZERO = Decimal(0)


def envelope(data: Any) -> Json:
    """Return the envelope of what was done."""
    return {"error_code": None, "message": None, "data": data}


def message(topic: str, number: int, now_ns: int, body: Json) -> str:
    """Return a message of the stream (IResponse_*)."""
    return as_json({"id": number, "topic": topic, "timestamp": ms(now_ns), "body": body})


def acknowledgement(method: str, topics: Sequence[str], now_ns: int) -> Json:
    """Return what a subscription is answered with; the documents do not show it."""
    return {"method": method, "topics": list(topics), "timestamp": ms(now_ns)}


def pong(now_ns: int) -> Json:
    """Return what a ping is answered with; the documents do not show it."""
    return {"method": "pong", "timestamp": ms(now_ns)}


class Words:
    """Writes orders in the words that are documented, or in those that were observed.

    Observed are `pending_creation` and `waiting`, the latter for `open` (Ripio, API v3.8, orders). With
    `upper_external_ids` the client's ids come back in upper case: the documents' examples have both.
    """

    def __init__(self, *, observed: bool = False, upper_external_ids: bool = False) -> None:
        self._observed = observed
        self._upper = upper_external_ids

    def status(self, order: Order) -> str:
        """Return the word for an order's state."""
        if self._observed and order.status is Status.OPEN:
            return "waiting" if order.placed else "pending_creation"
        return order.status.value

    def external_id(self, order: Order) -> str | None:
        """Return the client's id as it comes back."""
        external_id = order.ask.external_id
        return external_id.upper() if external_id is not None and self._upper else external_id

    def stream(self, order: Order, account: Account) -> Json:
        """Return the body of an `order_status` message (IOrderStatus)."""
        ask = order.ask
        own = {"stop_price": ask.stop_price, "distance": ask.distance}
        return {
            "id": order.order_id,
            "status": self.status(order),
            "type": ask.order_type,
            "side": ask.side,
            "pair": ask.pair.code,
            "price": order.price or ZERO,
            "amount": _amount(order),
            "executed_amount": order.executed,
            "remaining_amount": order.unfilled,
            "average_execution_price": order.average_price,
            "external_id": self.external_id(order),
            **{name: value for name, value in own.items() if value is not None},
            "user_id": account.user_id,
            "created_at": iso(order.created_ns),
            "updated_at": iso(order.changed_ns),
        }

    def created(self, order: Order) -> Json:
        """Return what the creation of an order is answered with (UserOrderOutput)."""
        return {
            "id": order.order_id,
            "create_date": iso(order.created_ns),
            "executed_amount": order.executed,
            "external_id": self.external_id(order),
            "pair": order.ask.pair.code,
            "remaining_amount": order.unfilled,
            "remaining_value": order.value_left,
            "requested_amount": _amount(order),
            "requested_value": _requested_value(order),
            "side": order.ask.side,
            "status": self.status(order),
        }

    def canceled(self, order: Order) -> Json:
        """Return what a cancel is answered with (CancelResponseData)."""
        item = self.listed(order)
        return {name: value for name, value in item.items() if name not in ("fee", "fill_or_kill")}

    def listed(self, order: Order) -> Json:
        """Return an order as the lists have it (UserPreparedOrder)."""
        return {
            "create_date": iso(order.created_ns),
            "executed_amount": order.executed,
            "external_id": self.external_id(order),
            "id": order.order_id,
            "pair": order.ask.pair.code,
            "price": order.price or ZERO,
            "remaining_amount": order.unfilled,
            "remaining_value": order.unfilled * (order.price or ZERO) if order.canceled else order.value_left,
            "requested_amount": _amount(order),
            "requested_value": _requested_value(order),
            "side": order.ask.side,
            "status": self.status(order),
            "fee": order.fees,
            "fill_or_kill": order.ask.fill_or_kill,
            "total_value": order.executed_value,
            "type": order.ask.order_type,
            "update_date": iso(order.changed_ns),
        }

    def whole(self, order: Order) -> Json:
        """Return an order as it is answered alone (UserPreparedOrderWithExecutions)."""
        return self.listed(order) | {
            "average_execution_price": order.average_price,
            "transactions": [
                {
                    "amount": trade.amount,
                    "create_date": spaced(trade.time_ns),
                    "fee": trade.fee(order.ask.side),
                    "fee_currency": _fee_currency(order),
                    "price": trade.price,
                    "total_value": trade.value,
                }
                for trade in order.trades
            ],
        }


def _amount(order: Order) -> Decimal:
    # Of an order by value the documents do not say what its amount is.
    if order.amount is not None:
        return order.amount
    return order.executed if order.is_final else ZERO


def _requested_value(order: Order) -> Decimal:
    if order.amount is None:
        return order.ask.value or ZERO
    return order.amount * (order.price or ZERO)


def _fee_currency(order: Order) -> str:
    return order.ask.pair.base if order.ask.side == "buy" else order.ask.pair.quote


def trade_item(order: Order, trade: Trade) -> Json:
    """Return a trade as the stream and the lists have it (UserPreparedTradeV4)."""
    ours, other = order.order_id, trade.other_order_id
    return {
        "id": trade.trade_id,
        "amount": trade.amount,
        "price": trade.price,
        "total_value": trade.value,
        "date": iso(trade.time_ns),
        "timestamp": ms(trade.time_ns),
        "side": order.ask.side,
        "type": order.ask.order_type,
        "fee": trade.fee(order.ask.side),
        "fee_currency": _fee_currency(order),
        "pair_code": order.ask.pair.code,
        "taker_or_maker": "taker" if trade.is_taker else "maker",
        "maker_order_id": other if trade.is_taker else ours,
        "taker_order_id": ours if trade.is_taker else other,
    }


def balance_item(wallets: Wallets, account: Account, currencies: tuple[str, ...] = CURRENCIES) -> Json:
    """Return the body of a `balance` message (SocketBalance)."""
    return {
        "user_id": account.user_id,
        "balances": [
            {
                "currency_code": currency,
                "available_amount": wallets.available(account.name, currency),
                "locked_amount": wallets.locked(account.name, currency),
            }
            for currency in currencies
        ],
    }


def pair_item(pair: Pair) -> Json:
    """Return a pair (PublicPairV4)."""
    return {
        "amount_tick": pair.amount_tick,
        "base": pair.base,
        "base_name": pair.base,
        "enabled": True,
        "min_amount": pair.min_amount,
        "min_value": pair.min_value,
        "price_tick": pair.price_tick,
        "quote": pair.quote,
        "quote_name": pair.quote,
        "symbol": pair.code,
        "countries": ["BR"],
    }


def trading_fees() -> list[Json]:
    """Return the fees in percent (UserPairFeeData)."""
    return [{"side": side, "maker": Decimal("0.21"), "taker": Decimal("0.3")} for side in ("buy", "sell")]


def ledger_entry(order: Order, status: str) -> Json:
    """Return what the simulator knows of an order, with plain decimal texts."""
    ask = order.ask
    canceled = order.unfilled if order.canceled else ZERO
    return {
        "account": ask.account,
        "order_request_id": ask.external_id,
        "order_id": order.order_id,
        "instrument": ask.pair.code,
        "symbol": ask.pair.code,
        "side": ask.side.upper(),
        "quantity": _text(_amount(order)),
        "executed": _text(order.executed),
        "cancelled": _text(canceled),
        "status": status,
        "final": order.is_final,
        "told": order.told,
        "trades": [
            {
                "trade_id": trade.trade_id,
                "price": _text(trade.price),
                "quantity": _text(trade.amount),
                "fee": _text(trade.fee(ask.side)),
                "fee_currency": _fee_currency(order),
                "is_taker": trade.is_taker,
            }
            for trade in order.trades
        ],
        "created_ns": order.created_ns,
        "changed_ns": order.changed_ns,
        "order_type": ask.order_type,
        "value": _text(ask.value),
        "price": _text(order.price),
        "stop_price": _text(ask.stop_price),
        "distance": _text(ask.distance),
        "triggered": order.triggered,
        "source": str(ask.source),
        "requests": [_request(request) for request in order.requests],
    }


def _text(value: Decimal | None) -> str | None:
    return None if value is None else f"{value.normalize():f}"


def _request(request: ChangeRequest) -> Json:
    return {"kind": request.kind, "asked_ns": request.asked_ns, "code": request.code, "done": request.done}
