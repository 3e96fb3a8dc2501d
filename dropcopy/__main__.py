"""Where the command `dropcopy` begins.

Nothing heavy is imported here, so that Ctrl-C ends the command without a traceback from its first moments on.
"""

import sys
from typing import NoReturn

__all__ = ["main"]


def main() -> NoReturn:
    """Run the command, as `dropcopy.cli.main` says."""
    try:
        from dropcopy.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
