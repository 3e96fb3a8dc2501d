"""A feed against a venue on a real socket, writing to a log in memory."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from prometheus_client import REGISTRY
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from dropcopy.errors import ClusterError, VenueError
from producers.feeds.connection import SECOND_NS, Limits
from schemas.headers import Kind
from tests.producers.feeds.venue_stream import (
    PING,
    QUICK,
    SUBSCRIBED,
    MemoryLog,
    VenueServer,
    confirm_and_wait,
    until,
    venue,
    venue_server,
)

Start = Callable[..., tuple[Any, "asyncio.Task[None]"]]


def saying(*messages: bytes, then_close: tuple[int, str] | None = None) -> Callable[[ServerConnection], Any]:
    async def talk(socket: ServerConnection) -> None:
        for message in messages:
            await socket.send(message, text=True)
        if then_close is None:
            await socket.wait_closed()
        else:
            await socket.close(*then_close)

    return talk


async def test_the_subscription_names_the_accounts_and_the_ping_delay_under_the_bearer_token(
    server: VenueServer, log: MemoryLog, start: Start
):
    start(venue(server, "A1", "A2", ping_delay_ms=3000), log)
    await until(lambda: log.of(Kind.CONNECTED))
    (request,) = server.requests
    assert request.path == "/ws/tinkoff.public.invest.api.contract.v1.OrdersStreamService/OrderStateStream"
    assert request.headers["Authorization"] == "Bearer t.secret"
    assert request.headers["Sec-WebSocket-Protocol"] == "json"
    assert request.headers["User-Agent"].startswith("dropcopy/")
    assert request.headers["x-app-name"] == "dropcopy"
    assert server.subscriptions == [{"accounts": ["A1", "A2"], "pingDelayMillis": 3000}]


async def test_a_server_that_chooses_the_sub_protocol_is_heard_as_well(log: MemoryLog, start: Start):
    async with venue_server(subprotocols=["json"]) as server:
        start(venue(server), log)
        await until(lambda: log.of(Kind.CONNECTED))


async def test_every_account_gets_its_own_frames_and_every_marker(server: VenueServer, log: MemoryLog, start: Start):
    order = b'{"orderState":{"orderId":"1","accountId":"A2"}}'
    server.talks = [saying(SUBSCRIBED, order, PING)]
    feed, running = start(venue(server, "A1", "A2"), log)
    await until(lambda: log.of(Kind.HEARTBEAT))
    feed.stop()
    await running
    markers = [Kind.CONNECTED, Kind.HEARTBEAT, Kind.DISCONNECTED]
    assert [entry.kind for entry in log.of(*markers, account="A1")] == markers
    assert [entry.kind for entry in log.of(*markers, account="A2")] == markers
    assert [entry.value for entry in log.of(Kind.FRAME, account="A1")] == [SUBSCRIBED, PING]
    assert [entry.value for entry in log.of(Kind.FRAME, account="A2")] == [order]
    assert len({entry.connection for entry in log.entries}) == 1
    assert {entry.source for entry in log.entries} == {"order-state-stream"}
    assert log.bodies(Kind.CONNECTED)[0] == {"feed": "main", "accounts": ["A1", "A2"], "url": venue(server).stream_url}


@pytest.mark.parametrize(
    "frame",
    [
        b'{ "orderState" :\t{ "accountId" : "A1",\n "orderId":"\\u0031" } }\n',
        '{"orderState":{"accountId":"A1","ticker":"Сбер"}}'.encode(),
        b'{"orderState":{"accountId":"A1","orderId":',
        b"not JSON at all",
        b"",
        b'{"orderState":{"accountId":7}}',
        b'{"something":{"new":[1,2,{}]}}',
        b'["no","object"]',
        b"[" * 100_000,
    ],
)
async def test_a_frame_is_recorded_byte_for_byte_whatever_it_is(
    server: VenueServer, log: MemoryLog, start: Start, frame: bytes
):
    server.talks = [saying(SUBSCRIBED, frame, PING)]
    start(venue(server), log)
    await until(lambda: len(log.of(Kind.FRAME)) == 3)
    assert log.of(Kind.FRAME)[1].value == frame
    assert log.of(Kind.DISCONNECTED) == []


async def test_silence_is_answered_by_a_new_connection(server: VenueServer, log: MemoryLog, start: Start):
    start(venue(server), log)
    await until(lambda: len(log.of(Kind.CONNECTED)) == 2)
    kinds = [entry.kind for entry in log.of(Kind.CONNECTED, Kind.DISCONNECTED)]
    assert kinds == [Kind.CONNECTED, Kind.DISCONNECTED, Kind.CONNECTED]
    (down,) = log.bodies(Kind.DISCONNECTED)
    assert down["reason"] == "silence"
    first, second = log.of(Kind.CONNECTED)
    assert first.connection != second.connection
    assert server.most_open == 1


async def test_pings_keep_a_connection_alive(server: VenueServer, log: MemoryLog, start: Start):
    async def pinging(socket: ServerConnection) -> None:
        await socket.send(SUBSCRIBED, text=True)
        while True:
            await socket.send(PING, text=True)
            await asyncio.sleep(0.1)

    server.talks = [pinging]
    start(venue(server), log)
    await until(lambda: len(log.of(Kind.FRAME)) > 12)  # more than twice the time of silence
    assert log.of(Kind.DISCONNECTED) == []


async def test_a_confirmation_that_does_not_come_is_answered_by_a_new_connection(
    server: VenueServer, log: MemoryLog, start: Start
):
    server.talks = [saying(PING), confirm_and_wait]
    start(venue(server), log, Limits(handshake_ns=SECOND_NS // 4))
    await until(lambda: log.of(Kind.CONNECTED))
    assert log.of(Kind.DISCONNECTED) == []


RETRIED = {
    "a limit": (saying(SUBSCRIBED, then_close=(4008, "")), "limit"),
    "a time-out": (saying(SUBSCRIBED, then_close=(4004, "")), "timeout"),
    "maintenance": (saying(SUBSCRIBED, then_close=(1012, "")), "maintenance"),
    "an end in order": (saying(SUBSCRIBED, then_close=(1000, "")), "closed"),
    "the stream's life time": (saying(SUBSCRIBED, then_close=(4008, "80005 lifetime")), "stream_lifetime"),
}


@pytest.mark.parametrize(("talk", "reason"), RETRIED.values(), ids=RETRIED)
async def test_what_may_pass_is_tried_again(
    server: VenueServer, log: MemoryLog, start: Start, talk: Callable[..., Any], reason: str
):
    server.talks = [talk, confirm_and_wait]
    start(venue(server), log, Limits(backoff_cap_s=0.1))
    await until(lambda: len(log.of(Kind.CONNECTED)) == 2)
    assert log.bodies(Kind.DISCONNECTED)[0]["reason"] == reason


def refusal(code: str) -> bytes:
    error = f'"error":{{"code":"{code}","message":"no"}}'
    return f'{{"subscription":{{"status":"RESULT_SUBSCRIPTION_STATUS_ERROR",{error}}}}}'.encode()


REFUSED = {
    "a refused token by close code": (saying(then_close=(4016, "")), "TOKEN"),
    "a refused token while live": (saying(SUBSCRIBED, then_close=(3000, "")), "TOKEN"),
    "a refused token by the subscription": (saying(refusal("40003")), "TOKEN"),
    "an unknown account": (saying(refusal("50004")), "ACCOUNTS"),
    "no right to the account": (saying(refusal("40002")), "ACCOUNTS"),
    "a refused request": (saying(then_close=(4003, "bad")), "refuses the request"),
    "an error frame": (saying(b'{"code":16,"message":"no token","details":[]}'), "TOKEN"),
    "a wrapped error frame": (saying(b'{"error":{"code":7,"message":"no"}}'), "ACCOUNTS"),
    "a subscription without an account": (
        saying(b'{"subscription":{"status":"RESULT_SUBSCRIPTION_STATUS_OK","accounts":["A9"]}}'),
        "A1",
    ),
}


@pytest.mark.parametrize(("talk", "words"), REFUSED.values(), ids=REFUSED)
async def test_a_refusal_for_good_ends_the_feed_and_says_what_to_do(
    server: VenueServer, log: MemoryLog, start: Start, talk: Callable[..., Any], words: str
):
    server.talks = [talk]
    _, running = start(venue(server), log)
    with pytest.raises(VenueError) as caught:
        await asyncio.wait_for(running, 10)
    assert words in str(caught.value)
    assert caught.value.exit_status == 4
    assert "t.secret" not in str(caught.value)
    assert len(log.of(Kind.CONNECTED)) == len(log.of(Kind.DISCONNECTED))
    assert len(server.requests) == 1


@pytest.mark.parametrize(("status", "words"), [(401, "TOKEN"), (403, "ACCOUNTS"), (404, "WS_URL")])
async def test_a_hand_shake_refused_for_good_ends_the_feed(
    server: VenueServer, log: MemoryLog, start: Start, status: int, words: str
):
    server.refuse_with = status
    _, running = start(venue(server), log)
    with pytest.raises(VenueError, match=words):
        await asyncio.wait_for(running, 10)
    assert log.entries == []


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_hand_shake_refused_for_now_is_tried_again(
    server: VenueServer, log: MemoryLog, start: Start, status: int
):
    server.refuse_with = status
    start(venue(server), log, Limits(backoff_cap_s=0.1))
    await until(lambda: len(server.requests) > 1)
    server.refuse_with = None
    await until(lambda: log.of(Kind.CONNECTED))


@pytest.mark.parametrize("location", [None, "ws://[::1", "ws://127.0.0.1:99999999/", f"ws://{'a' * 70}.example/"])
async def test_a_redirect_is_tried_again_and_never_followed(
    server: VenueServer, log: MemoryLog, start: Start, location: str | None
):
    async with venue_server() as other:
        server.refuse_with = 302
        server.location = location or other.url
        start(venue(server), log, Limits(backoff_cap_s=0.1))
        await until(lambda: len(server.requests) > 2)
        server.refuse_with = None
        await until(lambda: log.of(Kind.CONNECTED))
        assert other.requests == []


async def test_a_venue_that_is_not_there_yet_is_tried_again(unused_tcp_port: int, log: MemoryLog, start: Start):
    absent = VenueServer()
    absent.url = f"ws://127.0.0.1:{unused_tcp_port}/ws"
    feed, running = start(venue(absent), log)
    await until(lambda: feed._state.attempts > 1)
    assert not running.done()


async def test_a_feed_that_has_never_got_through_is_shown_as_down(unused_tcp_port: int, log: MemoryLog, start: Start):
    absent = VenueServer()
    absent.url = f"ws://127.0.0.1:{unused_tcp_port}/ws"
    feed, _ = start(venue(absent, "never-heard"), log)
    await until(lambda: feed._state.attempts > 1)
    up = REGISTRY.get_sample_value("dropcopy_feed_up", {"venue": "tinvest", "account": "never-heard"})
    assert up == 0


async def test_a_cut_connection_is_opened_again(server: VenueServer, log: MemoryLog, start: Start):
    async def cut(socket: ServerConnection) -> None:
        await socket.send(SUBSCRIBED, text=True)
        await until(lambda: log.of(Kind.CONNECTED))
        socket.transport.abort()

    server.talks = [cut, confirm_and_wait]
    start(venue(server), log)
    await until(lambda: len(log.of(Kind.CONNECTED)) == 2)
    assert log.bodies(Kind.DISCONNECTED)[0]["reason"] == "connection_lost"


async def test_a_frame_that_no_record_holds_is_marked_as_a_gap(server: VenueServer, log: MemoryLog, start: Start):
    log.limit_bytes = 1000
    server.talks = [saying(SUBSCRIBED, b"x" * 1001), confirm_and_wait]
    start(venue(server), log)
    await until(lambda: len(log.of(Kind.CONNECTED)) == 2)
    assert log.bodies(Kind.DISCONNECTED)[0]["reason"] == "frame_too_large"


async def test_a_stop_closes_the_connection_after_what_the_venue_still_said(
    server: VenueServer, log: MemoryLog, start: Start
):
    last_words = b'{"orderState":{"accountId":"A1"}}'

    async def last(socket: ServerConnection) -> None:
        await socket.send(SUBSCRIBED, text=True)
        await until(lambda: log.of(Kind.CONNECTED))
        for _ in range(500):
            await socket.send(last_words, text=True)
        feed.stop()
        await socket.wait_closed()

    server.talks = [last]
    feed, running = start(venue(server), log)
    await asyncio.wait_for(running, 10)
    assert len(log.of(Kind.FRAME)) == 501
    assert log.entries[-1].kind is Kind.DISCONNECTED
    assert log.bodies(Kind.DISCONNECTED)[0]["reason"] == "stopped"
    assert server.open == 0


@asynccontextmanager
async def deaf_venue() -> AsyncIterator[tuple[VenueServer, asyncio.Event]]:
    """Run a venue that takes connections and answers no hand-shake; the event says that a client came."""
    came = asyncio.Event()

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.set()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(mute, "127.0.0.1", 0) as serving:
        deaf = VenueServer()
        deaf.url = f"ws://127.0.0.1:{serving.sockets[0].getsockname()[1]}/ws"
        yield deaf, came


async def test_a_stop_in_the_middle_of_a_hand_shake_ends(log: MemoryLog, start: Start):
    async with deaf_venue() as (deaf, came):
        feed, running = start(venue(deaf), log)
        await asyncio.wait_for(came.wait(), 10)
        feed.stop()
        await asyncio.wait_for(running, 10)
    assert log.entries == []


@pytest.mark.parametrize("turns", range(1, 6))
async def test_a_stop_that_comes_so_many_turns_of_the_event_loop_after_the_start_ends(
    log: MemoryLog, start: Start, turns: int
):
    async with deaf_venue() as (deaf, _):
        feed, running = start(venue(deaf), log)
        for _ in range(turns):
            await asyncio.sleep(0)
        feed.stop()
        await asyncio.wait_for(running, 5)
    assert log.entries == []


async def test_a_full_log_holds_the_venue_back_and_loses_nothing(server: VenueServer, log: MemoryLog, start: Start):
    frames = [b'{"orderState":{"accountId":"A1","n":%d,"pad":"%s"}}' % (n, b"x" * 1000) for n in range(20_000)]
    sent = 0

    async def flood(socket: ServerConnection) -> None:
        nonlocal sent
        await socket.send(SUBSCRIBED, text=True)
        await until(lambda: log.full)
        for frame in frames:
            await socket.send(frame, text=True)
            sent += 1
        await socket.wait_closed()

    server.talks = [flood]
    start(venue(server), log, Limits(stall_ns=60 * SECOND_NS))
    await until(lambda: log.of(Kind.CONNECTED))
    log.full = True
    steady = 0
    while sent != steady or not sent:  # until the venue can send no more
        steady = sent
        await asyncio.sleep(0.3)
    assert 0 < sent < len(frames)
    log.full = False
    await until(lambda: len(log.of(Kind.FRAME)) == len(frames) + 1, 30)
    assert [entry.value for entry in log.of(Kind.FRAME)][1:] == frames
    assert log.of(Kind.DISCONNECTED) == []


async def test_a_log_that_stays_full_ends_the_connection_until_there_is_room(
    server: VenueServer, log: MemoryLog, start: Start
):
    start(venue(server), log)
    await until(lambda: log.of(Kind.CONNECTED))
    log.full = True
    (disconnected,) = await until(lambda: log.of(Kind.DISCONNECTED))
    await until(lambda: time.time_ns() > disconnected.received_ns + 2 * SECOND_NS)
    assert len(server.requests) == 1
    log.full = False
    await until(lambda: len(log.of(Kind.CONNECTED)) == 2)
    (down,) = log.bodies(Kind.DISCONNECTED)
    assert down["reason"] == "kafka_unavailable"
    assert down["since_ns"] < log.of(Kind.CONNECTED)[1].received_ns - QUICK.stall_ns


async def test_a_stop_ends_even_while_the_log_is_full(server: VenueServer, log: MemoryLog, start: Start):
    feed, running = start(venue(server), log, Limits(stop_ns=SECOND_NS // 2))
    await until(lambda: log.of(Kind.CONNECTED))
    log.full = True
    feed.stop()
    await asyncio.wait_for(running, 10)
    assert log.entries[-1].kind is Kind.DISCONNECTED


async def test_a_log_that_fails_ends_the_feed_with_its_error(server: VenueServer, log: MemoryLog, start: Start):
    _, running = start(venue(server), log)
    await until(lambda: log.of(Kind.CONNECTED))
    log.failure = ClusterError("the topic is gone")
    with pytest.raises(ClusterError, match="the topic is gone"):
        await asyncio.wait_for(running, 10)
    await until(lambda: server.open == 0)


@pytest.fixture
def authority(tmp_path: Path) -> tuple[ssl.SSLContext, Path]:
    """Return a server's TLS context, and the CA file that it is trusted by."""
    ca = trustme.CA()
    ca_file = tmp_path / "ca.pem"
    ca.cert_pem.write_to_path(str(ca_file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    return context, ca_file


async def test_a_custom_authority_is_trusted(authority: tuple[ssl.SSLContext, Path], log: MemoryLog, start: Start):
    context, ca_file = authority
    async with venue_server(context) as server:
        start(venue(server, ca_file=ca_file), log)
        await until(lambda: log.of(Kind.CONNECTED))


async def test_an_unknown_authority_ends_the_feed_and_names_the_setting(
    authority: tuple[ssl.SSLContext, Path], log: MemoryLog, start: Start
):
    async with venue_server(authority[0]) as server:
        _, running = start(venue(server), log)
        with pytest.raises(VenueError, match="CA_FILE"):
            await asyncio.wait_for(running, 10)
        assert server.requests == []


async def test_what_follows_a_connect_is_ended_with_the_connection(server: VenueServer, log: MemoryLog, start: Start):
    running: list[str] = []

    async def follow_up(connection: str) -> None:
        running.append(connection)
        try:
            await asyncio.Event().wait()
        finally:
            running.remove(connection)

    feed, ended = start(venue(server), log, Limits(), follow_up=follow_up)
    await until(lambda: running)
    assert running == [log.of(Kind.CONNECTED)[0].connection]
    feed.stop()
    await ended
    assert running == []


async def test_a_peer_that_is_held_back_sees_a_closed_connection_in_the_end(
    server: VenueServer, log: MemoryLog, start: Start
):
    ended = asyncio.Event()

    async def flood(socket: ServerConnection) -> None:
        await socket.send(SUBSCRIBED, text=True)
        try:
            while True:
                await socket.send(PING * 1000, text=True)
        except ConnectionClosed:
            ended.set()

    server.talks = [flood]
    start(venue(server), log)
    await until(lambda: log.of(Kind.CONNECTED))
    log.full = True
    await asyncio.wait_for(ended.wait(), 10)
    log.full = False
