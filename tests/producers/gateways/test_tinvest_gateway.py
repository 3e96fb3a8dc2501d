"""Order entry end to end: a real broker, a venue on a real socket."""

import asyncio
import contextlib
import json
import signal
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import structlog
import trustme
from aiohttp import web

from dropcopy.errors import ClusterError, UsageError
from dropcopy.kafka import MAX_RECORD_BYTES, murmur2_partition
from dropcopy.settings import Settings
from producers.gateways.orders import NewOrder, PriceType
from producers.gateways.outcomes import Accepted, Rejected, Unknown
from producers.gateways.tinvest import TInvestGateway
from sandbox.ports import free_ports
from sandbox.processes import wait_until
from sandbox.simulators.tinvest import TInvestSimulator
from sandbox.stack import Stack
from schemas.fix import OrdType
from tests.producers.gateways.journal_reader import JournalReader
from tests.producers.gateways.test_new_orders import an_order

MakeGateway = Callable[..., TInvestGateway]


def a_new_order(**changes: Any) -> NewOrder:
    return an_order(**({"order_request_id": str(uuid4())} | changes))


async def phases(journal: JournalReader, order: NewOrder, count: int = 2) -> list[str]:
    return [entry.record["phase"] for entry in await journal.of(order.order_request_id, count)]


@contextlib.contextmanager
def frozen(stack: Stack) -> Iterator[None]:
    """Stop the broker's process for a while, so that it takes connections and answers nothing."""
    stack.broker.process.send(signal.SIGSTOP)
    try:
        yield
    finally:
        stack.broker.process.send(signal.SIGCONT)


async def test_an_accepted_order_is_journaled_before_and_after(
    gateway_to: MakeGateway, simulator: TInvestSimulator, journal: JournalReader, stack: Stack
) -> None:
    order = a_new_order()
    async with gateway_to() as gateway:
        outcome = await gateway.post_order(order)
    (placed,) = simulator.orders()
    assert isinstance(outcome, Accepted)
    assert (placed["order_request_id"], placed["order_id"]) == (order.order_request_id, outcome.venue_order_id)
    intent, accepted = await journal.of(order.order_request_id, 2)
    assert (intent.record["phase"], accepted.record["phase"]) == ("INTENT", "ACCEPTED")
    assert accepted.record["venue_order_id"] == outcome.venue_order_id
    assert accepted.record["tracking_id"] == outcome.tracking_id
    assert intent.record["submitted_ns"] == accepted.record["submitted_ns"] <= accepted.record["phase_ns"]
    assert intent.key == accepted.key == b"tinvest:2000000001"
    assert intent.partition == accepted.partition == murmur2_partition(intent.key, stack.settings.partitions)


async def test_the_intent_holds_the_whole_call_and_nothing_secret(
    gateway_to: MakeGateway, simulator: TInvestSimulator, journal: JournalReader
) -> None:
    order = a_new_order(price_type=PriceType.POINT, confirm_margin_trade=True)
    async with gateway_to() as gateway:
        await gateway.post_order(order)
    intent, accepted = await journal.of(order.order_request_id, 2)
    method, path, body = intent.record["venue_request"].split(" ", 2)
    assert (method, path.rsplit("/", 1)[1]) == ("POST", "PostOrder")
    said = json.loads(body)
    assert (said["orderId"], said["priceType"], said["confirmMarginTrade"]) == (
        order.order_request_id,
        "PRICE_TYPE_POINT",
        True,
    )
    assert simulator.token not in str(intent.record)
    assert accepted.record["venue_request"] is None


async def test_the_asynchronous_call_is_journaled_alike(
    gateway_to: MakeGateway, simulator: TInvestSimulator, journal: JournalReader
) -> None:
    order = a_new_order(ord_type=OrdType.MARKET, price=None)
    async with gateway_to() as gateway:
        outcome = await gateway.post_order_async(order)
    assert isinstance(outcome, Accepted)
    assert outcome.trade_intent_id
    assert outcome.venue_order_id is None
    assert await phases(journal, order) == ["INTENT", "ACCEPTED"]
    assert len(simulator.orders()) == 1


@asynccontextmanager
async def venue_that_calls(seen: Callable[[], Any]) -> AsyncIterator[str]:
    """A venue that calls `seen` when an order reaches it, before it answers."""

    async def answer(request: web.Request) -> web.Response:
        await asyncio.to_thread(seen)
        return web.json_response({"orderId": "1", "executionReportStatus": "EXECUTION_REPORT_STATUS_NEW"})

    app = web.Application()
    app.router.add_post("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/rest"
    finally:
        await runner.cleanup()


async def test_when_the_order_reaches_the_venue_its_intent_can_be_read(
    gateway_to: MakeGateway, journal: JournalReader
) -> None:
    order, then = a_new_order(), []

    def look() -> None:
        mine = [entry for entry in journal.entries() if entry.record["order_request_id"] == order.order_request_id]
        then.append([entry.record["phase"] for entry in mine])

    async with venue_that_calls(look) as url, gateway_to(rest_url=url, order_timeout_s=30) as gateway:
        await gateway.post_order(order)
    assert then == [["INTENT"]]


async def test_many_orders_go_at_once_and_each_intent_comes_first(
    gateway_to: MakeGateway, simulator: TInvestSimulator, journal: JournalReader
) -> None:
    orders = [a_new_order(account=simulator.accounts[n % 3]) for n in range(60)]
    async with gateway_to() as gateway:
        outcomes = await asyncio.gather(
            *(gateway.post_order(order) if n % 2 else gateway.post_order_async(order) for n, order in enumerate(orders))
        )
    assert {type(outcome) for outcome in outcomes} == {Accepted}
    entries = await asyncio.to_thread(journal.entries)
    told: dict[str, list[str]] = {}
    for entry in entries:
        told.setdefault(entry.record["order_request_id"], []).append(entry.record["phase"])
    assert {tuple(told[order.order_request_id]) for order in orders} == {("INTENT", "ACCEPTED")}


async def test_a_refused_order_is_rejected_with_the_venues_code(
    gateway_to: MakeGateway, simulator: TInvestSimulator, journal: JournalReader
) -> None:
    order = a_new_order(instrument="NONE")
    async with gateway_to() as gateway:
        outcome = await gateway.post_order(order)
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.text) == ("50002", "Instrument not found")
    assert outcome.tracking_id
    assert await phases(journal, order) == ["INTENT", "REJECTED"]
    assert simulator.orders() == []


async def test_a_rejection_by_the_exchange_is_a_rejection(gateway_to: MakeGateway, simulator: TInvestSimulator) -> None:
    simulator.fault({"fault": "reject"})
    async with gateway_to() as gateway:
        outcome = await gateway.post_order(a_new_order())
    assert isinstance(outcome, Rejected)
    assert outcome.venue_status == "EXECUTION_REPORT_STATUS_REJECTED"


async def test_without_an_answer_the_outcome_is_unknown_and_no_second_order_is_sent(
    gateway_to: MakeGateway, simulator: TInvestSimulator, journal: JournalReader
) -> None:
    simulator.fault({"fault": "ignore"})
    simulator.fault({"fault": "drop_reply"})
    order = a_new_order()
    async with gateway_to(order_timeout_s=2, order_settle_timeout_s=0.5) as gateway:
        outcome = await gateway.post_order(order)
    assert isinstance(outcome, Unknown)
    assert outcome.code == "TIMEOUT"
    assert await phases(journal, order) == ["INTENT", "UNKNOWN"]
    assert [entry["order_request_id"] for entry in simulator.orders()] == [order.order_request_id]
    assert simulator.stats()["OrdersService/PostOrder"] == 1


@pytest.mark.parametrize("method", ["post_order", "post_order_async"])
async def test_what_came_of_a_call_without_an_answer_is_asked_by_its_request_id_and_journaled_after(
    gateway_to: MakeGateway, simulator: TInvestSimulator, journal: JournalReader, method: str
) -> None:
    simulator.fault({"fault": "drop_reply"})
    order = a_new_order()
    async with gateway_to(order_timeout_s=2) as gateway:
        outcome = await getattr(gateway, method)(order)
    (placed,) = simulator.orders()
    assert isinstance(outcome, Accepted)
    assert outcome.venue_order_id == placed["order_id"]
    assert await phases(journal, order, 3) == ["INTENT", "UNKNOWN", "ACCEPTED"]


async def test_what_a_venue_does_not_know_yet_may_still_be_on_its_way_and_is_asked_for_again(
    gateway_to: MakeGateway, simulator: TInvestSimulator
) -> None:
    simulator.fault({"fault": "ignore"})
    simulator.fault({"fault": "drop_reply"})
    async with gateway_to(order_timeout_s=2, order_settle_timeout_s=3) as gateway:
        outcome = await gateway.post_order(a_new_order())
    assert isinstance(outcome, Unknown)
    assert simulator.stats()["OrdersService/GetOrderState"] > 1


async def test_a_call_that_is_cut_is_not_made_again(
    gateway_to: MakeGateway, simulator: TInvestSimulator, journal: JournalReader
) -> None:
    simulator.fault({"fault": "cut_reply"})
    order = a_new_order()
    async with gateway_to(order_settle_timeout_s=0) as gateway:
        outcome = await gateway.post_order(order)
    assert isinstance(outcome, Unknown)
    assert outcome.code == "CUT"
    assert await phases(journal, order) == ["INTENT", "UNKNOWN"]
    assert simulator.stats()["OrdersService/PostOrder"] == 1


async def test_a_server_error_leaves_the_outcome_unknown(gateway_to: MakeGateway, simulator: TInvestSimulator) -> None:
    simulator.fault({"fault": "answer", "status": 502, "body": "<html>"})
    async with gateway_to(order_settle_timeout_s=0) as gateway:
        outcome = await gateway.post_order(a_new_order())
    assert isinstance(outcome, Unknown)
    assert outcome.code == "HTTP_502"
    assert simulator.stats()["OrdersService/PostOrder"] == 1


async def test_a_venue_that_cannot_be_reached_got_nothing(gateway_to: MakeGateway, journal: JournalReader) -> None:
    order = a_new_order()
    async with gateway_to(rest_url=f"http://127.0.0.1:{free_ports(1)[0]}/rest") as gateway:
        outcome = await gateway.post_order(order)
    assert isinstance(outcome, Rejected)
    assert outcome.code == "NOT_SENT"
    assert "nothing was sent" in outcome.text
    assert await phases(journal, order) == ["INTENT", "REJECTED"]


async def test_a_connection_is_tried_for_again_with_the_same_order(gateway_to: MakeGateway) -> None:
    (port,) = free_ports(1)
    order = a_new_order()
    token = "t.later"
    options = {"rest_url": f"http://127.0.0.1:{port}/rest", "token": token, "order_connect_attempts": 20}
    async with gateway_to(order_timeout_s=15, **options) as gateway:
        sending = asyncio.create_task(gateway.post_order(order))
        # The venue comes up only once the first attempt has failed.
        await asyncio.wait((sending,), timeout=0.3)
        assert not sending.done()
        async with TInvestSimulator(port=port, token=token, speed=50) as simulator:
            await sending
            assert [entry["order_request_id"] for entry in simulator.orders()] == [order.order_request_id]


async def test_a_call_that_is_given_up_is_journaled_as_unknown(
    gateway_to: MakeGateway, simulator: TInvestSimulator, journal: JournalReader
) -> None:
    simulator.fault({"fault": "drop_reply"})
    order = a_new_order()
    async with gateway_to() as gateway:
        sending = asyncio.create_task(gateway.post_order(order))
        async with asyncio.timeout(10):
            while not simulator.orders():
                await asyncio.wait((sending,), timeout=0.01)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
    _, outcome = await journal.of(order.order_request_id, 2)
    assert (outcome.record["phase"], outcome.record["code"]) == ("UNKNOWN", "ABANDONED")


@pytest.mark.parametrize("failed", [False, True])
async def test_who_leaves_a_gateway_waits_for_what_is_on_its_way_and_its_outcome_is_journaled(
    gateway_to: MakeGateway, simulator: TInvestSimulator, journal: JournalReader, failed: bool
) -> None:
    simulator.fault({"fault": "drop_reply"})
    order = a_new_order()
    with contextlib.suppress(ZeroDivisionError):
        async with gateway_to(order_timeout_s=1, order_settle_timeout_s=5) as gateway:
            sending = asyncio.create_task(gateway.post_order(order))
            async with asyncio.timeout(10):
                while not simulator.orders():
                    await asyncio.wait((sending,), timeout=0.01)
            if failed:
                raise ZeroDivisionError
    assert sending.done()
    assert isinstance(await sending, Accepted)
    assert await phases(journal, order, 3) == ["INTENT", "UNKNOWN", "ACCEPTED"]


async def test_what_cannot_be_said_to_the_venue_is_neither_sent_nor_journaled(
    gateway_to: MakeGateway, simulator: TInvestSimulator, journal: JournalReader
) -> None:
    order = a_new_order(quantity=Decimal("1.5"))
    async with gateway_to() as gateway:
        with pytest.raises(UsageError, match="quantity"):
            await gateway.post_order(order)
    assert simulator.orders() == []
    assert await journal.of(order.order_request_id, 0) == []


async def test_while_kafka_is_frozen_no_order_is_sent_and_later_the_journal_says_so(
    gateway_to: MakeGateway, simulator: TInvestSimulator, journal: JournalReader, stack: Stack
) -> None:
    order, after = a_new_order(), a_new_order()
    async with gateway_to(journal_timeout_s=3) as gateway:
        await gateway.post_order(a_new_order())
        with frozen(stack):
            with pytest.raises(ClusterError, match=order.order_request_id) as refused:
                await gateway.post_order(order)
            assert "DROPCOPY_JOURNAL" in refused.value.hint
            assert len(simulator.orders()) == 1
        assert await phases(journal, order) == ["INTENT", "REJECTED"]
        assert isinstance(await gateway.post_order(after), Accepted)
    assert order.order_request_id not in {entry["order_request_id"] for entry in simulator.orders()}


async def test_an_order_whose_intent_kafka_would_not_take_is_not_sent(
    gateway_to: MakeGateway, simulator: TInvestSimulator
) -> None:
    order = a_new_order(instrument="X" * MAX_RECORD_BYTES)
    async with gateway_to() as gateway:
        with pytest.raises(ClusterError, match=f"{order.order_request_id}.*too large"):
            await gateway.post_order(order)
    assert simulator.calls() == []


async def test_the_log_tells_when_the_journals_broker_is_gone_and_when_it_is_back(
    gateway_to: MakeGateway, simulator: TInvestSimulator, stack: Stack
) -> None:
    def told() -> list[str]:
        return [line["event"] for line in logged if line.get("client") == "journal"]

    with structlog.testing.capture_logs() as logged:
        async with gateway_to(journal_timeout_s=30) as gateway:
            await gateway.post_order(a_new_order())
            await asyncio.to_thread(stack.broker.stop)
            assert await asyncio.to_thread(wait_until, lambda: "kafka_trouble" in told(), 10)
            await asyncio.to_thread(stack.broker.start)
            await asyncio.to_thread(stack.broker.wait_until_ready)
            assert isinstance(await gateway.post_order(a_new_order()), Accepted)
    assert told()[-1] == "kafka_back"


async def test_with_best_effort_orders_go_without_the_journal_which_catches_up(
    gateway_to: MakeGateway, simulator: TInvestSimulator, journal: JournalReader, stack: Stack
) -> None:
    order = a_new_order()
    async with gateway_to(journal="best_effort") as gateway:
        with frozen(stack):
            outcome = await gateway.post_order(order)
            assert isinstance(outcome, Accepted)
        assert await phases(journal, order) == ["INTENT", "ACCEPTED"]


@pytest.mark.parametrize("missing", ["bootstrap_servers", "schema_registry_url"])
async def test_without_kafka_a_gateway_does_not_open_but_with_best_effort_it_does(
    gateway_to: MakeGateway, simulator: TInvestSimulator, stack: Stack, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"127.0.0.1:{free_ports(1)[0]}"
    settings = Settings.load(stack.environment).model_copy(
        update={missing: address if missing == "bootstrap_servers" else f"http://{address}"}
    )
    monkeypatch.setattr(Stack, "settings", settings)
    with pytest.raises(ClusterError, match=address):
        async with gateway_to(journal_timeout_s=0.5):
            pass
    async with gateway_to(journal_timeout_s=0.5, journal="best_effort") as gateway:
        assert isinstance(await gateway.post_order(a_new_order()), Accepted)
    assert len(simulator.orders()) == 1


async def test_a_venue_with_a_certificate_of_its_own_is_reached_by_its_ca_file(
    gateway_to: MakeGateway, tmp_path: Path
) -> None:
    authority = trustme.CA()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    async with TInvestSimulator(tls=tls, speed=50, token="t.tls") as simulator:
        async with gateway_to(rest_url=simulator.rest_url, token="t.tls") as gateway:
            untrusted = await gateway.post_order(a_new_order())
        assert isinstance(untrusted, Rejected)
        assert untrusted.code == "NOT_SENT"
        async with gateway_to(rest_url=simulator.rest_url, token="t.tls", ca_file=tmp_path / "ca.pem") as gateway:
            assert not isinstance(await gateway.post_order(a_new_order()), Unknown)
        assert len(simulator.orders()) == 1


async def test_a_refused_token_is_shown_nowhere(
    gateway_to: MakeGateway, journal: JournalReader, caplog: pytest.LogCaptureFixture
) -> None:
    order = a_new_order()
    async with gateway_to(token="t.very-secret") as gateway:
        outcome = await gateway.post_order(order)
    assert isinstance(outcome, Rejected)
    assert outcome.code == "40003"
    told = await journal.of(order.order_request_id, 2)
    assert "very-secret" not in f"{outcome}{told}{caplog.text}"
