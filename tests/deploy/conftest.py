"""What tests of the deployment share."""

from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType

import pytest

from tests.deploy.chart import ROOT


@pytest.fixture
def load_tool() -> Callable[[str], ModuleType]:
    """Load a script of tools/, which is no package."""

    def load(name: str) -> ModuleType:
        spec = spec_from_file_location(name, ROOT / f"tools/{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load
