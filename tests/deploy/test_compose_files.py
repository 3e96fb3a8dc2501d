"""The compose files have what every venue needs: they can't find venues by themselves."""

from pathlib import Path

import pytest
import yaml

from producers.settings import venue_names

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "deploy/compose"


def read(path):
    return yaml.safe_load(path.read_text("utf-8"))


@pytest.mark.parametrize("venue", venue_names())
def test_every_venue_has_a_feed_and_a_simulator_with_the_same_made_up_secrets(venue):
    compose = read(ROOT / "docker-compose.yml")
    feed, simulator = (compose["services"][f"{role}-{venue}"] for role in ("feed", "simulator"))

    assert feed["command"] == ["produce", venue]
    assert simulator["command"][:3] == ["sandbox", "simulate", venue]
    assert feed["secrets"] == simulator["secrets"] != []
    assert all((ROOT / compose["secrets"][name]["file"]).is_file() for name in feed["secrets"])


@pytest.mark.parametrize("venue", venue_names())
def test_every_venue_has_an_example_that_leads_to_the_real_one(venue):
    compose, example = read(ROOT / "docker-compose.yml"), read(EXAMPLES / f"{venue}.yml")
    feed = compose["services"][f"feed-{venue}"]
    simulated = {name for name, value in feed["environment"].items() if "simulator" in str(value)}

    assert simulated
    assert simulated <= example["services"][f"feed-{venue}"]["environment"].keys()
    assert set(feed["secrets"]) <= example["secrets"].keys()


def test_a_kafka_of_ones_own_is_told_to_every_role_but_the_simulated_venues():
    roles = read(ROOT / "docker-compose.yml")["services"].keys() - {"broker", "registry"}
    own = {name for name in roles if not name.startswith(("simulator-", "trader-"))}

    assert read(EXAMPLES / "existing-kafka.yml")["services"].keys() == own
