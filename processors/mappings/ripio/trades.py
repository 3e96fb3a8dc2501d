"""Ripio's trades: the topic user_trades, and the answers that list them, tell the same.

A trade names both of its orders, the one that stood in the book and the one that came to it; which is
the user's is told by `taker_or_maker` (Ripio Trade API v4, user_trades). It has no external id: its order
is found by the venue's. Whose `side` and `type` it tells is not documented, so they are not read.
"""

from decimal import Decimal

from msgspec import Struct

from processors.core.errors import MappingError
from processors.core.model import Report, Trade
from processors.mappings.ripio.words import LIQUIDITIES, number, quote_currency, time_ns
from schemas.fix import LastLiquidityInd, OrdStatus

__all__ = ["UserTrade", "trade_report"]


class UserTrade(Struct, gc=False):
    """`UserPreparedTradeV4`, as far as it is used."""

    id: str
    amount: Decimal
    price: Decimal
    taker_or_maker: str
    pair_code: str | None = None
    date: str | None = None
    fee: Decimal | None = None
    fee_currency: str | None = None
    maker_order_id: str | None = None
    taker_order_id: str | None = None


def trade_report(trade: UserTrade, account: str) -> Report:
    """Return what a trade says of the user's order: that it was filled by so much, at least in part.

    Raises:
        MappingError: whose order it is can't be told, or a number is none.
    """
    liquidity = LIQUIDITIES.get(trade.taker_or_maker)
    if liquidity is None:
        raise MappingError("taker_or_maker", trade.taker_or_maker, "neither taker nor maker")
    is_maker = liquidity is LastLiquidityInd.ADDED_LIQUIDITY
    order_id = trade.maker_order_id if is_maker else trade.taker_order_id
    if not order_id:
        raise MappingError(f"{trade.taker_or_maker}_order_id", order_id, "a trade without the id of its order")
    if not trade.id:
        raise MappingError("id", trade.id, "a trade without an id")
    transact_ns = time_ns(trade.date)
    told = Trade(
        trade.id,
        number("price", trade.price),
        number("amount", trade.amount),
        transact_ns,
        None if trade.fee is None else number("fee", trade.fee),
        trade.fee_currency or None,
        liquidity,
    )
    return Report(
        account,
        None,
        order_id,
        OrdStatus.PARTIALLY_FILLED,
        None,
        trades=(told,),
        transact_ns=transact_ns,
        instrument=trade.pair_code or None,
        symbol=trade.pair_code or None,
        currency=quote_currency(trade.pair_code),
    )
