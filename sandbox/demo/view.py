"""Draws the board: pure functions from its state to what rich can print."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from rich.console import RenderableType
from rich.layout import Layout
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from consumers.columns import fraction, style_of, time_text
from dropcopy.text import printable
from sandbox.demo.accounting import Kind, Summary
from sandbox.demo.board import Board, Latency
from sandbox.demo.incidents import short
from schemas.fix import JoinStatus

__all__ = ["draw", "latency_text", "status_line", "summary_table"]

LEAST_ROWS = 1
WIDE = 140
HIGH = 36
FINDINGS_SHOWN = 20


def latency_text(latency: Latency) -> str:
    """Return `p50/p99` in milliseconds, with dashes before there are any."""
    return " / ".join("-" if value is None else f"{value:.1f}" for value in (latency.p50, latency.p99)) + " ms"


def status_line(board: Board, now_s: int) -> str:
    """Return the state of all in one plain line."""
    up = sum(feed["status"] == "UP" for feed in board.feeds.values())
    return (
        f"{len(board.seen)} orders, {board.executions} executions, {len(open_cases(board))} unmatched, "
        f"{board.dead_letters} dead letters, feeds {up}/{len(board.feeds)} up, "
        f"{board.frames_per_s(now_s):.0f} frames/s, p50/p99 {latency_text(board.calm_latency())}"
    )


def open_cases(board: Board) -> list[str]:
    """Return the orders that are given as unmatched now."""
    return [key for key, case in board.unmatched.items() if case["status"] == JoinStatus.UNMATCHED]


def draw(board: Board, now_ns: int, elapsed_s: float, doing: str, size: tuple[int, int]) -> RenderableType:
    """Return the whole view for a terminal of `size`, which is its width and height."""
    width, height = size
    narrow = width < WIDE
    incidents = 7 if height >= HIGH else 4
    body = height - 3 - (incidents + 2)
    third = max(LEAST_ROWS, body // 3 - 3)
    layout = Layout()
    layout.split_column(
        Layout(_head(board, now_ns // 10**9, elapsed_s, doing), size=3),
        Layout(name="body"),
        Layout(_wrong(board, incidents), size=incidents + 2),
    )
    layout["body"].split_row(
        Layout(_orders(board, max(LEAST_ROWS, body - 3), narrow), ratio=1 if narrow else 3),
        Layout(name="side", ratio=1 if narrow else 2),
    )
    layout["side"].split_column(
        Layout(_fills(board, third, narrow)),
        Layout(_unmatched(board, third, narrow)),
        Layout(_feeds(board, now_ns, narrow)),
    )
    return layout


def _head(board: Board, now_s: int, elapsed_s: float, doing: str) -> Panel:
    minutes, seconds = divmod(int(elapsed_s), 60)
    figures = Text.from_markup(
        f"{len(board.seen)} orders  {board.executions} executions  "
        f"[bold]{board.frames_per_s(now_s):.0f}[/] frames/s  "
        f"p50/p99 [bold]{latency_text(board.calm_latency())}[/]  {board.dead_letters} dead letters  "
        f"[dim]p50/p99 with recoveries {latency_text(board.latency())}[/]",
        overflow="ellipsis",
    )
    figures.no_wrap = True
    title = Text(printable(f"dropcopy {minutes}:{seconds:02}  {doing}"), style="bold")
    return Panel(figures, title=title, title_align="left", border_style="dim")


@dataclass(frozen=True)
class _Column:
    title: str
    justify: Literal["left", "right"] = "left"
    least: int = 0
    only_wide: bool = False
    most_narrow: int | None = None


def _grid(columns: Sequence[_Column], rows: Iterable[Sequence[str]], title: str, narrow: bool) -> Panel:
    shown = [at for at, column in enumerate(columns) if not (narrow and column.only_wide)]
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim", expand=True)
    for column in (columns[at] for at in shown):
        table.add_column(
            column.title,
            justify=column.justify,
            min_width=column.least or None,
            max_width=column.most_narrow if narrow else None,
            no_wrap=True,
            overflow="ellipsis",
        )
    for row in rows:
        texts = [printable(row[at]) for at in shown]
        table.add_row(*(Text(text, style=style_of(text)) for text in texts))
    return Panel(table, title=title, title_align="left", border_style="dim")


def _orders(board: Board, count: int, narrow: bool) -> Panel:
    newest = islice(reversed(board.orders.values()), count)
    return _grid(
        (
            _Column("order", least=8),
            _Column("account", least=10, only_wide=True),
            _Column("symbol", only_wide=True),
            _Column("side", least=4, only_wide=True),
            _Column("status", most_narrow=10),
            _Column("filled", "right", least=7),
            _Column("average", "right", only_wide=True),
            _Column("join", least=7),
        ),
        (
            (
                short(order["order_request_id"]),
                order["account"],
                order["symbol"] or "",
                order["side"] or "",
                order["ord_status"],
                fraction(order["cum_qty"], order["order_qty"]),
                _price(order["avg_px"]),
                order["join_status"],
            )
            for order in newest
        ),
        "orders (orders.latest)",
        narrow,
    )


def _price(text: str | None) -> str:
    """Return a price short enough for the view; an average can have many decimals."""
    whole, point, decimals = (text or "").partition(".")
    return whole + (point + decimals[:4]).rstrip("0").rstrip(".") if point else whole


def _fills(board: Board, count: int, narrow: bool) -> Panel:
    return _grid(
        (
            _Column("received", only_wide=True),
            _Column("order", least=8),
            _Column("side", least=4),
            _Column("quantity", "right"),
            _Column("price", "right", least=6),
        ),
        (
            (
                time_text(fill["received_ns"]),
                short(fill["order_request_id"]),
                fill["side"] or "",
                fill["last_qty"],
                _price(fill["last_px"]),
            )
            for fill in islice(reversed(board.fills), count)
        ),
        "fills (orders.executions)",
        narrow,
    )


def _unmatched(board: Board, count: int, narrow: bool) -> Panel:
    return _grid(
        (
            _Column("order", least=8),
            _Column("status", least=9),
            _Column("reason", least=14),
            _Column("detail", only_wide=True),
        ),
        (
            (short(case["order_request_id"]), case["status"], case["reason"], case["detail"])
            for case in islice(reversed(board.unmatched.values()), count)
        ),
        f"unmatched (orders.unmatched), {len(open_cases(board))} open",
        narrow,
    )


def _feeds(board: Board, now_ns: int, narrow: bool) -> Panel:
    workers = "  ".join(f"{worker.name} {'up' if worker.running else 'down'}" for worker in board.workers)
    return _grid(
        (
            _Column("feed", least=12),
            _Column("status", least=6),
            _Column("for", "right", only_wide=True),
            _Column("last gap", "right", least=8),
            _Column("reason", only_wide=True),
        ),
        (
            (
                key,
                feed["status"],
                f"{max(0, now_ns - feed['since_ns']) / 1e9:.0f} s",
                _gap(feed["gap_from_ns"], feed["gap_to_ns"]),
                feed["reason"] or "",
            )
            for key, feed in sorted(board.feeds.items())
        ),
        f"feeds (feeds.status)   {workers}",
        narrow,
    )


def _gap(start_ns: int | None, end_ns: int | None) -> str:
    return "" if start_ns is None or end_ns is None else f"{(end_ns - start_ns) / 1e9:.1f} s"


def _wrong(board: Board, count: int) -> Panel:
    table = Table.grid(padding=(0, 1), expand=True)
    for ratio in (1, 5, 8):
        table.add_column(no_wrap=True, overflow="ellipsis", ratio=ratio)
    for incident in islice(reversed(board.incidents), count):
        sign = Text("done", style="green") if incident.over else Text("now", style="bold yellow")
        what = f"{incident.fault.told}{incident.detail}"
        table.add_row(sign, Text(printable(what)), Text(printable(incident.said), style="" if incident.over else "dim"))
    return Panel(table, title="made to go wrong, and how it came out", title_align="left", border_style="dim")


def summary_table(summary: Summary, latency: Latency, calm: Latency) -> Table:
    """Return the account at the end, for a person."""
    table = Table(title="what became of every order", title_justify="left", show_header=False, box=None)
    table.add_column(style="dim")
    table.add_column()
    unmatched = ", ".join(f"{count} {reason}" for reason, count in summary.unmatched.items()) or "0"
    for name, value in (
        ("orders", f"{summary.orders} ({', '.join(f'{venue} {count}' for venue, count in summary.venues.items())})"),
        ("executions", str(summary.executions)),
        ("matched", str(summary.matched)),
        ("unmatched", unmatched),
        ("dead letters", str(summary.dead_letters)),
        ("frames", str(summary.frames)),
        ("latency p50 / p99", f"{latency_text(calm)} (with recoveries from kill -9: {latency_text(latency)})"),
    ):
        table.add_row(name, value)
    for kind in (Kind.LOST, Kind.DUPLICATED):
        count = summary.count(kind)
        table.add_row(kind.value, Text(str(count), style="bold red" if count else "green"))
    if summary.clean:
        table.add_row("accounted for", Text("all of them", style="green"))
    for finding in summary.findings[:FINDINGS_SHOWN]:
        table.add_row("not accounted for", Text(printable(f"{finding.order_request_id} {finding.why}"), style="red"))
    more = len(summary.findings) - FINDINGS_SHOWN
    if more > 0:
        table.add_row("", Text(f"and {more} more", style="red"))
    return table
