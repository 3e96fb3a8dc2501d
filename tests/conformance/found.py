"""What there is of every venue, by its folders: no list of venues is kept anywhere."""

import json
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "tests" / "fixtures"

# Each holds one folder or file a venue.
PLACES = (
    "producers/venues",
    "producers/gateways",
    "processors/mappings",
    "sandbox/simulators",
    "sandbox/traders",
    "tests/fixtures",
)


def _held(place: str) -> set[str]:
    found = {path.name for path in (ROOT / place).iterdir() if path.is_dir() and any(path.iterdir())}
    # Files stand for venues where there are no folders.
    found |= {path.stem for path in (ROOT / "sandbox/traders").glob("*.py")} if place == "sandbox/traders" else set()
    return {name for name in found if not name.startswith("_")}


HELD = {place: _held(place) for place in PLACES}
VENUES = sorted(set().union(*HELD.values()))


def part(package: str, venue: str) -> Any:
    """Return a venue's module of a package, such as `producers.venues`."""
    return import_module(f"{package}.{venue}") if find_spec(package) else None


class Kept(NamedTuple):
    """One kept record of a venue's frames, and what it is read as."""

    venue: str
    account: str
    source: str
    value: bytes
    expected: list[dict[str, Any]]
    name: str


def metadata(venue: str) -> dict[str, Any]:
    """Return what is said about a venue's kept frames."""
    told: dict[str, Any] = json.loads((FIXTURES / venue / "metadata.json").read_text("utf-8"))
    return told


def kept(venue: str) -> Iterator[Kept]:
    """Return every kept record of a venue."""
    about = metadata(venue)
    for name, file in about["files"].items():
        values = (FIXTURES / venue / f"{name}.jsonl").read_bytes().splitlines()
        lines = (FIXTURES / venue / f"{name}.expected.jsonl").read_text("utf-8").splitlines()
        for number, (value, line) in enumerate(zip(values, lines, strict=True), 1):
            yield Kept(venue, about["account"], file["source"], value, json.loads(line), f"{venue}:{name}:{number}")


def settings(venue: str, environment: dict[str, str]) -> Any:
    """Return a venue's settings."""
    return part("producers.venues", venue).VenueSettings.load(environment)
