"""The process that feeds run in: one venue or several, until a signal or a refusal ends it."""

import asyncio
import signal
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from importlib import import_module

from dropcopy.errors import UsageError, VenueError
from dropcopy.logs import get_logger
from dropcopy.probes import Probes, serve
from dropcopy.settings import Settings
from producers.feeds.connection import SECOND_NS, Limits
from producers.feeds.feed import Feed, Hear
from producers.feeds.recorder import Recorder, Undelivered
from producers.feeds.venue import Venue
from producers.reconcile import Reconciler
from producers.rest import RestClient
from producers.settings import FeedSettings, venue_names

__all__ = ["open_venue", "open_venues", "run_feeds"]

# How long an auxiliary stream that was refused for good is left alone.
_REFUSED_PAUSE_S = 60.0

log = get_logger(__name__)


def open_venue(name: str) -> Venue:
    """Return a venue with the settings that the environment has for it.

    Raises:
        UsageError: there is no such venue.
        SettingsError: its settings are missing or wrong.
    """
    return open_venues(name)[0]


def open_venues(name: str) -> list[Venue]:
    """Return a venue, and after it those of its auxiliary streams that are to be read.

    Raises as `open_venue`.
    """
    if name not in venue_names():
        raise UsageError(f"there is no venue {name!r}", hint=f"Known: {', '.join(venue_names())}.")
    module = import_module(f"producers.venues.{name}")
    settings = module.VenueSettings.load()
    auxiliary: list[Venue] = [made(settings) for made in getattr(module, "AUXILIARY", ())]
    return [module.VenueFeed(settings), *(stream for stream in auxiliary if stream.stream_url)]


async def run_feeds(settings: Settings, names: Sequence[str]) -> None:
    """Run the feeds of the named venues until SIGTERM or SIGINT, or until one is refused for good.

    Either way every feed is closed in order, and what it heard is delivered.

    Raises:
        DropcopyError: what ended a feed, or how many records could not be delivered.
    """
    feed_settings = FeedSettings.load()
    venues = [open_venues(name) for name in dict.fromkeys(names)]
    probes = Probes("feed")
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    pulse = asyncio.create_task(probes.pulse())
    try:
        with serve(settings, probes):
            results = await asyncio.gather(
                *(_run_feed(settings, feed_settings, streams, stop, probes) for streams in venues),
                return_exceptions=True,
            )
    finally:
        pulse.cancel()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
    errors = [result for result in results if isinstance(result, BaseException)]
    for error in errors[1:]:
        log.error("feed_failed", error=str(error))
    if errors:
        raise errors[0]


async def _run_feed(
    settings: Settings, feed_settings: FeedSettings, streams: Sequence[Venue], stop: asyncio.Event, probes: Probes
) -> None:
    venue = streams[0]
    probes.check(venue.name, lambda: "it is starting")
    try:
        recorder = await asyncio.to_thread(Recorder, settings, feed_settings, venue.name)
        try:
            probes.check(f"kafka for {venue.name}", recorder.problem)
            await _feed(feed_settings, streams, recorder, stop, probes)
        finally:
            left = await recorder.close(feed_settings.stop_s)
            log.info("feed_ended", venue=venue.name, undelivered=left)
        if left:
            raise Undelivered(venue.name, left)
    finally:
        stop.set()  # one that ends takes the others along, each in order


async def _feed(
    feed_settings: FeedSettings, streams: Sequence[Venue], recorder: Recorder, stop: asyncio.Event, probes: Probes
) -> None:
    venue, *auxiliary = streams
    async with AsyncExitStack() as stack:
        reconciler = None
        if venue.reconciles:
            client = RestClient(venue.rest_url, headers=venue.rest_headers, ca_file=venue.ca_file)
            await stack.enter_async_context(client)
            interval_s = feed_settings.reconcile_interval_s
            reconciler = Reconciler(venue, client, recorder, interval_s=interval_s)
        hear = reconciler.hear if reconciler else None
        beside = [asyncio.ensure_future(_beside(feed_settings, stream, recorder, hear, stop)) for stream in auxiliary]
        follow_up = reconciler.run if reconciler else None
        feed = Feed(
            venue,
            recorder,
            name=feed_settings.name,
            limits=_limits(feed_settings, venue),
            follow_up=follow_up,
            hear=hear,
        )
        probes.check(venue.name, feed.problem)
        try:
            await _until(feed, stop)
        finally:
            stop.set()
            await asyncio.gather(*beside)


async def _beside(
    feed_settings: FeedSettings, stream: Venue, recorder: Recorder, hear: Hear | None, stop: asyncio.Event
) -> None:
    """Run an auxiliary stream, without which its venue goes on."""
    while not stop.is_set():
        limits = _limits(feed_settings, stream)
        try:
            await _until(Feed(stream, recorder, name=feed_settings.name, limits=limits, hear=hear), stop)
        except VenueError as error:
            log.warning("stream_refused", venue=stream.name, stream=stream.source, reason=error.message)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _REFUSED_PAUSE_S)


async def _until(feed: Feed, stop: asyncio.Event) -> None:
    running = asyncio.ensure_future(feed.run())
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not running.done():
        feed.stop()
    await running


def _limits(feed_settings: FeedSettings, venue: Venue) -> Limits:
    return Limits(
        silence_ns=int(venue.silence_s * SECOND_NS),
        handshake_ns=int(feed_settings.handshake_s * SECOND_NS),
        stall_ns=int(feed_settings.stall_s * SECOND_NS),
        stop_ns=int(feed_settings.stop_s * SECOND_NS),
    )
