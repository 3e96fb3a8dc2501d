"""A turn: what was polled is taken on the poller's thread, once the event loop grants it."""

import asyncio
import threading
from collections.abc import Mapping

import pytest
from faust.types import TP

from processors.batches import Batch
from processors.poller import Take, Turn

HERE = TP("venue.frames.tinvest", 0)
BATCHES = {HERE: Batch([], at_end=True, offset=7, metadata=None)}


def polled(take: Take) -> None:
    take(BATCHES)


async def test_it_is_taken_on_the_pollers_thread_by_what_the_grant_names_and_the_grant_waits_for_its_end() -> None:
    turn = Turn(HERE, 1)
    seen: list[tuple[str, Mapping[TP, Batch]]] = []

    def poller() -> None:
        turn.granted.wait()
        turn.taken(polled)

    thread = threading.Thread(target=poller, name="poller")
    thread.start()
    await turn.grant(lambda batches: seen.append((threading.current_thread().name, batches)))
    thread.join()

    assert seen == [("poller", BATCHES)]


async def test_a_turn_that_is_dropped_is_taken_by_nobody() -> None:
    turn = Turn(HERE, 1)
    turn.drop()
    taken: list[Take] = []

    turn.taken(taken.append)

    assert turn.granted.is_set()
    assert taken == []


async def test_who_gave_up_waiting_is_not_missed() -> None:
    turn = Turn(HERE, 1)
    seen: list[Mapping[TP, Batch]] = []
    granting = asyncio.ensure_future(turn.grant(seen.append))
    await asyncio.sleep(0)
    granting.cancel()
    await asyncio.wait([granting])

    turn.taken(polled)
    await asyncio.sleep(0)

    assert seen == [BATCHES]


async def test_a_turn_that_fails_does_not_end_for_it_ends_the_worker() -> None:
    turn = Turn(HERE, 1)
    granting = asyncio.ensure_future(turn.grant(lambda batches: None))
    await asyncio.sleep(0)

    def fail(take: Take) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        turn.taken(fail)
    await asyncio.sleep(0)

    assert not granting.done()
    granting.cancel()
