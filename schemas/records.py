"""The Avro schemas of the records, as files beside this module.

`<record>.avsc` is the newest version of each; `versions/<record>.<n>.avsc` keeps every version that
was ever published, the newest included, so that a test can hold them against each other.
"""

import json
from functools import cache
from importlib.resources import files
from typing import Any

__all__ = ["RECORDS", "schema", "versions"]

RECORDS = ("submitted", "execution", "unmatched", "feed_status")


@cache
def schema(record: str) -> dict[str, Any]:
    """Return the newest schema of a record as its file has it."""
    loaded: dict[str, Any] = json.loads(files("schemas").joinpath(f"{record}.avsc").read_text("utf-8"))
    return loaded


def versions(record: str) -> list[dict[str, Any]]:
    """Return every published version of a record's schema, oldest first."""
    folder = files("schemas").joinpath("versions")
    numbered = sorted(
        (int(entry.name.split(".")[1]), entry) for entry in folder.iterdir() if entry.name.split(".")[0] == record
    )
    return [json.loads(entry.read_text("utf-8")) for _, entry in numbered]
