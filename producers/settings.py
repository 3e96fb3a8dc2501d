"""The settings of every venue, found by file name in `producers/venues`."""

from importlib import import_module
from pkgutil import iter_modules

import producers.venues
from dropcopy.settings import SettingsGroup

__all__ = ["groups", "venue_names"]


def venue_names() -> list[str]:
    """Return the name of every venue that there is a file for."""
    return sorted(module.name for module in iter_modules(producers.venues.__path__))


def groups() -> list[type[SettingsGroup]]:
    """Return the settings of every venue."""
    return [import_module(f"producers.venues.{venue}").VenueSettings for venue in venue_names()]
