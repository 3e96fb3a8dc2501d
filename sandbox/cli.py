"""The commands `dropcopy demo` and `dropcopy sandbox …`, found by file name in `sandbox/commands`."""

from importlib import import_module
from pkgutil import iter_modules

import typer

import sandbox.commands

__all__ = ["app"]

# These stand beside `produce` and `process`; all others under `dropcopy sandbox`.
TOP_LEVEL = {"demo"}

app = typer.Typer()
_sandbox = typer.Typer(
    name="sandbox", help="Run the real parts on this machine: broker, registry, simulators.", no_args_is_help=True
)

for _module in iter_modules(sandbox.commands.__path__):
    _command = getattr(import_module(f"sandbox.commands.{_module.name}"), _module.name)
    (app if _module.name in TOP_LEVEL else _sandbox).command(_module.name)(_command)
app.add_typer(_sandbox)
