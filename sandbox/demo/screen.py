"""Where the demo shows itself: a live view on a terminal, plain lines of progress otherwise."""

import sys
import time
from typing import Protocol

from rich.console import Console
from rich.live import Live

from dropcopy.text import printable
from sandbox.demo.board import Board
from sandbox.demo.view import draw, status_line

__all__ = ["LiveScreen", "PlainScreen", "Screen", "screen"]

DRAW_EVERY_S = 0.25
LINE_EVERY_S = 5.0


class Screen(Protocol):
    """What the demo tells of itself."""

    def tell(self, text: str) -> None:
        """Say what happens, in one line."""

    def show(self, board: Board) -> None:
        """Show the state of all, if it is time to."""

    def close(self) -> None:
        """Give the terminal back."""


class PlainScreen:
    """Lines on standard error: each event, and the state of all every few seconds."""

    def __init__(self) -> None:
        self._started_s = time.monotonic()
        self._shown_s = self._started_s

    def tell(self, text: str) -> None:
        """Write a line with the seconds since the start in front."""
        sys.stderr.write(f"{time.monotonic() - self._started_s:6.1f} s  {printable(text)}\n")
        sys.stderr.flush()

    def show(self, board: Board) -> None:
        """Write the state of all."""
        if time.monotonic() - self._shown_s >= LINE_EVERY_S:
            self._shown_s = time.monotonic()
            self.tell(status_line(board, int(time.time())))

    def close(self) -> None:
        """Nothing is held."""


class LiveScreen:
    """Plain lines until there is something to see, then a view that fills the terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._started_s = self._drawn_s = time.monotonic()
        self._doing = ""
        self._live: Live | None = None

    def tell(self, text: str) -> None:
        """Say it in the view's title, or in a line of its own while there is no view."""
        self._doing = text
        if self._live is None:
            self._console.print(printable(text), style="dim", highlight=False, markup=False)

    def show(self, board: Board) -> None:
        """Draw the view."""
        if self._live is None:
            self._live = Live(console=self._console, screen=True, auto_refresh=False)
            self._live.start()
        now_s = time.monotonic()
        if now_s - self._drawn_s >= DRAW_EVERY_S:
            self._drawn_s = now_s
            size = (self._console.width, self._console.height)
            view = draw(board, time.time_ns(), now_s - self._started_s, self._doing, size)
            self._live.update(view, refresh=True)

    def close(self) -> None:
        """Leave the view."""
        if self._live is not None:
            self._live.stop()
            self._live = None


def screen() -> Screen:
    """Return the screen for where standard error leads to."""
    console = Console(stderr=True)
    return LiveScreen(console) if console.is_terminal else PlainScreen()
