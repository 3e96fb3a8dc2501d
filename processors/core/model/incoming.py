"""What comes in: where it was read, and what was read there."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from mypy_extensions import mypyc_attr

from processors.core.model.execution import ZERO, Event
from schemas.fix import Action, LastLiquidityInd, OrdStatus, OrdType, Phase, Side, Source, TimeInForce

__all__ = ["Origin", "Due", "Trade", "Report", "Submission"]


@mypyc_attr(acyclic=True)
@dataclass(init=False)
class Origin:
    """The record that something was read from, and when its bytes arrived at the feed or the gateway."""

    topic: str
    partition: int
    offset: int
    received_ns: int
    source: Source

    def __init__(
        self,
        topic: str,
        partition: int,
        offset: int,
        received_ns: int,
        source: Source,
    ) -> None:
        self.topic = topic
        self.partition = partition
        self.offset = offset
        self.received_ns = received_ns
        self.source = source

    def event_id(self, index: int) -> str:
        """Return the identity of the result number `index` that this record caused."""
        return f"{self.topic}-{self.partition}-{self.offset}-{index}"

    def again_id(self, event: Event, index: int) -> str:
        """Return the identity of the result number `index`, which is an execution once more."""
        return self.event_id(index)


@mypyc_attr(acyclic=True)
class Due(Origin):
    """No record, but that an order's time has come; it stands by the record that told of the order last.

    That record can tell of many orders, whose times come one by one, so a result is told apart from the others
    by the execution that it is of and its revision.
    """

    def again_id(self, event: Event, index: int) -> str:
        """Return the identity of the next revision of an execution."""
        record, _, number = event.exec_id.rpartition("-")
        return f"{record}-{_REVISION * (event.revision + 1) + int(number)}"


# More than the results that one record can have.
_REVISION: Final = 1_000_000


@mypyc_attr(acyclic=True)
@dataclass(init=False)
class Trade:
    """One fill as the venue tells it; `trade_id` is its identity within the account."""

    trade_id: str
    price: Decimal
    quantity: Decimal
    transact_ns: int | None
    commission: Decimal | None
    commission_currency: str | None
    liquidity: LastLiquidityInd | None

    def __init__(
        self,
        trade_id: str,
        price: Decimal,
        quantity: Decimal,
        transact_ns: int | None = None,
        commission: Decimal | None = None,
        commission_currency: str | None = None,
        liquidity: LastLiquidityInd | None = None,
    ) -> None:
        self.trade_id = trade_id
        self.price = price
        self.quantity = quantity
        self.transact_ns = transact_ns
        self.commission = commission
        self.commission_currency = commission_currency
        self.liquidity = liquidity


@mypyc_attr(acyclic=True)
@dataclass(init=False)
class Report:
    """What a venue says of one order: what a mapping makes of a frame.

    `ord_status` is the venue's status in FIX's words, by the venue's mapping table; `venue_status` is None
    where it follows from something else than a status, such as a trade. `cum_qty` is the
    filled quantity as told, which may run ahead of the `trades` listed here. With `of_request` a REJECTED is
    the venue's word that a request about the order failed, whichever it was. `triggers_id` is the venue's
    id of the order that a stop order became. `other_id` is one more of the venue's ids of the order, which
    ties its reports where its `venue_order_id` changes and no request id does. `created_ns` is when the venue
    took the order; only a mapping whose venue knows no request ids gives it, for there an order whose call
    was not answered is found by what it is (`candidates.py`).
    """

    account: str
    order_request_id: str | None
    venue_order_id: str | None
    ord_status: OrdStatus
    venue_status: str | None
    cum_qty: Decimal
    order_qty: Decimal | None
    trades: tuple[Trade, ...]
    transact_ns: int | None
    text: str | None
    instrument: str | None
    symbol: str | None
    side: Side | None
    ord_type: OrdType | None
    time_in_force: TimeInForce | None
    price: Decimal | None
    currency: str | None
    stop_price: Decimal | None
    expire_ns: int | None
    triggers_id: str | None
    other_id: str | None
    cash_order_qty: Decimal | None
    take_profit_price: Decimal | None
    created_ns: int | None
    of_request: bool

    def __init__(
        self,
        account: str,
        order_request_id: str | None,
        venue_order_id: str | None,
        ord_status: OrdStatus,
        venue_status: str | None,
        cum_qty: Decimal = ZERO,
        order_qty: Decimal | None = None,
        trades: tuple[Trade, ...] = (),
        transact_ns: int | None = None,
        text: str | None = None,
        instrument: str | None = None,
        symbol: str | None = None,
        side: Side | None = None,
        ord_type: OrdType | None = None,
        time_in_force: TimeInForce | None = None,
        price: Decimal | None = None,
        currency: str | None = None,
        stop_price: Decimal | None = None,
        expire_ns: int | None = None,
        triggers_id: str | None = None,
        other_id: str | None = None,
        cash_order_qty: Decimal | None = None,
        take_profit_price: Decimal | None = None,
        created_ns: int | None = None,
        of_request: bool = False,
    ) -> None:
        self.account = account
        self.order_request_id = order_request_id
        self.venue_order_id = venue_order_id
        self.ord_status = ord_status
        self.venue_status = venue_status
        self.cum_qty = cum_qty
        self.order_qty = order_qty
        self.trades = trades
        self.transact_ns = transact_ns
        self.text = text
        self.instrument = instrument
        self.symbol = symbol
        self.side = side
        self.ord_type = ord_type
        self.time_in_force = time_in_force
        self.price = price
        self.currency = currency
        self.stop_price = stop_price
        self.expire_ns = expire_ns
        self.triggers_id = triggers_id
        self.other_id = other_id
        self.cash_order_qty = cash_order_qty
        self.take_profit_price = take_profit_price
        self.created_ns = created_ns
        self.of_request = of_request


@mypyc_attr(acyclic=True)
@dataclass(init=False)
class Submission:
    """One record of `orders.submitted`; the fields are the schema's, in its order, but for the call's own text."""

    order_request_id: str
    venue: str
    account: str
    action: Action
    phase: Phase
    instrument: str | None
    side: Side | None
    ord_type: OrdType | None
    time_in_force: TimeInForce | None
    quantity: Decimal | None
    price: Decimal | None
    submitted_ns: int
    phase_ns: int
    venue_order_id: str | None
    venue_status: str | None
    code: str | None
    text: str | None
    tracking_id: str | None
    stop_price: Decimal | None
    expire_ns: int | None
    orig_order_request_id: str | None
    orig_venue_order_id: str | None
    cash_order_qty: Decimal | None
    take_profit_price: Decimal | None
    display_qty: Decimal | None
    peg_offset_value: Decimal | None

    def __init__(
        self,
        order_request_id: str,
        venue: str,
        account: str,
        action: Action,
        phase: Phase,
        instrument: str | None,
        side: Side | None,
        ord_type: OrdType | None,
        time_in_force: TimeInForce | None,
        quantity: Decimal | None,
        price: Decimal | None,
        submitted_ns: int,
        phase_ns: int,
        venue_order_id: str | None = None,
        venue_status: str | None = None,
        code: str | None = None,
        text: str | None = None,
        tracking_id: str | None = None,
        stop_price: Decimal | None = None,
        expire_ns: int | None = None,
        orig_order_request_id: str | None = None,
        orig_venue_order_id: str | None = None,
        cash_order_qty: Decimal | None = None,
        take_profit_price: Decimal | None = None,
        display_qty: Decimal | None = None,
        peg_offset_value: Decimal | None = None,
    ) -> None:
        self.order_request_id = order_request_id
        self.venue = venue
        self.account = account
        self.action = action
        self.phase = phase
        self.instrument = instrument
        self.side = side
        self.ord_type = ord_type
        self.time_in_force = time_in_force
        self.quantity = quantity
        self.price = price
        self.submitted_ns = submitted_ns
        self.phase_ns = phase_ns
        self.venue_order_id = venue_order_id
        self.venue_status = venue_status
        self.code = code
        self.text = text
        self.tracking_id = tracking_id
        self.stop_price = stop_price
        self.expire_ns = expire_ns
        self.orig_order_request_id = orig_order_request_id
        self.orig_venue_order_id = orig_venue_order_id
        self.cash_order_qty = cash_order_qty
        self.take_profit_price = take_profit_price
        self.display_qty = display_qty
        self.peg_offset_value = peg_offset_value
