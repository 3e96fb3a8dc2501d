"""Prints the part of `requirements.lock` that some packages need, hashes included.

    python tools/locked.py            # what the project needs to run
    python tools/locked.py hatchling  # what hatchling needs

The lock says of each package who asked for it (`# via`), so the part follows from the lock alone.
"""

import re
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
# As the lock names the project's own dependencies; those of a group have the group's name after the file's.
PROJECT = "dropcopy (pyproject.toml)"


def packages(lock: str) -> dict[str, tuple[str, set[str]]]:
    """Return package -> its lines in the lock, and who asked for it."""
    entries = re.split(r"^(?=[a-z0-9])", lock, flags=re.MULTILINE)
    found: dict[str, tuple[str, set[str]]] = {}
    for entry in filter(None, entries):
        pinned, _, via = entry.partition("    # via")
        name = pinned.partition("==")[0]
        found[name] = (pinned, {line.strip(" #\n") for line in via.splitlines()} - {""})
    return found


def needed(lock: str, roots: Iterable[str]) -> str:
    """Return the lines of these packages and of all that they need; of no package, what the project needs.

    Raises:
        SystemExit: the lock has no such package.
    """
    locked = packages(lock)
    wanted = set(roots)
    if unknown := wanted - locked.keys():
        raise SystemExit(f"{LOCK.name} has no {', '.join(sorted(unknown))}")
    askers = wanted or {PROJECT}
    while more := {name for name, (_, via) in locked.items() if via & askers and name not in wanted}:
        wanted |= more
        askers = more
    return "".join(locked[name][0] for name in sorted(wanted))


if __name__ == "__main__":
    sys.stdout.write(needed(LOCK.read_text("utf-8"), sys.argv[1:]))
