"""What T-Invest answers to queries, typed: money exact, ids as text, times in nanoseconds of Unix time. Pure.

Source: orders.proto, stoporders.proto (1.49) and users.proto, whose comments each field's meaning is from. Names
that are FIX's here: `venue_order_id` (orderId), `order_request_id`, `side`, `ord_type`, `ord_status`; these are
None for a venue's word that is not known, while `venue_status` has it as it came.
"""

from dataclasses import dataclass
from decimal import Decimal

from producers.gateways.stop_orders import StopStatus
from producers.gateways.tinvest import words
from producers.gateways.tinvest.fields import Fields, Money
from producers.gateways.tinvest.words import fix_word
from schemas.fix import OrdStatus, OrdType, Side

__all__ = ["Account", "MaxLots", "OrderPrice", "OrderStage", "OrderState", "StopOrder", "TrailingState"]


@dataclass(frozen=True, kw_only=True)
class Account:
    """An account of the token's owner (users.proto, Account), with what the token may do in it."""

    account: str
    name: str
    type: str
    status: str
    access_level: str
    opened_ns: int | None
    closed_ns: int | None

    @classmethod
    def read(cls, said: Fields) -> "Account":
        """Read a message; raises ValueError."""
        return cls(
            account=said.text("id"),
            name=said.text("name"),
            type=said.word("type", "AccountType"),
            status=said.word("status", "AccountStatus"),
            access_level=said.word("accessLevel", "AccessLevel"),
            opened_ns=said.time_ns("openedDate"),
            closed_ns=said.time_ns("closedDate"),
        )


@dataclass(frozen=True, kw_only=True)
class OrderStage:
    """A trade of an order: here `quantity` is in lots, where the stream's is in pieces."""

    trade_id: str
    price: Money | None
    quantity: int
    execution_ns: int | None

    @classmethod
    def read(cls, said: Fields) -> "OrderStage":
        """Read a message; raises ValueError."""
        return cls(
            trade_id=said.text("tradeId"),
            price=said.money("price"),
            quantity=said.whole("quantity"),
            execution_ns=said.time_ns("executionTime"),
        )


@dataclass(frozen=True, kw_only=True)
class OrderState:
    """Where an order stands (GetOrders, GetOrderState).

    `initial_security_price` is of one unit of the instrument; `initial_order_price` and
    `executed_order_price` are prices times lots, `total_order_amount` is with all commissions.
    """

    venue_order_id: str
    order_request_id: str | None
    venue_status: str
    ord_status: OrdStatus | None
    side: Side | None
    ord_type: OrdType | None
    instrument_uid: str
    figi: str
    ticker: str
    class_code: str
    currency: str
    lots_requested: int
    lots_executed: int
    initial_security_price: Money | None
    average_position_price: Money | None
    initial_order_price: Money | None
    executed_order_price: Money | None
    total_order_amount: Money | None
    initial_commission: Money | None
    executed_commission: Money | None
    service_commission: Money | None
    order_ns: int | None
    stages: tuple[OrderStage, ...]

    @classmethod
    def read(cls, said: Fields) -> "OrderState":
        """Read a message; raises ValueError, also when it names no order."""
        venue_status = said.word("executionReportStatus", "OrderExecutionReportStatus")
        order_id = said.text("orderId")
        if not order_id:
            raise ValueError("orderId is missing")
        return cls(
            venue_order_id=order_id,
            order_request_id=said.optional_text("orderRequestId"),
            venue_status=venue_status,
            ord_status=fix_word(words.STATUSES, venue_status),
            side=fix_word(words.DIRECTIONS, said.word("direction", "OrderDirection")),
            ord_type=fix_word(words.ORDER_TYPES, said.word("orderType", "OrderType")),
            instrument_uid=said.text("instrumentUid"),
            figi=said.text("figi"),
            ticker=said.text("ticker"),
            class_code=said.text("classCode"),
            currency=said.text("currency").upper(),
            lots_requested=said.whole("lotsRequested"),
            lots_executed=said.whole("lotsExecuted"),
            initial_security_price=said.money("initialSecurityPrice"),
            average_position_price=said.money("averagePositionPrice"),
            initial_order_price=said.money("initialOrderPrice"),
            executed_order_price=said.money("executedOrderPrice"),
            total_order_amount=said.money("totalOrderAmount"),
            initial_commission=said.money("initialCommission"),
            executed_commission=said.money("executedCommission"),
            service_commission=said.money("serviceCommission"),
            order_ns=said.time_ns("orderDate"),
            stages=tuple(map(OrderStage.read, said.messages("stages"))),
        )


@dataclass(frozen=True, kw_only=True)
class TrailingState:
    """How a trailing stop order follows the price, and how far it has come (`extremum` is its best price)."""

    indent: Decimal | None
    indent_type: str
    spread: Decimal | None
    spread_type: str
    status: str
    price: Decimal | None
    extremum: Decimal | None

    @classmethod
    def read(cls, said: Fields) -> "TrailingState":
        """Read a message; raises ValueError."""
        return cls(
            indent=said.quotation("indent"),
            indent_type=said.word("indentType", "TrailingValueType"),
            spread=said.quotation("spread"),
            spread_type=said.word("spreadType", "TrailingValueType"),
            status=said.word("status", "TrailingStopStatus"),
            price=said.quotation("price"),
            extremum=said.quotation("extr"),
        )


@dataclass(frozen=True, kw_only=True)
class StopOrder:
    """Where a stop order stands (GetStopOrders).

    `exchange_order_id` is the venue's id of the order that it became.
    """

    venue_order_id: str
    venue_status: str
    status: StopStatus | None
    side: Side | None
    ord_type: OrdType | None
    instrument_uid: str
    figi: str
    ticker: str
    class_code: str
    currency: str
    lots_requested: int
    stop_price: Money | None
    price: Money | None
    exchange_order_type: str
    exchange_order_id: str | None
    instant_execution: bool
    trailing: TrailingState | None
    create_ns: int | None
    activation_ns: int | None
    expire_ns: int | None

    @classmethod
    def read(cls, said: Fields) -> "StopOrder":
        """Read a message; raises ValueError, also when it names no stop order."""
        venue_status = said.word("status", "StopOrderStatusOption")
        order_id = said.text("stopOrderId")
        if not order_id:
            raise ValueError("stopOrderId is missing")
        ord_type = fix_word(words.STOP_TYPES, said.word("orderType", "StopOrderType"))
        kind = fix_word(words.TAKE_PROFIT_TYPES, said.word("takeProfitType", "TakeProfitType"))
        trailing = said.message("trailingData")
        is_trailing = ord_type is OrdType.TAKE_PROFIT and kind is OrdType.TRAILING_TAKE_PROFIT
        return cls(
            venue_order_id=order_id,
            venue_status=venue_status,
            status=fix_word(words.STOP_STATUSES, venue_status),
            side=fix_word(words.STOP_DIRECTIONS, said.word("direction", "StopOrderDirection")),
            ord_type=kind if is_trailing else ord_type,
            instrument_uid=said.text("instrumentUid"),
            figi=said.text("figi"),
            ticker=said.text("ticker"),
            class_code=said.text("classCode"),
            currency=said.text("currency").upper(),
            lots_requested=said.whole("lotsRequested"),
            stop_price=said.money("stopPrice"),
            price=said.money("price"),
            exchange_order_type=said.word("exchangeOrderType", "ExchangeOrderType"),
            exchange_order_id=said.optional_text("exchangeOrderId"),
            instant_execution=said.flag("instantExecution"),
            trailing=TrailingState.read(trailing) if trailing is not None and is_trailing else None,
            create_ns=said.time_ns("createDate"),
            activation_ns=said.time_ns("activationDateTime"),
            expire_ns=said.time_ns("expirationTime"),
        )


@dataclass(frozen=True, kw_only=True)
class MaxLots:
    """How many lots an account can buy and sell now (GetMaxLots), with own money and with credit (`margin`).

    `market` is for an order at the market's price.
    """

    currency: str
    buy_money: Decimal | None
    buy_lots: int
    buy_market_lots: int
    buy_margin_money: Decimal | None
    buy_margin_lots: int
    buy_margin_market_lots: int
    sell_lots: int
    sell_margin_lots: int

    @classmethod
    def read(cls, said: Fields) -> "MaxLots":
        """Read a message; raises ValueError."""
        nothing = Fields({})
        buy, buy_margin = said.message("buyLimits") or nothing, said.message("buyMarginLimits") or nothing
        sell, sell_margin = said.message("sellLimits") or nothing, said.message("sellMarginLimits") or nothing
        return cls(
            currency=said.text("currency").upper(),
            buy_money=buy.quotation("buyMoneyAmount"),
            buy_lots=buy.whole("buyMaxLots"),
            buy_market_lots=buy.whole("buyMaxMarketLots"),
            buy_margin_money=buy_margin.quotation("buyMoneyAmount"),
            buy_margin_lots=buy_margin.whole("buyMaxLots"),
            buy_margin_market_lots=buy_margin.whole("buyMaxMarketLots"),
            sell_lots=sell.whole("sellMaxLots"),
            sell_margin_lots=sell_margin.whole("sellMaxLots"),
        )


@dataclass(frozen=True, kw_only=True)
class OrderPrice:
    """What an order would cost (GetOrderPrice): `total_order_amount` with all that comes on top.

    `aci_value` and `nominal_conversion_rate` are a bond's, `initial_margin` a future's.
    """

    lots_requested: int
    total_order_amount: Money | None
    initial_order_amount: Money | None
    executed_commission: Money | None
    executed_commission_rub: Money | None
    service_commission: Money | None
    deal_commission: Money | None
    aci_value: Money | None
    nominal_conversion_rate: Decimal | None
    initial_margin: Money | None

    @classmethod
    def read(cls, said: Fields) -> "OrderPrice":
        """Read a message; raises ValueError."""
        nothing = Fields({})
        bond, future = said.message("extraBond") or nothing, said.message("extraFuture") or nothing
        return cls(
            lots_requested=said.whole("lotsRequested"),
            total_order_amount=said.money("totalOrderAmount"),
            initial_order_amount=said.money("initialOrderAmount"),
            executed_commission=said.money("executedCommission"),
            executed_commission_rub=said.money("executedCommissionRub"),
            service_commission=said.money("serviceCommission"),
            deal_commission=said.money("dealCommission"),
            aci_value=bond.money("aciValue"),
            nominal_conversion_rate=bond.quotation("nominalConversionRate"),
            initial_margin=future.money("initialMargin"),
        )
