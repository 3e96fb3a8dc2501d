"""The two sides of the demo's account: the venues' ledgers, and what a reader of the results has seen."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from msgspec import Struct, structs

from consumers.records import Record
from schemas.fix import Action, Phase
from schemas.topics import DEAD_LETTERS, EXECUTIONS, LATEST, SUBMITTED, UNMATCHED, venue_of

__all__ = ["Evidence", "Fields", "VenueOrder", "VenueTrade"]


class VenueTrade(Struct, frozen=True):
    """A trade as the venue knows it; the quantity is in pieces."""

    trade_id: str
    price: str
    quantity: str


class VenueOrder(Struct, frozen=True, kw_only=True):
    """An order as its venue knows it; see the simulator's ledger.

    What is filled and cancelled is told in lots of `lot_size` pieces, or as `executed` and `cancelled`.
    `final` says that it will not change any more, `told` that anything of it was on the stream or in an
    answer. `stop_order_id` names the stop order that it came of. `venue` and `is_stop` say which ledger it
    is from, `key` is the key of its results (see `Evidence.named`).
    """

    account: str
    order_request_id: str | None = None
    order_id: str | None = None
    status: str
    lot_size: int = 1
    lots_executed: int = 0
    lots_cancelled: int = 0
    executed: str | None = None
    cancelled: str | None = None
    final: bool
    told: bool
    trades: tuple[VenueTrade, ...] = ()
    stop_order_id: str | None = None
    venue: str = ""
    is_stop: bool = False
    key: str = ""

    @property
    def filled(self) -> Decimal:
        """How much of it is filled, in pieces."""
        return Decimal(self.lots_executed * self.lot_size if self.executed is None else self.executed)

    @property
    def is_cut_short(self) -> bool:
        """Whether a part of it is cancelled."""
        return bool(Decimal(self.lots_cancelled if self.cancelled is None else self.cancelled))


Fields = Mapping[str, Any]

# What of a result the rules look at; a long demo must not keep more.
KEPT = (
    "account",
    "cum_qty",
    "exec_id",
    "exec_type",
    "join_status",
    "last_px",
    "last_qty",
    "ord_status",
    "order_request_id",
    "reason",
    "revision",
    "status",
    "trade_id",
    "unmatched_reason",
    "venue",
    "venue_order_id",
)

# The requests that make an order of their own, under their own id.
_ORDERS = {Action.NEW, Action.REPLACE, Action.NEW_STOP}


@dataclass
class Evidence:
    """What a reader has seen so far of the topics, reduced to what the rules need.

    `latest` and `unmatched` hold the newest record of each key, `submitted` how far each new order's
    request came, `answered` by the venue and its id of an order the request that was answered with it.
    """

    executions: list[Fields] = field(default_factory=list)
    latest: dict[str, Fields] = field(default_factory=dict)
    unmatched: dict[str, Fields] = field(default_factory=dict)
    submitted: dict[str, str] = field(default_factory=dict)
    answered: dict[tuple[str, str], str] = field(default_factory=dict)
    undecodable: list[str] = field(default_factory=list)
    dead_letters: int = 0
    frames: int = 0

    def add(self, record: Record) -> None:
        """Take one record into account."""
        if venue_of(record.topic):
            self.frames += 1
        elif record.topic == DEAD_LETTERS.name:
            self.dead_letters += 1
        elif record.error is not None:
            self.undecodable.append(f"{record.topic} {record.partition}:{record.offset}: {record.error}")
        elif record.topic == SUBMITTED.name:
            self._add_submitted(record.fields)
        else:
            self._add_result(record)

    def named(self, orders: Iterable[VenueOrder]) -> list[VenueOrder]:
        """Return venues' orders with the keys of their results: the request id, else by whatever names it."""
        names = self.answered | {
            (state["venue"], state["venue_order_id"]): key
            for key, state in self.latest.items()
            if state.get("venue_order_id")
        }
        return [
            structs.replace(
                order,
                key=order.order_request_id
                or names.get((order.venue, order.order_id or ""))
                or f"{order.venue}:{order.order_id}",
            )
            for order in orders
        ]

    def _add_submitted(self, fields: Fields) -> None:
        if fields["action"] not in _ORDERS:
            return
        request_id, phase = fields["order_request_id"], fields["phase"]
        if fields.get("venue_order_id"):
            self.answered[fields["venue"], fields["venue_order_id"]] = request_id
        # A retry's intent does not take back an outcome.
        if phase != Phase.INTENT or request_id not in self.submitted:
            self.submitted[request_id] = phase

    def _add_result(self, record: Record) -> None:
        if record.key is None:
            self.undecodable.append(f"{record.topic} {record.partition}:{record.offset}: no key")
            return
        fields = {name: record.fields[name] for name in KEPT if name in record.fields}
        if record.topic == EXECUTIONS.name:
            self.executions.append(fields)
        elif record.topic == LATEST.name:
            self.latest[record.key] = fields
            if record.fields.get("tombstone"):
                del self.latest[record.key]
        elif record.topic == UNMATCHED.name:
            self.unmatched[record.key] = fields
