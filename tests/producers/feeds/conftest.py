"""What the feed's tests share: a venue to connect to, a log, and feeds that end with their test."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from producers.feeds.connection import Limits
from producers.feeds.feed import Feed
from producers.venues.tinvest import VenueFeed
from tests.producers.feeds.venue_stream import QUICK, MemoryLog, VenueServer, venue_server


@pytest.fixture
async def server() -> AsyncIterator[VenueServer]:
    async with venue_server() as serving:
        yield serving


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog()


@pytest.fixture
async def start() -> AsyncIterator[Callable[..., tuple[Feed, asyncio.Task[None]]]]:
    """Start feeds that are stopped when the test ends."""
    async with AsyncExitStack() as stack:

        def start(
            venue: VenueFeed, log: Any, limits: Limits = QUICK, **options: Any
        ) -> tuple[Feed, asyncio.Task[None]]:
            feed = Feed(venue, log, limits=limits, chance=lambda: 0.0, **options)
            running = asyncio.create_task(feed.run())

            async def end() -> None:
                feed.stop()
                async with asyncio.timeout(10):
                    await asyncio.wait({running})

            stack.push_async_callback(end)
            return feed, running

        yield start
