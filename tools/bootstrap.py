"""Makes `.venv`: exactly what `requirements.lock` names, by its hashes, and this checkout installed editable.

Does nothing when that is so already. A stamp, written last, says for which lock, project file, place and
Python it is; an install that was cut short has none, and is done again from the start.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections import deque
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "installed"
LOCK = ROOT / "requirements.lock"
PIP = (str(VENV / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--no-input")

TELL_EVERY_S = 5


def main() -> int:
    """Make the environment what it has to be; return the exit status."""
    # Two runs at once take turns; the second finds all done.
    with Path(__file__).open() as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        wanted = stamp()
        found = STAMP.read_text("utf-8") if STAMP.exists() else None
        # The Python under it may have been removed since.
        if found == wanted and os.access(VENV / "bin" / "python", os.X_OK):
            return 0
        started_s = time.monotonic()
        # What was whole for another lock is brought up to date; anything else is made anew.
        if found is None or found == wanted or found.splitlines()[1:] != wanted.splitlines()[1:]:
            make_environment()
        STAMP.unlink(missing_ok=True)
        install_locked()
        run("installing the project", "install", "--no-deps", "--no-build-isolation", "--editable", str(ROOT))
        STAMP.write_text(wanted, "utf-8")
        tell(f"set up in {time.monotonic() - started_s:.0f} s")
    return 0


def stamp() -> str:
    """Return what the environment depends on: a hash of the files, the place, and the Python."""
    content = hashlib.sha256(LOCK.read_bytes() + (ROOT / "pyproject.toml").read_bytes()).hexdigest()
    return f"{content}\n{VENV}\n{sys.base_prefix} {sys.version}\n"


def make_environment() -> None:
    """Make an empty environment in place of what is there."""
    tell(f"making .venv with Python {sys.version.split()[0]}")
    shutil.rmtree(VENV, ignore_errors=True)
    # Of the Python below: this may be running in the environment that was just removed.
    python = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    base = python if python.exists() else Path(sys.executable)
    made = subprocess.run([base, "-m", "venv", VENV], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise SystemExit(f"{base} can't make .venv:\n{(made.stdout + made.stderr).strip()}")


def install_locked() -> None:
    """Install every package of the lock; pip refuses what has another hash."""
    total = len(re.findall(r"^\S+==", LOCK.read_text("utf-8"), re.MULTILINE))
    # The lock is complete: there is nothing to resolve.
    run("installing packages", "install", "--require-hashes", "--no-deps", "--requirement", str(LOCK), total=total)


def run(doing: str, *arguments: str, total: int = 0) -> None:
    """Run pip, telling how far it is, and end with its last words if it fails."""
    terminal = sys.stderr.isatty()
    last_words: deque[str] = deque(maxlen=15)
    collected = 0
    told_s = time.monotonic()
    tell(doing)
    with subprocess.Popen([*PIP, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:
        for line in pip.stdout or ():
            last_words.append(line)
            collecting, unpacking = line.startswith("Collecting "), line.startswith("Installing ")
            collected += collecting
            due = terminal or time.monotonic() - told_s > TELL_EVERY_S
            if total and (unpacking or (collecting and due)):
                told_s = time.monotonic()
                what = f"unpacking {collected}" if unpacking else f"{collected} of at most {total}"
                sys.stderr.write(f"\r\033[K{doing}: {what}" if terminal else f"{doing}: {what}\n")
                sys.stderr.flush()
        if terminal and total:
            sys.stderr.write("\r\033[K")
    if pip.returncode != 0:
        raise SystemExit(f"{doing} failed; pip said:\n{''.join(last_words).strip()}")


def tell(line: str) -> None:
    """Tell a person what is being done."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
