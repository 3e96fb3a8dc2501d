"""Several orders at once, under all their names: what is published is sound, whatever the order, restarts included."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.core.lifecycle import quantities, status_of
from processors.core.model import Report, Submission, Trade
from schemas.fix import Action, OrdStatus, OrdType, Phase, Source
from schemas.headers import Kind
from tests.processors.core.stories import ACCOUNT, SECOND, START, change, report, submission
from tests.processors.published import Desk, assert_sound

ACCOUNTS = (ACCOUNT, "2000000002")
Item = Submission | list[Report]
ENDS = {
    0: (OrdStatus.PENDING_NEW, OrdStatus.NEW, OrdStatus.CANCELED),
    4: (OrdStatus.PARTIALLY_FILLED, OrdStatus.CANCELED),
    10: (OrdStatus.FILLED,),
}


def tell(desk: Desk, item: Item) -> None:
    if isinstance(item, Submission):
        desk.submit(item)
    else:
        desk.tell(item, Source.STREAM if len(item) == 1 else Source.RECONCILIATION)


def request_id(kind: str, account: str, number: int) -> str:
    return f"{kind}1b2c3d4-e5f6-4890-abcd-ef12345678{ACCOUNTS.index(account)}{number}"


class Names:
    """By what one order goes, and what is asked of it."""

    def __init__(self, account: str, number: int) -> None:
        self.account = account
        self.name = f"7{number}{account}"
        self.request, self.cancel, self.amend, self.instead, self.stop = (
            request_id(kind, account, number) for kind in "abcde"
        )
        self.stop_name, self.child_name = f"S{self.name}", f"9{self.name}"


@st.composite
def told(draw: st.DrawFn, names: Names, with_request: bool) -> Report:
    """Draw a report of an order, or of what its stop order became."""
    cum = draw(st.sampled_from((0, 4, 10)))
    of_child = draw(st.integers(0, 4)) == 0
    name = names.child_name if of_child else names.name
    fills = (Trade(f"{name}-1", Decimal(271), Decimal(4)), Trade(f"{name}-2", Decimal(272), Decimal(6)))
    found = report(
        draw(st.sampled_from(ENDS[cum])),
        request=names.request if with_request and not of_child and draw(st.booleans()) else None,
        name=name,
        cum=cum,
        trades=fills[: (0, 1, 2)[(0, 4, 10).index(cum)]] if draw(st.booleans()) else (),
    )
    return replace(found, account=names.account, created_ns=None if with_request else START + SECOND)


@st.composite
def told_of_stop(draw: st.DrawFn, names: Names) -> Report:
    status = draw(st.sampled_from((OrdStatus.NEW, OrdStatus.TRIGGERED, OrdStatus.CANCELED)))
    became = draw(st.sampled_from((None, names.child_name)))
    found = report(status, request=None, name=names.stop_name, qty=None)
    return replace(found, account=names.account, ord_type=None, stop_price=Decimal(260), triggers_id=became)


@st.composite
def asked(draw: st.DrawFn, names: Names) -> Submission:
    """Draw one phase of a request: a new order or stop order, a cancel, an amend or a replace."""
    phase = draw(st.sampled_from(Phase))
    action = draw(st.sampled_from((Action.NEW, Action.NEW, *Action)))
    if action in (Action.NEW, Action.NEW_STOP):
        stops: dict[str, Any] = {"action": action, "ord_type": OrdType.STOP, "stop_price": Decimal(260)}
        of_stop = action is Action.NEW_STOP
        name = draw(st.sampled_from((None, names.stop_name if of_stop else names.name)))
        made = submission(
            phase, request=names.stop if of_stop else names.request, name=name if phase is Phase.ACCEPTED else None
        )
        return replace(
            made, account=names.account, instrument="uid-1", quantity=Decimal(10), **(stops if of_stop else {})
        )
    by = draw(st.sampled_from(({"of": names.request}, {"of": None, "of_name": names.name}, {"of_name": names.name})))
    by = {"of": names.request} | by
    request = {Action.AMEND: names.amend, Action.REPLACE: names.instead}.get(action, names.cancel)
    return replace(change(phase, action=action, request=request, **by), account=names.account)


@st.composite
def items(draw: st.DrawFn, with_request: bool) -> Item:
    account = draw(st.sampled_from(ACCOUNTS))
    number = st.integers(0, 2)
    names = Names(account, draw(number))
    if draw(st.booleans()):
        return draw(asked(names))
    several = st.lists(number.flatmap(lambda n: told(Names(account, n), with_request)), min_size=1, max_size=3)
    return draw(several | st.tuples(told_of_stop(names)).map(list))


STEPS = ("beat", "down", "up", "gap", "reconciled", "stops unread", "tick", "finish")
KINDS = {"beat": Kind.HEARTBEAT, "down": Kind.DISCONNECTED, "up": Kind.CONNECTED, "gap": Kind.GAP}


@st.composite
def days(draw: st.DrawFn) -> list[tuple[str | Item, str, int]]:
    """Draw what is told, and what the feeds and the clock do between."""
    with_request = draw(st.booleans())
    steps = st.tuples(st.sampled_from(STEPS), st.sampled_from(ACCOUNTS), st.sampled_from((0, 0, 1, 4, 11, 30)))
    happens = st.tuples(items(with_request), st.just(""), st.sampled_from((0, 0, 1)))
    return draw(st.lists(happens | happens | steps, min_size=1, max_size=25))


def play(desk: Desk, day: list[tuple[str | Item, str, int]], restarts: frozenset[int] = frozenset()) -> None:
    for account in ACCOUNTS:
        desk.mark(account, Kind.CONNECTED)
        desk.mark(account, Kind.RECONCILED)
    for number, (what, account, seconds) in enumerate(day):
        desk.wait(seconds)
        if not isinstance(what, str):
            tell(desk, what)
            continue
        if what == "tick":
            desk.tick()
        elif what != "finish":
            unread = ("stop_orders",) if what == "stops unread" else ()
            desk.mark(account, KINDS.get(what, Kind.RECONCILED), unread)
        desk.finish()
        if number in restarts:
            desk.restart()
    desk.finish()


@settings(max_examples=150)
@given(days())
def test_all_that_is_published_is_sound(day: list[tuple[str | Item, str, int]]) -> None:
    desk = Desk()

    play(desk, day)

    assert_sound(desk)


@settings(max_examples=100)
@given(days(), st.sets(st.integers(0, 24)))
def test_restarts_change_nothing_of_what_is_published(
    day: list[tuple[str | Item, str, int]], restarts: set[int]
) -> None:
    straight, interrupted = Desk(), Desk()

    play(straight, day)
    play(interrupted, day, frozenset(restarts))

    assert interrupted.latest == straight.latest
    assert interrupted.orders == straight.orders
    for name in ("executions", "unmatched", "feeds"):
        assert {r["event_id"]: r for r in getattr(interrupted, name)} == {
            r["event_id"]: r for r in getattr(straight, name)
        }
        assert len(getattr(interrupted, name)) == len(getattr(straight, name))


@st.composite
def lives(draw: st.DrawFn) -> list[Item]:
    """Draw the lives of some orders, each of which is tied to its names in the end."""
    with_request = draw(st.booleans())
    found: list[Item] = []
    for number in range(draw(st.integers(1, 3))):
        names = Names(ACCOUNT, number)
        cum = draw(st.sampled_from((0, 4, 10)))
        fills = (Trade(f"{number}-1", Decimal(271), Decimal(4)), Trade(f"{number}-2", Decimal(272), Decimal(6)))
        end = draw(st.sampled_from(ENDS[cum]))
        of = st.sampled_from((names.request, None) if with_request else (None,))
        trades = fills[: (0, 1, 2)[(0, 4, 10).index(cum)]]
        for status, filled, its in ((OrdStatus.NEW, 0, ()), (end, cum, ()), (end, cum, trades)):
            found.append([report(status, request=draw(of), name=names.name, cum=filled, trades=its)])
        for phase in draw(st.sampled_from(((), (Phase.INTENT,), (Phase.INTENT, Phase.UNKNOWN)))):
            found.append(submission(phase, request=names.request))
        by = draw(st.sampled_from(({"of": names.request}, {"of": None, "of_name": names.name})))
        for phase in draw(st.sampled_from(((), (Phase.INTENT,), (Phase.INTENT, Phase.ACCEPTED)))):
            found.append(change(phase, request=names.cancel, **by))
        tie: Item = [report(OrdStatus.NEW, request=names.request, name=names.name)]
        found.append(tie if with_request else submission(Phase.ACCEPTED, request=names.request, name=names.name))
    return found


@settings(max_examples=100)
@given(lives(), st.data())
def test_orders_under_any_of_their_names_end_alike_whatever_comes_first(told: list[Item], data: st.DataObject) -> None:
    as_it_happened, desk = Desk(), Desk()
    for item in told:
        tell(as_it_happened, item)
    as_it_happened.finish()

    again = data.draw(st.lists(st.sampled_from(told), max_size=4))
    for item in data.draw(st.permutations([*told, *again])):
        tell(desk, item)
        if (then := data.draw(st.sampled_from(("", "finish", "restart")))) != "":
            getattr(desk, then)()
    desk.finish()

    assert_sound(as_it_happened)
    assert_sound(desk)
    assert what_holds(desk) == what_holds(as_it_happened)


def what_holds(desk: Desk) -> dict[str, tuple[object, ...]]:
    return {
        key: (status_of(order), quantities(order), order.trade_ids, set(order.names), order.terms, order.changes)
        for key, order in desk.orders.items()
    }
