"""The settings of feeds, and all of the package: those of order entry and of every venue, found by its folder."""

from importlib import import_module
from pkgutil import iter_modules
from typing import ClassVar

from pydantic import Field

import producers.venues
from dropcopy.settings import SettingsGroup
from producers.gateways.settings import GatewaySettings

__all__ = ["FeedSettings", "groups", "venue_names"]


class FeedSettings(SettingsGroup):
    """`DROPCOPY_FEED_…`: how much a feed may hold in memory, and how long it waits for what.

    `name` tells two feeds of the same accounts apart: run a second one under another name, and each is
    followed across its own reconnects and restarts. `queue_records` and `queue_bytes` bound what waits
    for Kafka, for each venue: at either the feed reads no further. After `stall_s` of that it closes its
    connection to the venue. `handshake_s` is how long the venue may take to confirm a subscription, and
    `reconcile_interval_s` how often a connected feed reads the venue's state
    over REST, beyond the once after each connect. `stop_s` is how long closing, and then delivering, may
    take at the end.
    """

    group: ClassVar[str] = "feed"

    name: str = "main"
    queue_records: int = Field(default=100_000, ge=1)
    queue_bytes: int = Field(default=64 * 1024 * 1024, ge=1)
    stall_s: float = Field(default=10, gt=0, le=3600)
    handshake_s: float = Field(default=10, gt=0, le=300)
    stop_s: float = Field(default=5, gt=0, le=300)
    reconcile_interval_s: float = Field(default=60, gt=0)


def venue_names() -> list[str]:
    """Return the name of every venue that there is a folder for in `producers/venues`."""
    return sorted(module.name for module in iter_modules(producers.venues.__path__))


def groups() -> list[type[SettingsGroup]]:
    """Return every group of settings of the package."""
    of_venues = [import_module(f"producers.venues.{venue}").VenueSettings for venue in venue_names()]
    return [FeedSettings, GatewaySettings, *of_venues]
