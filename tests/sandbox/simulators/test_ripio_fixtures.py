"""The kept frames of the simulated Ripio are those that it writes today."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from sandbox.simulators.pending import Pending
from sandbox.simulators.ripio.fates import Fate
from sandbox.simulators.ripio.keys import Account, Keyring
from sandbox.simulators.ripio.market import Event, Market
from sandbox.simulators.ripio.orders import Ask, Order, Status, Update
from sandbox.simulators.ripio.paging import Wish, page
from sandbox.simulators.ripio.pairs import PAIRS
from sandbox.simulators.ripio.refusals import error_body
from sandbox.simulators.ripio.telling import Teller
from sandbox.simulators.ripio.topics import Sequences
from sandbox.simulators.ripio.values import as_json
from sandbox.simulators.ripio.wire import Json, Words, acknowledgement, envelope, pong, trade_item

FIXTURES = Path(__file__).parents[2] / "fixtures" / "ripio"
USER = "30B8CDBB-BDBD-4B60-A90F-860AB46B76F7"
ACCOUNT = Account(name="ripio-1", user_id=USER, api_token="", api_secret="")
START_NS = 1_769_850_914_974_035_911
HOUR_NS = 3600 * 10**9
BTC, ETH = PAIRS[:2]
REQUEST = "0f4a8504-21fb-4be6-9771-25dcf5f68f{:02}"
SIMULATED = (
    "order-status",
    "order-status-observed",
    "user-trades",
    "balance",
    "get-user-orders",
    "get-user-open-orders",
    "get-order-by-id",
    "get-order-by-external-id",
    "get-user-trades",
    "get-trades",
)


def ask(number: int, **changes: object) -> Ask:
    facts: dict[str, object] = {
        "account": ACCOUNT.name,
        "external_id": REQUEST.format(number),
        "pair": BTC,
        "side": "buy",
        "order_type": "limit",
        "amount": Decimal("0.5"),
        "price": Decimal(290_000),
    }
    return Ask(**(facts | changes))


WANTED: list[tuple[Ask, Fate]] = [
    (ask(1), Fate.FILL),
    (ask(2, side="sell", price=Decimal(310_000)), Fate.PARTIAL_CANCEL),
    (ask(3), Fate.CANCEL),
    (ask(4, order_type="market", price=None), Fate.FILL),
    (ask(5, order_type="market", side="sell", amount=None, price=None, value=Decimal(1000)), Fate.FILL),
    (ask(6, order_type="ceiling", amount=None, price=None, value=Decimal("99.5")), Fate.FILL),
    (ask(7, order_type="stop_limit", stop_price=Decimal(305_000), price=Decimal(306_000)), Fate.FILL),
    (ask(8, order_type="trailing", side="sell", price=None, distance=Decimal(5_000)), Fate.REST),
    (ask(9, order_type="iceberg", step_amount=Decimal("0.1")), Fate.REST),
    (ask(10, pair=ETH, price=Decimal(15_000), amount=Decimal("0.0000012"), external_id=None), Fate.FILL),
    (ask(11, fill_or_kill=True), Fate.CANCEL),
]


def told(market: Market, teller: Teller, events: Iterable[Event]) -> list[tuple[str, bytes]]:
    return [(topic, text.encode()) for event in events for topic, text in teller.tell(event, event.order.changed_ns)]


def a_teller(market: Market, words: Words) -> Teller:
    return Teller(market, Keyring([ACCOUNT]), words, Sequences(Random(1)), Pending())


def answer(data: object) -> bytes:
    return as_json(envelope(data)).encode()


def paged(items: list[Json], number: int, size: int, name: str) -> bytes:
    """Return a page of a list of which the cursors go by the place."""
    keys = {id(item): len(items) - place for place, item in enumerate(items)}
    wish = Wish(size)
    for _ in range(number):
        wish = Wish(size, page(items, lambda item: keys[id(item)], wish, name)["nc"])
    return answer(page(items, lambda item: keys[id(item)], wish, name))


def simulated() -> Mapping[str, list[bytes]]:
    """Return what the venue says of one order each of `WANTED`, of which one is changed and then trades."""
    words, market = Words(), Market([ACCOUNT.name], seed=1)
    teller, now_ns = a_teller(market, words), START_NS
    topics = ["order_status", "user_trades", "balance"]
    frames = {
        "order_status": [
            as_json(error_body(40100)).encode(),
            as_json(acknowledgement("subscribe", topics, now_ns)).encode(),
            as_json(pong(now_ns)).encode(),
        ],
        "user_trades": [],
        "balance": [teller.welcome(ACCOUNT, now_ns).encode()],
    }

    def pass_time() -> None:
        nonlocal now_ns
        now_ns += HOUR_NS
        for topic, frame in told(market, teller, market.advance(now_ns)):
            frames[topic].append(frame)

    for wanted, fate in WANTED:
        order = market.submit(wanted, fate, now_ns)
        pass_time()
        if wanted.order_type == "iceberg":
            market.update(order, Update(Decimal(280_000), Decimal("0.4")), now_ns)
            market.fill(order, Decimal("0.15"), Decimal(279_999), now_ns)
            pass_time()

    orders = market.orders()[::-1]
    of_pair = [words.listed(order) for order in orders if order.ask.pair is BTC]
    live = [words.listed(order) for order in orders if not order.is_final]
    alone = [answer(words.whole(order)) for order in orders if order.status is not Status.OPEN]
    return {
        "order-status": frames["order_status"],
        "order-status-observed": observed(),
        "user-trades": frames["user_trades"],
        "balance": frames["balance"],
        "get-user-orders": [paged(of_pair, number, 6, "orders") for number in range(2)],
        "get-user-open-orders": [paged(live, 0, 200, "orders"), paged([], 0, 200, "orders")],
        "get-order-by-id": alone[:4],
        "get-order-by-external-id": alone[-3:],
        "get-user-trades": [paged(trades(orders), number, 10, "trades") for number in range(2)],
        "get-trades": [paged(trades([order]), 0, 200, "trades") for order in orders[-3:]],
    }


def trades(orders: list[Order]) -> list[Json]:
    return [trade_item(order, trade) for order in orders for trade in reversed(order.trades)]


def observed() -> list[bytes]:
    words, market = Words(observed=True), Market([ACCOUNT.name], seed=2, observed=True)
    market.submit(ask(20), Fate.FILL, START_NS)
    events = market.advance(START_NS + HOUR_NS)
    return [frame for topic, frame in told(market, a_teller(market, words), events) if topic == "order_status"]


@pytest.mark.parametrize("name", SIMULATED)
def test_the_kept_frames_are_those_that_the_simulator_writes(name: str) -> None:
    assert simulated()[name] == (FIXTURES / f"{name}-simulated.jsonl").read_bytes().splitlines()
