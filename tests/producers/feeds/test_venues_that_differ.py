"""What some venues want of their feed, on a real socket: a ticket, answers, sequences, several streams."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from dropcopy.errors import VenueError
from producers.feeds.connection import SECOND_NS, Limits
from producers.feeds.run import open_venues
from producers.feeds.venue import Heard, Meaning, Refused, What
from producers.rest import NotSent
from producers.venues.tinvest import VenueFeed, VenueSettings
from schemas.headers import Kind
from tests.producers.feeds.venue_stream import PING, SUBSCRIBED, MemoryLog, VenueServer, confirm_and_wait, until

Start = Callable[..., tuple[Any, "asyncio.Task[None]"]]
PATIENT = Limits(silence_ns=30 * SECOND_NS, handshake_ns=10 * SECOND_NS)


class Ticketed(VenueFeed):
    """A venue whose greeting holds a ticket, and which numbers its messages: `{"id": 7}`."""

    def __init__(self, server: VenueServer, *accounts: str) -> None:
        super().__init__(VenueSettings(token="t.secret", accounts=accounts or ("A1",), ws_url=server.url))
        self.tickets = 0
        self.refusals: list[Exception] = []
        self.next_id: int | None = None

    async def greeting(self) -> tuple[bytes, ...]:
        self.next_id = None
        if self.refusals:
            raise self.refusals.pop(0)
        self.tickets += 1
        return (b'{"ticket":%d}' % self.tickets,)

    def classify(self, data: bytes) -> Heard:
        if not data.startswith(b'{"id":'):
            return super().classify(data)
        number = int(data[6:-1])
        missed = self.next_id is not None and number > self.next_id
        gap = f"orders {self.next_id}..{number - 1}" if missed else ""
        self.next_id = number + 1
        return Heard(What.DATA, gap=gap, source="orders", read_up=True)

    def answer(self, data: bytes) -> bytes | None:
        return b'{"pong":1}' if data == PING else None


def telling(*messages: bytes, heard: list[bytes] | None = None) -> Callable[[ServerConnection], Any]:
    async def talk(socket: ServerConnection) -> None:
        await socket.send(SUBSCRIBED, text=True)
        for message in messages:
            await socket.send(message, text=True)
        async for said in socket:
            if heard is not None:
                heard.append(said if isinstance(said, bytes) else said.encode())

    return talk


async def test_every_connection_is_opened_with_a_greeting_of_its_own(server: VenueServer, log: MemoryLog, start: Start):
    async def cut(socket: ServerConnection) -> None:
        await socket.send(SUBSCRIBED, text=True)
        await socket.close()

    server.talks = [cut, cut, confirm_and_wait]
    start(Ticketed(server), log)
    await until(lambda: len(server.subscriptions) == 3)
    assert server.subscriptions == [{"ticket": 1}, {"ticket": 2}, {"ticket": 3}]


@pytest.mark.parametrize("error", [Refused(Meaning("limit")), NotSent("away", code="NOT_SENT")])
async def test_a_ticket_that_is_not_to_be_had_now_is_asked_for_again(
    server: VenueServer, log: MemoryLog, start: Start, error: Exception
):
    venue = Ticketed(server)
    venue.refusals = [error]
    start(venue, log)
    await until(lambda: log.of(Kind.CONNECTED))
    assert server.subscriptions == [{"ticket": 1}]


async def test_an_answer_nested_too_deeply_where_a_ticket_should_be_is_asked_for_again(
    server: VenueServer, log: MemoryLog, start: Start
):
    venue = Ticketed(server)
    venue.refusals = [RecursionError("maximum recursion depth exceeded")]
    start(venue, log, Limits(backoff_cap_s=0.1))
    await until(lambda: log.of(Kind.CONNECTED))


async def test_a_ticket_that_is_refused_for_good_ends_the_feed(server: VenueServer, log: MemoryLog, start: Start):
    venue = Ticketed(server)
    venue.refusals = [Refused(Meaning("unauthorized", final=True, text="no such token", hint="Check it."))]
    _, running = start(venue, log)
    with pytest.raises(VenueError, match="no such token") as refused:
        await running
    assert refused.value.hint == "Check it."
    assert (server.requests, log.entries) == ([], [])


async def test_a_ticket_that_does_not_come_is_given_up_like_a_hand_shake(
    server: VenueServer, log: MemoryLog, start: Start
):
    class Slow(Ticketed):
        async def greeting(self) -> tuple[bytes, ...]:
            if not self.tickets:
                self.tickets = 1
                await asyncio.Event().wait()
            return await super().greeting()

    start(Slow(server), log, Limits(handshake_ns=SECOND_NS // 5))
    await until(lambda: log.of(Kind.CONNECTED))


async def test_a_hole_in_a_sequence_is_marked_for_every_account_before_the_frame_that_shows_it(
    server: VenueServer, log: MemoryLog, start: Start
):
    server.talks = [telling(*(b'{"id":%d}' % number for number in (7, 8, 11, 12)))]
    start(Ticketed(server, "A1", "A2"), log, PATIENT)
    await until(lambda: len(log.of(Kind.FRAME)) == 5)
    kinds = [entry.kind for entry in log.entries if entry.account == "A1"]
    assert kinds == [Kind.FRAME, Kind.CONNECTED, Kind.FRAME, Kind.FRAME, Kind.GAP, Kind.FRAME, Kind.FRAME]
    first, second = log.bodies(Kind.GAP)
    assert first == second == {"reason": "sequence_gap", "detail": "orders 9..10", "since_ns": first["since_ns"]}
    assert [entry.account for entry in log.of(Kind.GAP)] == ["A1", "A2"]
    before, after = log.of(Kind.FRAME)[2:4]
    assert first["since_ns"] == before.received_ns
    assert log.of(Kind.GAP)[0].received_ns == after.received_ns


async def test_a_sequence_begins_anew_with_each_connection(server: VenueServer, log: MemoryLog, start: Start):
    async def once(socket: ServerConnection) -> None:
        await socket.send(SUBSCRIBED, text=True)
        await socket.send(b'{"id":7}', text=True)
        await socket.close()

    server.talks = [once, telling(b'{"id":100}')]
    start(Ticketed(server), log, PATIENT)
    await until(lambda: len(log.of(Kind.FRAME)) == 4)
    assert log.of(Kind.GAP) == []


async def test_a_frame_has_the_source_that_it_names_and_the_markers_have_the_venues(
    server: VenueServer, log: MemoryLog, start: Start
):
    server.talks = [telling(b'{"id":1}')]
    start(Ticketed(server), log, PATIENT)
    await until(lambda: len(log.of(Kind.FRAME)) == 2)
    assert [entry.source for entry in log.entries] == ["order-state-stream", "order-state-stream", "orders"]


async def test_what_wants_an_answer_gets_it_at_once(server: VenueServer, log: MemoryLog, start: Start):
    heard: list[bytes] = []
    server.talks = [telling(PING, b'{"id":1}', PING, heard=heard)]
    start(Ticketed(server), log, PATIENT)
    await until(lambda: len(heard) == 2)
    assert heard == [b'{"pong":1}'] * 2


async def test_the_client_says_that_it_is_there_as_often_as_the_venue_wants(
    server: VenueServer, log: MemoryLog, start: Start
):
    heard: list[bytes] = []
    server.talks = [telling(heard=heard)]
    venue = Ticketed(server)
    venue.keepalive = (0.2, b'{"method":"ping"}')
    start(venue, log, PATIENT)
    await until(lambda: len(heard) == 2)
    assert set(heard) == {b'{"method":"ping"}'}
    assert len(log.of(Kind.CONNECTED)) == 1


async def test_an_auxiliary_stream_writes_its_frames_and_nothing_of_itself(
    server: VenueServer, log: MemoryLog, start: Start
):
    server.talks = [telling(b'{"id":1}', b'{"id":3}')]
    venue = Ticketed(server)
    venue.marks = False
    told: list[Heard] = []
    feed, running = start(venue, log, PATIENT, hear=told.append)
    await until(lambda: len(told) == 3)
    feed.stop()
    await running
    assert {entry.kind for entry in log.entries} == {Kind.FRAME}
    assert [heard.read_up for heard in told] == [False, True, True]


def test_a_venue_without_auxiliary_streams_is_one_stream(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DROPCOPY_TINVEST_TOKEN", "t.secret")
    monkeypatch.setenv("DROPCOPY_TINVEST_ACCOUNTS", "A1")
    assert [stream.source for stream in open_venues("tinvest")] == ["order-state-stream"]
