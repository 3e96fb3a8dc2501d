"""Stories of orders: what a submitter and a venue would tell of one, in the core's words."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from processors.core.deadlines import expire
from processors.core.feeds import account_of, hear, on_marker
from processors.core.join import on_report, on_submission
from processors.core.model import Order, Origin, Report, Submission, Trade
from processors.core.state import Grace, Outcome, Partition
from schemas.fix import Action, JoinStatus, OrdStatus, OrdType, Phase, Side, Source, TimeInForce
from schemas.headers import FrameHeaders, Kind

SECOND = 1_000_000_000
START = 1_800_000_000 * SECOND
GRACE = Grace(reply_ns=10 * SECOND, submission_ns=10 * SECOND, silence_ns=15 * SECOND, retention_ns=3600 * SECOND)
VENUE, ACCOUNT, KEY = "tinvest", "2000000001", "tinvest:2000000001"
REQUEST = "a1b2c3d4-e5f6-4890-abcd-ef1234567890"


def report(
    status: OrdStatus,
    *,
    request: str | None = REQUEST,
    name: str | None = "7001",
    cum: int = 0,
    qty: int | None = 10,
    trades: tuple[Trade, ...] = (),
) -> Report:
    return Report(
        ACCOUNT,
        request,
        name,
        status,
        f"RAW_{status}",
        Decimal(cum),
        None if qty is None else Decimal(qty),
        trades,
        START,
        None,
        "uid-1",
        "SBER",
        Side.BUY,
        OrdType.LIMIT,
        TimeInForce.DAY,
        Decimal("271.5"),
        "RUB",
    )


def trade(number: int, quantity: int, price: str = "271.5") -> Trade:
    return Trade(f"D{number}", Decimal(price), Decimal(quantity), START + number)


def submission(
    phase: Phase = Phase.INTENT, *, at_ns: int = START, name: str | None = None, request: str = REQUEST
) -> Submission:
    return Submission(
        request,
        VENUE,
        ACCOUNT,
        Action.NEW,
        phase,
        "SBER_TQBR",
        Side.BUY,
        OrdType.LIMIT,
        TimeInForce.DAY,
        Decimal(1),
        Decimal("271.5"),
        at_ns,
        at_ns + (0 if phase is Phase.INTENT else 1000),
        name,
    )


CANCEL = "c1c2c3d4-e5f6-4890-abcd-ef1234567890"
REPLACEMENT = "d1c2c3d4-e5f6-4890-abcd-ef1234567890"


def change(
    phase: Phase = Phase.INTENT,
    *,
    action: Action = Action.CANCEL,
    request: str = CANCEL,
    of: str | None = REQUEST,
    of_name: str | None = None,
    at_ns: int = START,
    **fields: Any,
) -> Submission:
    """Return one phase of a request to cancel or replace an order, named by its request id or the venue's."""
    is_new = action is Action.REPLACE
    return Submission(
        request,
        VENUE,
        ACCOUNT,
        action,
        phase,
        None,
        None,
        None,
        None,
        Decimal(2) if is_new else None,
        Decimal("272.5") if is_new else None,
        at_ns,
        at_ns + (0 if phase is Phase.INTENT else 1000),
        orig_order_request_id=of,
        orig_venue_order_id=of_name,
        **fields,
    )


class Desk:
    """One partition, fed by hand: each call is one record, and all that came of it is kept in `out`."""

    def __init__(self) -> None:
        self.state = Partition(GRACE)
        self.out = Outcome()
        self.offset = 0

    def tell(self, item: Report | Submission, at_ns: int = START, source: Source = Source.STREAM) -> None:
        self.offset += 1
        if isinstance(item, Submission):
            on_submission(self.state, item, self._origin("orders.submitted", item.phase_ns, Source.GATEWAY), self.out)
        else:
            on_report(self.state, VENUE, item, self._origin("venue.frames.tinvest", at_ns, source), self.out)

    def tell_all(self, items: Sequence[Report], at_ns: int = START) -> None:
        """Tell of several orders in one record, as an answer of the venue does."""
        self.offset += 1
        origin = self._origin("venue.frames.tinvest", at_ns, Source.RECONCILIATION)
        index = 0
        for item in items:
            index = on_report(self.state, VENUE, item, origin, self.out, index)

    def mark(
        self,
        kind: Kind,
        at_ns: int,
        *,
        connection: str = "c1",
        feed: str = "main",
        reason: str | None = None,
        unread: tuple[str, ...] = (),
    ) -> None:
        self.offset += 1
        origin = self._origin("venue.frames.tinvest", at_ns, Source.STREAM)
        on_marker(self.state, self._headers(kind, at_ns, connection), feed, reason, origin, self.out, unread)
        self.expire()

    def expire(self, *, submitted_at_end: bool = True) -> None:
        expire(self.state, list(self.state.accounts), self.out, submitted_at_end=submitted_at_end)

    def frame(self, item: Report, at_ns: int, connection: str = "c1") -> None:
        self.tell(item, at_ns)
        self._hear(at_ns, connection)
        self.expire()

    def hear(self, at_ns: int, connection: str = "c1") -> bool:
        """Hear of nothing but the time; True when records before it are missing."""
        self.offset += 1
        return self._hear(at_ns, connection)

    def _hear(self, at_ns: int, connection: str) -> bool:
        account = account_of(self.state, KEY, VENUE, ACCOUNT)
        return hear(KEY, account, connection, self.offset, at_ns, self.out)

    def _headers(self, kind: Kind, at_ns: int, connection: str) -> FrameHeaders:
        return FrameHeaders(VENUE, ACCOUNT, "order-state-stream", kind.value, connection, self.offset, at_ns)

    def _origin(self, topic: str, at_ns: int, source: Source) -> Origin:
        return Origin(topic, 0, self.offset, at_ns, source)

    @property
    def order(self) -> Order:
        return self.state.orders[REQUEST]

    def newest(self) -> list[tuple[str, str, JoinStatus, int]]:
        """Return each execution's newest revision as (ExecType, trade id, join status, revision)."""
        newest = {event.exec_id: event for _, event in self.out.executions}
        return [(e.exec_type.value, e.trade_id or "", e.join_status, e.revision) for e in newest.values()]


@dataclass(frozen=True)
class Story:
    """All that is told of one order, in the order in which it happened."""

    told: tuple[Report | Submission, ...]


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """Draw one order's life: its submission, its call's outcome, and the venue's frames to its end."""
    quantity = draw(st.integers(1, 12))
    filled = draw(st.integers(0, quantity))
    cuts = sorted(draw(st.sets(st.integers(1, filled), max_size=4))) if filled else []
    steps = [*cuts, filled] if filled and filled not in cuts else cuts
    trades = tuple(
        trade(at, upto - before, draw(st.sampled_from(("271.5", "271.49", "0.0003"))))
        for at, (before, upto) in enumerate(zip([0, *steps], steps, strict=False))
    )
    cumulative = draw(st.booleans())
    frames = [report(OrdStatus.PENDING_NEW, name=REQUEST, qty=quantity), report(OrdStatus.NEW, qty=quantity)]
    for at, upto in enumerate(steps):
        status = OrdStatus.FILLED if upto == quantity else OrdStatus.PARTIALLY_FILLED
        told = trades[: at + 1] if cumulative else trades[at : at + 1]
        frames.append(report(status, cum=upto, qty=quantity, trades=told))
    if filled < quantity:
        frames.append(report(OrdStatus.CANCELED, cum=filled, qty=quantity, trades=trades if cumulative else ()))
    outcome = draw(st.sampled_from(([], [submission(Phase.ACCEPTED, name="7001")], [submission(Phase.UNKNOWN)])))
    return Story((submission(), *outcome, *frames, *draw(_cancels)))


# No cancel, or one that names its order by one id or the other, with what its call came to.
_cancels = st.sampled_from(
    (
        (),
        *(
            tuple(change(phase, **named) for phase in phases)
            for named in ({}, {"of": None, "of_name": "7001"}, {"of_name": "7001"})
            for phases in (
                (Phase.INTENT,),
                (Phase.INTENT, Phase.ACCEPTED),
                (Phase.INTENT, Phase.REJECTED),
                (Phase.INTENT, Phase.UNKNOWN),
            )
        ),
    )
)
