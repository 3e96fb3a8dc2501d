"""What an Execution record says: what an order is (`Terms`), and one step of it (`Event`)."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from mypy_extensions import mypyc_attr

from schemas.fix import (
    ExecType,
    JoinStatus,
    LastLiquidityInd,
    OrdStatus,
    OrdType,
    Side,
    Source,
    TimeInForce,
    UnmatchedReason,
)

__all__ = ["ZERO", "Event", "Terms"]

ZERO: Final = Decimal(0)


@mypyc_attr(acyclic=True)
@dataclass(init=False)
class Terms:
    """What an order is: the part of an Execution that seldom changes. See execution.avsc for each field."""

    order_request_id: str
    venue: str
    account: str
    instrument: str | None
    symbol: str | None
    side: Side | None
    ord_type: OrdType | None
    time_in_force: TimeInForce | None
    price: Decimal | None
    currency: str | None
    submitted_quantity: Decimal | None
    submitted_ns: int | None
    order_qty: Decimal | None
    stop_price: Decimal | None
    expire_ns: int | None
    replaces: str | None
    replaced_by: str | None
    triggers: str | None
    triggered_by: str | None
    cash_order_qty: Decimal | None
    take_profit_price: Decimal | None

    def __init__(
        self,
        order_request_id: str,
        venue: str,
        account: str,
        instrument: str | None = None,
        symbol: str | None = None,
        side: Side | None = None,
        ord_type: OrdType | None = None,
        time_in_force: TimeInForce | None = None,
        price: Decimal | None = None,
        currency: str | None = None,
        submitted_quantity: Decimal | None = None,
        submitted_ns: int | None = None,
        order_qty: Decimal | None = None,
        stop_price: Decimal | None = None,
        expire_ns: int | None = None,
        replaces: str | None = None,
        replaced_by: str | None = None,
        triggers: str | None = None,
        triggered_by: str | None = None,
        cash_order_qty: Decimal | None = None,
        take_profit_price: Decimal | None = None,
    ) -> None:
        self.order_request_id = order_request_id
        self.venue = venue
        self.account = account
        self.instrument = instrument
        self.symbol = symbol
        self.side = side
        self.ord_type = ord_type
        self.time_in_force = time_in_force
        self.price = price
        self.currency = currency
        self.submitted_quantity = submitted_quantity
        self.submitted_ns = submitted_ns
        self.order_qty = order_qty
        self.stop_price = stop_price
        self.expire_ns = expire_ns
        self.replaces = replaces
        self.replaced_by = replaced_by
        self.triggers = triggers
        self.triggered_by = triggered_by
        self.cash_order_qty = cash_order_qty
        self.take_profit_price = take_profit_price
        # Its encoding, once it was made: no field, for it says nothing of its own.
        self.encoded: bytes | None = None

    def but(self, **news: object) -> "Terms":
        """Return the same with some fields changed."""
        new = Terms(
            self.order_request_id,
            self.venue,
            self.account,
            self.instrument,
            self.symbol,
            self.side,
            self.ord_type,
            self.time_in_force,
            self.price,
            self.currency,
            self.submitted_quantity,
            self.submitted_ns,
            self.order_qty,
            self.stop_price,
            self.expire_ns,
            self.replaces,
            self.replaced_by,
            self.triggers,
            self.triggered_by,
            self.cash_order_qty,
            self.take_profit_price,
        )
        for name, value in news.items():
            setattr(new, name, value)
        return new


@mypyc_attr(acyclic=True)
@dataclass(init=False)
class Event:
    """One step of an order and where it stands after it. See execution.avsc for each field."""

    venue_order_id: str | None
    ord_status: OrdStatus
    exec_type: ExecType
    cum_qty: Decimal
    leaves_qty: Decimal | None
    avg_px: Decimal | None
    last_qty: Decimal | None
    last_px: Decimal | None
    trade_id: str | None
    text: str | None
    venue_status: str | None
    transact_ns: int | None
    received_ns: int
    join_status: JoinStatus
    unmatched_reason: UnmatchedReason | None
    late: bool
    revision: int
    source: Source
    exec_id: str
    event_id: str
    raw_topic: str
    raw_partition: int
    raw_offset: int
    change_request_id: str | None
    commission: Decimal | None
    commission_currency: str | None
    last_liquidity_ind: LastLiquidityInd | None

    def __init__(
        self,
        venue_order_id: str | None,
        ord_status: OrdStatus,
        exec_type: ExecType,
        cum_qty: Decimal,
        leaves_qty: Decimal | None,
        avg_px: Decimal | None,
        last_qty: Decimal | None,
        last_px: Decimal | None,
        trade_id: str | None,
        text: str | None,
        venue_status: str | None,
        transact_ns: int | None,
        received_ns: int,
        join_status: JoinStatus,
        unmatched_reason: UnmatchedReason | None,
        late: bool,
        revision: int,
        source: Source,
        exec_id: str,
        event_id: str,
        raw_topic: str,
        raw_partition: int,
        raw_offset: int,
        change_request_id: str | None = None,
        commission: Decimal | None = None,
        commission_currency: str | None = None,
        last_liquidity_ind: LastLiquidityInd | None = None,
    ) -> None:
        self.venue_order_id = venue_order_id
        self.ord_status = ord_status
        self.exec_type = exec_type
        self.cum_qty = cum_qty
        self.leaves_qty = leaves_qty
        self.avg_px = avg_px
        self.last_qty = last_qty
        self.last_px = last_px
        self.trade_id = trade_id
        self.text = text
        self.venue_status = venue_status
        self.transact_ns = transact_ns
        self.received_ns = received_ns
        self.join_status = join_status
        self.unmatched_reason = unmatched_reason
        self.late = late
        self.revision = revision
        self.source = source
        self.exec_id = exec_id
        self.event_id = event_id
        self.raw_topic = raw_topic
        self.raw_partition = raw_partition
        self.raw_offset = raw_offset
        self.change_request_id = change_request_id
        self.commission = commission
        self.commission_currency = commission_currency
        self.last_liquidity_ind = last_liquidity_ind
        # The record that was made of it, and of which terms: no fields, for they say nothing of their own.
        self.encoded: bytes | None = None
        self.encoded_terms: Terms | None = None

    def told_again(
        self,
        join_status: JoinStatus,
        unmatched_reason: UnmatchedReason | None,
        late: bool,
        event_id: str,
    ) -> "Event":
        """Return its next revision."""
        return Event(
            self.venue_order_id,
            self.ord_status,
            self.exec_type,
            self.cum_qty,
            self.leaves_qty,
            self.avg_px,
            self.last_qty,
            self.last_px,
            self.trade_id,
            self.text,
            self.venue_status,
            self.transact_ns,
            self.received_ns,
            join_status,
            unmatched_reason,
            late,
            self.revision + 1,
            self.source,
            self.exec_id,
            event_id,
            self.raw_topic,
            self.raw_partition,
            self.raw_offset,
            self.change_request_id,
            self.commission,
            self.commission_currency,
            self.last_liquidity_ind,
        )
