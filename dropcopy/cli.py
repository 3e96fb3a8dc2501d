"""The command `dropcopy`: every package's commands under one name.

Exit status: 0 done, 1 failed, 2 the call or a setting is wrong, 3 Kafka or the registry, 4 the venue
refused, 130 interrupted. Records go to standard output, all else to standard error.
"""

import errno
import os
import signal
import sys
from importlib.metadata import entry_points, version
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from dropcopy.errors import DropcopyError
from dropcopy.settings import check_names, read_environment
from dropcopy.text import give_up_output, printable
from dropcopy.topic_commands import app as topics

__all__ = ["main"]

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"dropcopy {version('dropcopy')}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """An independent, exactly-once copy on Kafka of what became of every order you sent to a venue."""
    check_names(read_environment())


def build() -> typer.Typer:
    """Return the command with all its sub-commands, as the installed packages bring them."""
    app = typer.Typer(callback=_root, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.add_typer(topics)
    for point in sorted(entry_points(group="dropcopy.commands"), key=lambda point: point.name):
        # A Typer without a name lends its commands to the one above.
        app.add_typer(point.load())
    return app


def main() -> NoReturn:
    """Run the command that the command line names, and end the process with its status."""
    # The kernel ends a container's first process by SIGTERM only if it says how; roles say so once they run.
    if os.getpid() == 1:
        signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        build()(standalone_mode=True)
    except DropcopyError as error:
        fail(error)
    except KeyboardInterrupt:
        sys.exit(130)
    except SystemExit as stop:
        # Whoever read standard output has seen enough, as `head` does: nothing failed here.
        if isinstance(stop.__context__, BrokenPipeError):
            give_up_output()
            sys.exit(0)
        raise
    except OSError as error:
        if error.errno not in _FULL:
            raise
        # Of a write, which file it was is not told.
        what = error.filename or "standard output or a file"
        give_up_output()
        fail(DropcopyError(f"{what} can't be written: {error.strerror}", hint="Make room, or write elsewhere."))
    sys.exit(0)


def fail(error: DropcopyError) -> NoReturn:
    """Tell of an error on standard error, as a line of the log where that is for machines; end with its exit status."""
    # Imported here because most commands log nothing.
    from dropcopy.logs import log_failure

    if log_failure(error):
        sys.exit(error.exit_status)
    console = Console(stderr=True, soft_wrap=True)
    texts = (text.expandtabs(4).split("\n") for text in (error.message, error.hint))
    message, hint = ("\n".join(map(printable, lines)) for lines in texts)
    console.print(f"[bold red]error:[/] {escape(message)}", highlight=False)
    if hint:
        console.print(escape(hint), highlight=False)
    sys.exit(error.exit_status)
