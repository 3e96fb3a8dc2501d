"""What was compiled is what runs, where it is asked for."""

import importlib
import sys
from pathlib import Path

import pytest

from tools.compiled import COPY, hot

ASKED = str(COPY) in {str(Path(path).resolve()) for path in sys.path}


@pytest.mark.skipif(
    not ASKED, reason="the interpreted sources are tested; `make test` tests the compiled ones after them"
)
@pytest.mark.parametrize("name", list(hot(COPY)))
def test_every_module_that_was_compiled_is_the_one_that_runs(name: str) -> None:
    module = importlib.import_module(name.removesuffix(".py").replace("/", "."))

    assert Path(str(module.__file__)).parent == (COPY / name).parent
    assert not str(module.__file__).endswith(".py")


def test_there_is_something_to_compile() -> None:
    names = list(hot(COPY.parent))

    assert "processors/shard.py" in names
    assert "processors/core/model/execution.py" in names
    assert not [name for name in names if name.endswith("__init__.py")]
