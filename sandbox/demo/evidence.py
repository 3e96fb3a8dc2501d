"""The two sides of the demo's account: the venue's ledger, and what a reader of the results has seen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct

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
    """An order as the venue knows it; see the simulator's ledger.

    `final` says that it will not change any more, `told` that anything of it was on the stream or in
    GetOrders.
    """

    account: str
    order_request_id: str
    order_id: str | None = None
    status: str
    lot_size: int
    lots_requested: int
    lots_executed: int
    lots_cancelled: int
    final: bool
    told: bool
    trades: tuple[VenueTrade, ...] = ()

    @property
    def key(self) -> str:
        """The key of its results."""
        return self.order_request_id or f"tinvest:{self.order_id}"


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
)


@dataclass
class Evidence:
    """What a reader has seen so far of the topics, reduced to what the rules need.

    `latest` and `unmatched` hold the newest record of each key, `submitted` how far each new order's
    request came.
    """

    executions: list[Fields] = field(default_factory=list)
    latest: dict[str, Fields] = field(default_factory=dict)
    unmatched: dict[str, Fields] = field(default_factory=dict)
    submitted: dict[str, str] = field(default_factory=dict)
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

    def _add_submitted(self, fields: Fields) -> None:
        if fields["action"] != Action.NEW:
            return
        request_id, phase = fields["order_request_id"], fields["phase"]
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
