"""The Helm chart as its tests see it: rendered by helm where that is on the PATH, and as it was rendered last.

    python -m tests.deploy.chart    # renders it anew, with tests/deploy/values.yaml

The file begins with a digest of all that it was made of, so that it is known to be old without helm too.
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy/helm/dropcopy"
VALUES = ROOT / "tests/deploy/values.yaml"
RENDERED = ROOT / "tests/deploy/rendered.yaml"
# Made of the schemas, for the venues that there are.
TOPICS = CHART / "files/topics.yaml"
HELM = shutil.which("helm")


def digest() -> str:
    """Return the digest of the chart and the values, by the files' names and contents; a venue more is no change."""
    found = hashlib.sha256()
    files = [path for path in CHART.rglob("*") if path.is_file() and path != TOPICS]
    for path in [*sorted(files), VALUES]:
        found.update(f"{path.relative_to(ROOT)}\0".encode())
        found.update(path.read_bytes())
    return found.hexdigest()


def render(*arguments: str) -> str:
    """Return what helm makes of the chart.

    Raises:
        AssertionError: it makes nothing of it, and why.
    """
    assert HELM is not None
    command = [HELM, "template", "dropcopy", str(CHART), "--namespace", "trading", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def golden() -> str:
    """Return the file as it has to be."""
    return f"# {digest()}\n{render('--values', str(VALUES))}"


if __name__ == "__main__":
    if HELM is None:
        sys.exit("helm is not on the PATH")
    RENDERED.write_text(golden(), "utf-8")
