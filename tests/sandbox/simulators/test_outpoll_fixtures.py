"""The kept frames of the simulated Outpoll are those that it writes today."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest

from sandbox.simulators.outpoll import wire
from sandbox.simulators.outpoll.fates import Fate
from sandbox.simulators.outpoll.instruments import INSTRUMENTS
from sandbox.simulators.outpoll.market import Happening, Market
from sandbox.simulators.outpoll.orders import Ask
from sandbox.simulators.outpoll.tpsl import TpslAsk

FIXTURES = Path(__file__).parents[2] / "fixtures" / "outpoll"
USER = "5d0f9b0e-6a55-4f0c-8a0f-0d8e6f2f0a11"
START_NS = 1_769_850_914_974_035_911
MINUTE_NS = 60 * 10**9
YES, NO = INSTRUMENTS[:2]
SIMULATED = ("order-updates", "order-feed", "history-orders", "active-orders", "history-trades", "tpsl-orders")


def limit(side: str, quantity: str, price: str) -> Ask:
    return Ask(
        account="outpoll-1",
        instrument=YES,
        side=side,
        order_type="LIMIT",
        price=Decimal(price),
        quantity=Decimal(quantity),
    )


def tpsl(take_profit: str | None, stop_loss: str | None) -> TpslAsk:
    profit, loss = (None if text is None else Decimal(text) for text in (take_profit, stop_loss))
    return TpslAsk(account="outpoll-1", instrument=YES, quantity=Decimal(10), take_profit=profit, stop_loss=loss)


def simulated() -> Mapping[str, list[bytes]]:
    """Return what the venue says of one order each that fills, that is canceled, whose rest is, that is
    rejected, that lives on partly filled, of two at the market, and of three TP/SL orders."""
    market = Market(seed=1, id_seed=1)
    now_ns = START_NS
    updates = [wire.UPDATES_ACK.encode()]
    feed = [wire.FEED_ACK.encode()]

    def pass_time(step_ns: int = MINUTE_NS) -> None:
        nonlocal now_ns
        now_ns += step_ns
        for what in market.advance(now_ns):
            if isinstance(what, Happening):
                updates.append(wire.order_update(what.order, USER, what.result).encode())
                feed.append(wire.feed_frame(what.order, USER).encode())
            else:
                updates.append(wire.tpsl_update(what, USER).encode())

    for fate in (Fate.FILL, Fate.CANCEL, Fate.PARTIAL_CANCEL, Fate.REJECT, Fate.REST):
        market.demand(fate, 1)
        resting = market.submit(limit("BUY", "100", "0.42"), now_ns)
        pass_time()
    market.fill(resting, Decimal("30"), Decimal("0.42"), now_ns)
    for ask in (
        Ask(account="outpoll-1", instrument=NO, side="BUY", order_type="MARKET", amount=Decimal(50)),
        Ask(account="outpoll-1", instrument=NO, side="SELL", order_type="MARKET", quantity=Decimal("12.5")),
    ):
        market.demand(Fate.FILL, 1)
        market.submit(ask, now_ns)
        pass_time()
    market.submit_tpsl(tpsl("0.95", "0.1"), now_ns)
    withdrawn = market.submit_tpsl(tpsl("0.95", None), now_ns)
    market.submit_tpsl(tpsl(None, "0.3"), now_ns)
    pass_time()
    market.withdraw(withdrawn, now_ns)
    market.demand(Fate.FILL, 1)
    market.set_price(YES, Decimal("0.29"), now_ns)
    pass_time()
    updates.append(wire.PING.encode())

    orders = market.orders()[::-1]
    shown = [wire.history_order(order, USER) for order in orders]
    trades = [wire.history_trade(order, trade, USER) for order in orders for trade in order.trades]
    active = [wire.active_order(order) for order in orders if not order.is_final]
    by_status = [
        [wire.tpsl_item(one, USER) for one in market.tpsls() if one.status == s] for s in ("ACTIVE", "CANCELED")
    ]
    return {
        "order-updates": updates,
        "order-feed": feed,
        "history-orders": [wire.encode(wire.paged(shown, page, 5)) for page in range(3)],
        "active-orders": [wire.encode({"i": active}), wire.encode({"i": []})],
        "history-trades": [wire.encode(wire.paged(trades, page, 20)) for page in range(2)],
        "tpsl-orders": [wire.encode(items) for items in by_status] + [b"[]"],
    }


@pytest.mark.parametrize("name", SIMULATED)
def test_the_kept_frames_are_those_that_the_simulator_writes(name: str) -> None:
    assert simulated()[name] == (FIXTURES / f"{name}-simulated.jsonl").read_bytes().splitlines()
