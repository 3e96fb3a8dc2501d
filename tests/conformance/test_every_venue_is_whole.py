"""A venue is both halves of the bridge, and a simulator to try them on."""

import inspect
import json
from collections.abc import Mapping
from typing import Any

import pytest

from dropcopy.settings import SettingsGroup
from dropcopy.topics import installed_venues
from processors.core.lifecycle import FINAL, PRECEDENCE
from producers.feeds.run import open_venues
from producers.feeds.venue import Venue
from producers.settings import groups, venue_names
from sandbox.simulators.running import simulator_names
from sandbox.trader import trader_names
from schemas.fix import OrdStatus
from schemas.topics import frames_topic, topics
from tests.conformance.found import FIXTURES, HELD, VENUES, metadata, part

VENUE_MEMBERS = set(Venue.__annotations__) | {
    name for name, member in vars(Venue).items() if inspect.isfunction(member) and not name.startswith("_")
}


def test_there_are_venues():
    assert len(VENUES) >= 3


@pytest.mark.parametrize("place", HELD)
def test_every_venue_has_its_part_in_every_place(place: str):
    assert HELD[place] == set(VENUES)


def test_what_is_found_by_the_commands_is_what_there_is():
    assert venue_names() == simulator_names() == trader_names() == VENUES
    assert {group.group for group in groups()} >= set(VENUES)


def test_every_venue_has_a_topic_for_its_frames():
    assert installed_venues() == VENUES
    assert {frames_topic(venue) for venue in VENUES} <= set(topics(installed_venues()))


@pytest.mark.parametrize("venue", VENUES)
def test_the_modules_offer_what_they_are_asked_for_by_name(venue: str):
    wanted = {
        "producers.venues": ("VenueFeed", "VenueSettings"),
        "producers.gateways": ("Gateway", "Queries"),
        "processors.mappings": ("reports",),
        "sandbox.simulators": ("Simulator",),
        "sandbox.traders": ("random_order", "STATES"),
    }
    for package, names in wanted.items():
        module = part(package, venue)
        assert [name for name in names if not hasattr(module, name)] == []
    settings = part("producers.venues", venue).VenueSettings
    assert issubclass(settings, SettingsGroup)
    assert settings.group == venue
    assert any(settings.is_secret(field) for field in settings.model_fields)


@pytest.mark.parametrize("venue", VENUES)
def test_a_feed_has_every_member_that_the_life_cycle_asks_for(venue: str, monkeypatch: pytest.MonkeyPatch):
    simulator = part("sandbox.simulators", venue).Simulator()
    for name, value in simulator.environment.items():
        monkeypatch.setenv(name, value)
    streams = open_venues(venue)
    for stream in streams:
        assert [member for member in VENUE_MEMBERS if not hasattr(stream, member)] == []
        assert stream.name == venue
    assert streams[0].marks
    assert not any(stream.marks for stream in streams[1:])
    assert len({stream.source for stream in streams}) == len(streams)


@pytest.mark.parametrize("venue", VENUES)
def test_a_gateway_asks_and_sends(venue: str):
    module = part("producers.gateways", venue)
    for name in ("post_order", "cancel_order"):
        assert inspect.iscoroutinefunction(getattr(module.Gateway, name))
    for name in ("get_orders", "get_order_state"):
        assert inspect.iscoroutinefunction(getattr(module.Queries, name))
    assert "orders" in module.Queries.columns


@pytest.mark.parametrize("venue", VENUES)
def test_every_status_that_is_read_is_in_the_life_cycles_table(venue: str):
    known = {status for _, status in PRECEDENCE}
    tables = [table for module in modules_of(venue) for table in vars(module).values() if is_of_statuses(table)]
    assert tables, "no table of statuses"
    read = {status for table in tables for status in table.values()}
    assert read <= known
    assert read & FINAL
    assert read - FINAL


def modules_of(venue: str) -> list[Any]:
    package = part("processors.mappings", venue)
    return [package, *(member for member in vars(package).values() if inspect.ismodule(member))]


def is_of_statuses(value: object) -> bool:
    return isinstance(value, Mapping) and bool(value) and all(isinstance(each, OrdStatus) for each in value.values())


@pytest.mark.parametrize("venue", VENUES)
def test_every_kept_file_is_described_and_every_description_has_its_files(venue: str):
    about = metadata(venue)
    assert about["venue"] == venue
    files = {path.name for path in (FIXTURES / venue).iterdir()} - {"metadata.json"}
    assert files == {f"{name}{end}" for name in about["files"] for end in (".jsonl", ".expected.jsonl")}
    assert all(file["source"] and file["provenance"] for file in about["files"].values())
    assert json.dumps(about).count("Not recorded from the venue") == len(about["files"])
