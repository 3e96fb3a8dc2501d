"""The REST calls that Outpoll's orders are read by, and how far their lists are read.

Sources: Outpoll, History; Get Active Orders; Get TP/SL Orders. The lists of the history service are read newest first,
page by page. A page that holds nothing but what was read before, and can't change any more, ends it, and so does one
that goes back further than a day: what is recorded once need not be recorded at every frame.

There is no call for one order. One that was last seen open, and is neither in the newest pages nor among the active
orders, is looked for in older pages, of its outcome alone where that is known.

Take-profit / stop-loss orders are listed for one asset at a time, and for its primary side or the other; the documents
show the status ACTIVE only. So they are read of the assets that the account is known to have orders of: at every round
of those with one that is active, and after each connect and now and then of all, also under the words that an end may
have. One that is not active any more is looked for under these too. A venue that refuses the words is not asked for
them again.
"""

from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import parse_qs, urlencode, urlsplit

from producers.feeds.venue import OrderSeen, SnapshotCall
from producers.venues.outpoll.lists import Item, Page, read_page

__all__ = ["ACTIVE", "HISTORY", "TPSL", "TRADES", "HistoryReader", "TpslReader", "is_open"]

HISTORY: Final = "rest:history-orders"
ACTIVE: Final = "rest:active-orders"
TRADES: Final = "rest:history-trades"
TPSL: Final = "rest:tpsl-orders"

_PATHS: Final = {
    HISTORY: "/api/history/orders",
    ACTIVE: "/api/history/deals/active-orders",
    TRADES: "/api/history/trades",
    TPSL: "/orders/tpsl",
}
# The history's default is 20, that of the active orders 100.
PAGE_SIZE, PAGES_MOST = 100, 50
DAY_MS: Final = 24 * 60 * 60 * 1000
_NS_PER_MS: Final = 1_000_000
# What is remembered of what was read.
# An asset takes two calls for each status, and a list has at most so many pages as `PAGES_MOST`.
MOST_KNOWN, MOST_ASSETS = 20_000, 8
_ALL_ASSETS_EVERY_NS: Final = 30 * 1_000_000_000
_TRIES_MOST: Final = 5

# The words that can mean one thing only. None that are not known: nothing is concluded from these.
_IS_OPEN: Final = {"ACTIVE": True, "PARTIALLY_FILLED": True} | dict.fromkeys(
    ("FILLED", "CANCELED", "CANCELLED", "REJECTED", "EXPIRED", "TRIGGERED"), False
)
_ENDS: Final = ("TRIGGERED", "CANCELED")


def is_open(status: str) -> bool | None:
    """Tell whether an order with this status may still trade; None where that is not known."""
    return _IS_OPEN.get(status)


def _get(base_url: str, source: str, query: dict[str, str | int]) -> SnapshotCall:
    return SnapshotCall(f"{base_url.rstrip('/')}{_PATHS[source]}?{urlencode(query)}", b"", source, "GET")


def _query(call: SnapshotCall) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(call.path).query).items()}


class HistoryReader:
    """Reads orders and trades of the history service, and remembers what need not be read again."""

    def __init__(self, history_url: str) -> None:
        self._url = history_url
        self._known: dict[str, str] = {}
        # What the reading under way has met. Only once it is over is that known: a page that was refused, or a
        # connection that ended, leaves out what comes after it.
        self._met: list[str] = []
        self._outcomes: dict[str, str] = {}
        self._since_ms = 0
        self._sought = ""

    def newest(self, source: str, now_ns: int) -> SnapshotCall:
        """Return the call for the newest orders or trades."""
        self._sought = ""
        self._met = []
        self._since_ms = now_ns // _NS_PER_MS - DAY_MS
        return _get(self._url, source, {"page": 0, "size": PAGE_SIZE, "sort": "desc"})

    def active(self) -> SnapshotCall:
        """Return the call for the active orders."""
        return _get(self._url, ACTIVE, {"page": 0, "size": PAGE_SIZE})

    def older(self, order_id: str) -> SnapshotCall:
        """Return the call that begins to look for an order among all there were."""
        self._sought = order_id
        query: dict[str, str | int] = {"page": 0, "size": PAGE_SIZE, "sort": "desc"}
        outcome = self._outcomes.get(order_id)
        return _get(self._url, HISTORY, query | ({"eventOutcomeId": outcome} if outcome else {}))

    def orders(self, body: bytes) -> Sequence[OrderSeen]:
        """Return the orders of a page of the history, or of the active orders; raise ValueError if it is none."""
        seen = []
        for item in read_page(body).items:
            order_id, still = item.i or item.id, is_open(item.st or item.status)
            if still and item.o:
                _remember(self._outcomes, order_id, item.o)
            elif still is False:
                self._outcomes.pop(order_id, None)
            seen.append(OrderSeen("", order_id, still))
        return seen

    def next(self, call: SnapshotCall, body: bytes) -> SnapshotCall | None:
        """Return the call for the next page, if it is to be read."""
        page, query = read_page(body), _query(call)
        number = int(query["page"]) + 1
        wanted = self._is_to_go_on(call.source, page)
        if not wanted or number >= PAGES_MOST or not _has_more(page, number):
            for key in self._met:
                _remember(self._known, key, "")
            self._met = []
            return None
        return _get(self._url, call.source, query | {"page": number})

    def _is_to_go_on(self, source: str, page: Page) -> bool:
        if source == ACTIVE:
            return True
        if self._sought:
            return all(item.i != self._sought for item in page.items)
        oldest_ms = min((item.m for item in page.items if item.m is not None), default=None)
        in_time = oldest_ms is None or oldest_ms >= self._since_ms
        news = [self._is_news(source, item) for item in page.items]
        return any(news) and in_time

    def _is_news(self, source: str, item: Item) -> bool:
        if source == HISTORY and is_open(item.st) is not False:
            return True
        key = f"{source}/{item.i}/{item.oi}/{item.m}"
        if key in self._known:
            return False
        self._met.append(key)
        return True


def _remember(into: dict[str, str], key: str, value: str) -> None:
    into[key] = value
    if len(into) > MOST_KNOWN:
        del into[next(iter(into))]


def _has_more(page: Page, number: int) -> bool:
    return len(page.items) >= PAGE_SIZE if page.pages is None else number < page.pages


class TpslReader:
    """Reads take-profit / stop-loss orders, asset by asset, and remembers which assets and which orders there are."""

    def __init__(self, rest_url: str) -> None:
        self._url = rest_url
        self._assets: dict[str, None] = {}
        self._active: dict[str, str] = {}
        self._listed: set[str] = set()
        # How often each that vanished was looked for, and which are being looked for.
        self._tries: dict[str, int] = {}
        self._sought: frozenset[str] = frozenset()
        self._ends: tuple[str, ...] = _ENDS
        # When all assets were asked for last to the end, and since when they are now.
        self._all_at_ns: int | None = None
        self._asking_all_ns: int | None = None
        self._calls: list[SnapshotCall] = []

    def note_assets(self, assets: Iterable[str]) -> None:
        """Remember assets that the account has orders of, those noted last the longest."""
        for asset in assets:
            if asset:
                self._assets.pop(asset, None)
                self._assets[asset] = None
        while len(self._assets) > MOST_ASSETS:
            del self._assets[next(iter(self._assets))]

    def note(self, order_id: str, asset: str, status: str) -> OrderSeen:
        """Remember where a take-profit / stop-loss order stands, as a frame or a list tells it."""
        still = is_open(status)
        if still and order_id:
            self._active[order_id] = asset
            self.note_assets([asset])
        elif still is False:
            self._active.pop(order_id, None)
            self._tries.pop(order_id, None)
        return OrderSeen("", order_id, still, is_stop=True)

    def connected(self) -> None:
        """Begin anew with all assets: what the stream told meanwhile was told to nobody."""
        self._all_at_ns = None

    def refused(self) -> None:
        """Ask no more for the words of an end."""
        self._ends = ()

    def active(self, now_ns: int) -> SnapshotCall | None:
        """Return the first call for those that are active; None where no asset is to be asked for now."""
        self._listed, self._sought = set(), frozenset()
        assets = dict.fromkeys(self._active.values())
        self._asking_all_ns = None
        if self._all_at_ns is not None and 0 <= now_ns - self._all_at_ns < _ALL_ASSETS_EVERY_NS:
            return self._begin(assets, ("ACTIVE",))
        assets |= self._assets
        self._asking_all_ns = now_ns if assets else None
        return self._begin(assets, ("ACTIVE", *self._ends))

    def ended(self) -> SnapshotCall | None:
        """Return the first call that looks for the ends of those that are not active any more.

        What is not found is given up, and so is what could not be looked for to the end several times.
        """
        gone = self._active.keys() - self._listed
        for order_id in [name for name in gone if self._tries.get(name, 0) >= _TRIES_MOST]:
            del self._active[order_id], self._tries[order_id]
        self._sought = frozenset(self._active.keys() - self._listed)
        self._tries |= {order_id: self._tries.get(order_id, 0) + 1 for order_id in self._sought}
        return self._begin(dict.fromkeys(self._active[order_id] for order_id in self._sought), self._ends)

    def _begin(self, assets: Iterable[str], statuses: Sequence[str]) -> SnapshotCall | None:
        self._calls = [
            _get(self._url, TPSL, {"assetId": asset, "primary": primary, "status": status})
            for status in statuses
            for asset in assets
            for primary in ("true", "false")
        ][:PAGES_MOST]
        return self._calls[0] if self._calls else None

    def orders(self, body: bytes) -> Sequence[OrderSeen]:
        """Return the orders of an answer; raise ValueError if it is none."""
        items = read_page(body).items
        self._listed |= {item.i for item in items if is_open(item.s)}
        return [self.note(item.i, item.a, item.s) for item in items]

    def next(self, call: SnapshotCall) -> SnapshotCall | None:
        """Return the call after one of a row."""
        after = self._calls.index(call) + 1 if call in self._calls else len(self._calls)
        if after < len(self._calls):
            return self._calls[after]
        if self._asking_all_ns is not None:
            self._all_at_ns, self._asking_all_ns = self._asking_all_ns, None
        self._tries |= dict.fromkeys(self._sought & self._active.keys(), _TRIES_MOST)
        return None
