"""Compiles what every frame goes through to C, with mypyc: the same source, one and a half times as fast.

    python tools/compiled.py                 # a compiled copy of this checkout's packages, in .compiled/
    python tools/compiled.py --if-possible   # the same, and no failure where there is no C compiler

The copy is made anew when a source has changed, and is never what a command runs by itself: who wants it puts
`.compiled` first on PYTHONPATH. It takes a C compiler and Python's headers; without them all works as well,
interpreted.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COPY = ROOT / ".compiled"
PACKAGES = ("consumers", "dropcopy", "processors", "producers", "sandbox", "schemas")
# What defines msgspec's structs, exceptions, or nothing but names can't be compiled, or would gain nothing.
HOT = (
    "processors/core/*.py",
    "processors/core/model/*.py",
    "processors/encoding/*.py",
    "processors/mappings/tinvest/stream.py",
    "processors/batches.py",
    "processors/headers.py",
    "processors/shard.py",
)
LEFT_OUT = ("__init__.py", "core/errors.py", "encoding/state.py")


def main() -> int:
    """Compile, if there is something to compile and something to do it with; return the exit status."""
    if (missing := missing_tool()) is not None:
        print(f"not compiled, for there {missing}; all works as well, interpreted", file=sys.stderr)
        shutil.rmtree(COPY, ignore_errors=True)
        return 0 if "--if-possible" in sys.argv else 1
    # Two runs at once take turns; the second finds all done.
    with Path(__file__).open() as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        stamp = COPY / "stamp"
        wanted = fingerprint()
        if not stamp.exists() or stamp.read_text("utf-8") != wanted:
            shutil.rmtree(COPY, ignore_errors=True)
            for package in PACKAGES:
                shutil.copytree(ROOT / package, COPY / package, ignore=shutil.ignore_patterns("__pycache__"))
            compile_in(COPY)
            stamp.write_text(wanted, "utf-8")
    return 0


def missing_tool() -> str | None:
    """Return what is missing, as the end of a sentence that begins with "there"."""
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    if shutil.which(compiler) is None:
        return f"is no C compiler ({compiler})"
    header = Path(sysconfig.get_path("include")) / "Python.h"
    return None if header.exists() else f"are no headers of Python ({header}; Debian: python3-dev)"


def fingerprint() -> str:
    """Return a hash of all that the copy depends on."""
    digest = hashlib.sha256(f"{sys.version} {version('mypy')}".encode())
    for package in PACKAGES:
        for source in sorted((ROOT / package).rglob("*")):
            if source.is_file() and "__pycache__" not in source.parts:
                digest.update(f"{source.relative_to(ROOT)} {source.stat().st_size}\n".encode() + source.read_bytes())
    return digest.hexdigest() + "\n"


def hot(directory: Path) -> Iterator[str]:
    """Yield the modules to compile, relative to `directory`."""
    for pattern in HOT:
        for source in sorted(directory.glob(pattern)):
            name = source.relative_to(directory).as_posix()
            if not name.endswith(LEFT_OUT):
                yield name


def compile_in(directory: Path) -> None:
    """Compile the modules of the packages in `directory`, and put what comes of it beside them.

    Raises:
        SystemExit: it did not work, with mypyc's last words.
    """
    modules = list(hot(directory))
    print(f"compiling {len(modules)} modules to C", file=sys.stderr, flush=True)
    started_s = time.monotonic()
    mypyc = [sys.executable, "-m", "mypyc", "--ignore-missing-imports", *modules]
    # It looks for what the modules import here, and beside this Python.
    # -O2 instead of mypyc's -O3: the code is shorter, and what a frame goes through doesn't fit the first cache anyway.
    environment = os.environ | {"MYPYC_DEBUG_LEVEL": "0", "MYPYC_OPT_LEVEL": "2"}
    done = subprocess.run(mypyc, cwd=directory, env=environment, capture_output=True, text=True, check=False)
    for left in ("build", ".mypy_cache"):
        shutil.rmtree(directory / left, ignore_errors=True)
    if done.returncode != 0:
        last_words = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise SystemExit(f"mypyc failed; it said:\n{last_words}")
    print(f"compiled in {time.monotonic() - started_s:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
