"""What holds for every module of the project."""

import ast
import re
import subprocess
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from pkgutil import walk_packages

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ["consumers", "dropcopy", "processors", "producers", "sandbox", "schemas"]
MODULES = sorted(
    module.name
    for package in PACKAGES
    for module in walk_packages([str(ROOT / package)], f"{package}.")
    if not module.ispkg and not module.name.rpartition(".")[2].startswith("_")
)

# Each in two parts, so that this file names none of them.
ADDRESSES = [
    r"https?://[^ \"]*(/sim" + r"ple|/mav" + r"en2|\.w" + r"hl|\.j" + r"ar|\.t" + r"gz|\.cr" + r"ate|\.d" + r"eb)",
    r"files\.python" + r"hosted|pypi\." + r"org|repo1\.ma" + r"ven|registry\.np" + r"mjs|crates\." + r"io",
    r"/wo" + r"rk/(main|shared|steering)|/ro" + r"ot/|/ho" + r"me/[a-z]",
]

PURE = ["processors/core", "processors/mappings"]


def tracked_files():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("this is no git checkout, so what is committed can't be told")
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def test_the_packages_are_where_this_test_looks_for_them():
    assert len(MODULES) > 20
    assert Path(find_spec("schemas").origin).is_relative_to(ROOT)


@pytest.mark.parametrize("name", MODULES)
def test_what_a_module_names_as_public_exists_and_is_named_once(name):
    module = import_module(name)

    assert hasattr(module, "__all__"), f"{name} names nothing as public"
    assert [public for public in module.__all__ if not hasattr(module, public)] == []
    assert len(set(module.__all__)) == len(module.__all__)


@pytest.mark.parametrize("pattern", ADDRESSES)
def test_no_committed_file_names_a_package_registrys_address_or_a_machines_path(pattern):
    found = []
    for path in tracked_files():
        try:
            lines = path.read_text("utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        found += [
            f"{path.relative_to(ROOT)}:{number}" for number, line in enumerate(lines, 1) if re.search(pattern, line)
        ]

    assert found == []


@pytest.mark.parametrize("folder", PURE)
def test_nothing_that_decides_computes_with_floats(folder):
    floats = []
    for path in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            is_float = isinstance(node, ast.Constant) and isinstance(node.value, float)
            makes_float = isinstance(node, ast.Name) and node.id == "float"
            if is_float or makes_float:
                floats.append(f"{path.relative_to(ROOT)}:{node.lineno}")

    assert floats == []
