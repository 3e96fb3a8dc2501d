"""The state as the state topic keeps it: MessagePack, an order or an account as the list of its fields.

What is kept is declared here, apart from what is computed with: a record that was written by an older version is
shorter, and its missing fields are what they are of a new order. A field is never moved or removed; that would be
another layout, which the record's first byte tells.
"""

from collections.abc import Callable
from decimal import Decimal
from operator import attrgetter
from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import astuple

from processors.core.model import ZERO, Account, Connection, Event, Order, Terms
from schemas.fix import (
    ExecType,
    FeedState,
    JoinStatus,
    LastLiquidityInd,
    OrdStatus,
    OrdType,
    Side,
    Source,
    TimeInForce,
    UnmatchedReason,
)

__all__ = ["LAYOUTS", "StateError", "decode_state", "encode_state"]


class KeptTerms(Struct, array_like=True, gc=False):
    """`Terms`, as it is kept."""

    order_request_id: str
    venue: str
    account: str
    instrument: str | None = None
    symbol: str | None = None
    side: Side | None = None
    ord_type: OrdType | None = None
    time_in_force: TimeInForce | None = None
    price: Decimal | None = None
    currency: str | None = None
    submitted_quantity: Decimal | None = None
    submitted_ns: int | None = None
    order_qty: Decimal | None = None
    stop_price: Decimal | None = None
    expire_ns: int | None = None
    replaces: str | None = None
    replaced_by: str | None = None
    triggers: str | None = None
    triggered_by: str | None = None
    cash_order_qty: Decimal | None = None
    take_profit_price: Decimal | None = None


class KeptEvent(Struct, array_like=True, gc=False):
    """`Event`, as it is kept."""

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
    change_request_id: str | None = None
    commission: Decimal | None = None
    commission_currency: str | None = None
    last_liquidity_ind: LastLiquidityInd | None = None


class KeptConnection(Struct, array_like=True, gc=False):
    """`Connection`, as it is kept."""

    feed: str
    heard_ns: int
    sequence: int
    since_ns: int = 0


class KeptOrder(Struct, array_like=True, gc=False):
    """`Order`, as it is kept."""

    terms: KeptTerms
    facts: int = 0
    traded_qty: Decimal = ZERO
    notional: Decimal = ZERO
    told_qty: Decimal = ZERO
    trade_ids: set[str] | None = None
    names: tuple[str, ...] = ()
    venue_order_id: str | None = None
    venue_status: str | None = None
    text: str | None = None
    last: KeptEvent | None = None
    unjoined: tuple[KeptEvent, ...] = ()
    due_ns: int = 0
    reported_ns: int = 0
    ended_ns: int = 0
    unmatched_reason: UnmatchedReason | None = None
    unmatched_revision: int = 0
    changes: dict[str, int] | None = None
    triggers_id: str | None = None
    created_ns: int = 0
    asked: dict[str, tuple[Decimal | None, Decimal | None]] | None = None


class KeptAccount(Struct, array_like=True, gc=False):
    """`Account`, as it is kept."""

    venue: str
    account: str
    watermark_ns: int = 0
    connections: dict[str, KeptConnection] = {}
    covered: bool = False
    gap_from_ns: int = 0
    gap_to_ns: int | None = None
    state: FeedState = FeedState.DOWN
    since_ns: int = 0
    reason: str | None = None
    shown_gap_from_ns: int | None = None
    shown_gap_to_ns: int | None = None
    reconciled_ns: int | None = None
    stops_unread: bool = False


LAYOUTS: Final[dict[type, type[Struct]]] = {
    Terms: KeptTerms,
    Event: KeptEvent,
    Connection: KeptConnection,
    Order: KeptOrder,
    Account: KeptAccount,
}


def _fields_of(kind: type) -> Callable[[Any], tuple[Any, ...]]:
    return attrgetter(*LAYOUTS[kind].__struct_fields__)


_OF_TERMS: Final = _fields_of(Terms)
_OF_EVENT: Final = _fields_of(Event)
_OF_ORDER: Final = _fields_of(Order)
_OF_CONNECTION: Final = _fields_of(Connection)
_OF_ACCOUNT: Final = _fields_of(Account)

_TERMS_AT: Final = KeptOrder.__struct_fields__.index("terms")
_LAST_AT: Final = KeptOrder.__struct_fields__.index("last")
_UNJOINED_AT: Final = KeptOrder.__struct_fields__.index("unjoined")
_CONNECTIONS_AT: Final = KeptAccount.__struct_fields__.index("connections")

# The first byte of a record: what follows, and in which version of its layout.
_ORDER: Final = b"\x01"
_ACCOUNT: Final = b"\x02"
_encode: Final = msgspec.msgpack.Encoder().encode
_decode_order: Final = msgspec.msgpack.Decoder(KeptOrder).decode
_decode_account: Final = msgspec.msgpack.Decoder(KeptAccount).decode


class StateError(Exception):
    """A record of the state topic is of a layout that this version does not know."""


def encode_state(value: Order | Account) -> bytes:
    """Return an order or an account as the state topic keeps it."""
    return _ORDER + _encode(_of_order(value)) if isinstance(value, Order) else _ACCOUNT + _encode(_of_account(value))


def _of_order(order: Order) -> list[Any]:
    kept = list(_OF_ORDER(order))
    kept[_TERMS_AT] = _OF_TERMS(order.terms)
    if order.last is not None:
        kept[_LAST_AT] = _OF_EVENT(order.last)
    if order.unjoined:
        kept[_UNJOINED_AT] = [_OF_EVENT(event) for event in order.unjoined]
    return kept


def _of_account(account: Account) -> list[Any]:
    kept = list(_OF_ACCOUNT(account))
    kept[_CONNECTIONS_AT] = {name: _OF_CONNECTION(known) for name, known in account.connections.items()}
    return kept


def decode_state(value: bytes) -> Order | Account:
    """Read back what `encode_state` wrote.

    Raises:
        StateError: the record was written by a version whose layout is not known here.
    """
    kind, body = value[:1], memoryview(value)[1:]
    try:
        if kind == _ORDER:
            return _order(_decode_order(body))
        if kind == _ACCOUNT:
            return _account(_decode_account(body))
    except msgspec.DecodeError as error:
        raise StateError(f"a record of state can't be read: {error}") from None
    raise StateError(f"a record of state is of kind {kind!r}, which this version does not know")


def _order(kept: KeptOrder) -> Order:
    values = list(astuple(kept))
    values[_TERMS_AT] = Terms(*astuple(kept.terms))
    values[_LAST_AT] = None if kept.last is None else Event(*astuple(kept.last))
    values[_UNJOINED_AT] = tuple([Event(*astuple(event)) for event in kept.unjoined])
    return Order(*values)


def _account(kept: KeptAccount) -> Account:
    values = list(astuple(kept))
    values[_CONNECTIONS_AT] = {name: Connection(*astuple(known)) for name, known in kept.connections.items()}
    return Account(*values)
