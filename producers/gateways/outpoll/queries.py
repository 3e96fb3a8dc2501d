"""What can be asked of Outpoll: orders, take-profit / stop-loss orders, trades.

    async with OutpollQueries() as queries:
        orders = await queries.get_orders("main")

No query changes anything, so one that fails in passing is made again until its time runs out. Every method raises:
    UsageError: what is asked can't be said to this venue, or there is no turn within the limits in time.
    VenueError: the venue refused (an `OutpollError`), or answered what can't be read.
    CallError: no answer came in time.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping, Sequence
from typing import ClassVar, Self
from urllib.parse import urlencode

from dropcopy.errors import UsageError, VenueError
from dropcopy.settings import read_environment
from producers.gateways.asking import RestQueries
from producers.gateways.checks import refuse, text_problems
from producers.gateways.outpoll.errors import OutpollError, read_error
from producers.gateways.outpoll.states import OrderState, StopOrder, Trade
from producers.gateways.settings import GatewaySettings
from producers.gateways.stop_orders import StopStatus
from producers.rest import RestAnswer, RestClient
from producers.venue_settings import plain_headers
from producers.venues.outpoll import VenueSettings
from producers.venues.outpoll.limits import limits_of
from producers.venues.outpoll.lists import Item, Page, read_page
from producers.venues.outpoll.signing import signed_headers
from schemas.fix import OrdStatus

__all__ = ["OutpollQueries"]

# How far back a query looks at the most, and for one order.
PAGE_SIZE, PAGES_MOST, PAGES_OF_ORDER = 100, 50, 10

_HISTORY, _ACTIVE = "/api/history/orders", "/api/history/deals/active-orders"
_TRADES, _TPSL = "/api/history/trades", "/orders/tpsl"
_WORDS = {OrdStatus.NEW: ("ACTIVE",), OrdStatus.FILLED: ("FILLED",), OrdStatus.CANCELED: ("CANCELED", "CANCELLED")}
# The documents show ACTIVE alone; the others are the words that the stream is taken to have.
_STOP_WORDS = {StopStatus.ALL: "", StopStatus.EXECUTED: "TRIGGERED"}


class OutpollQueries(RestQueries):
    """Asks Outpoll; an async context manager. Settings that are not given are read from the environment.

    Raises on making it:
        SettingsError: a setting is missing or can't be used.
    """

    columns: ClassVar[Mapping[str, Sequence[str]]] = {
        "orders": (
            "venue_order_id",
            "venue_status",
            "side",
            "ord_type",
            "instrument",
            "quantity",
            "told_quantity",
            "price",
        ),
        "stop_orders": (
            "venue_order_id",
            "venue_status",
            "instrument",
            "quantity",
            "take_profit_price",
            "stop_loss_price",
        ),
        "trades": ("trade_id", "venue_order_id", "side", "instrument", "quantity", "price"),
    }

    def __init__(self, venue: VenueSettings | None = None, gateway: GatewaySettings | None = None) -> None:
        self._venue = venue or VenueSettings.load()
        client = RestClient(self._venue.rest_url, headers=plain_headers(), ca_file=self._venue.ca_file)
        super().__init__(client, limits_of(self._venue), gateway or GatewaySettings.load())

    @classmethod
    def of_token(cls) -> Self:
        """Return queries for a key by itself: what its account is called need not be set."""
        environment = read_environment()
        environment.setdefault(f"{VenueSettings.prefix()}ACCOUNT", "none")
        return cls(venue=VenueSettings.load(environment))

    async def get_orders(
        self,
        account: str,
        *,
        statuses: Iterable[OrdStatus] = (),
        from_ns: int | None = None,
        to_ns: int | None = None,
        instrument: str | None = None,
    ) -> list[OrderState]:
        """Return the active orders, or with a filter those of the history that pass it, newest first."""
        refuse(text_problems("account", account))
        wanted = list(statuses)
        if unknown := [status for status in wanted if status not in _WORDS]:
            raise UsageError(f"status={unknown[0]} must be one of {', '.join(_WORDS)}")
        words = {word for status in wanted for word in _WORDS[status]}
        if not words and from_ns is None and to_ns is None and instrument is None:
            return [OrderState.read(item) async for item in self._items(_ACTIVE, {})]
        found = [OrderState.read(item) async for item in self._items(_HISTORY, {"sort": "desc"}, from_ns)]
        return [
            order
            for order in found
            if (not words or order.venue_status in words)
            and instrument in (None, order.instrument)
            and _within(order.created_ns, from_ns, to_ns)
        ]

    async def get_order_state(self, account: str, *, venue_order_id: str | None = None) -> OrderState:
        """Return one order, named by the venue's id: it is looked for in the newest pages of the history.

        The venue has no call that asks for one order.
        """
        refuse([*text_problems("account", account), *text_problems("venue_order_id", venue_order_id)])
        lists: list[tuple[str, dict[str, str]]] = [(_HISTORY, {"sort": "desc"}), (_ACTIVE, {})]
        for path, query in lists:
            async for item in self._items(path, query, pages=PAGES_OF_ORDER):
                if venue_order_id in (item.i, item.id):
                    return OrderState.read(item)
        most = PAGES_OF_ORDER * PAGE_SIZE
        raise VenueError(f"outpoll tells of no order {venue_order_id} among the active and the newest {most} orders")

    async def get_stop_orders(
        self, account: str, *, instrument: str | None = None, status: StopStatus | None = None
    ) -> list[StopOrder]:
        """Return the take-profit / stop-loss orders of one asset, by default the active ones.

        The venue lists them by asset only (Outpoll, Get TP/SL Orders).
        """
        refuse([*text_problems("account", account), *text_problems("instrument", instrument)])
        word = _STOP_WORDS.get(status, status.value) if status is not None else StopStatus.ACTIVE.value
        found: dict[str, StopOrder] = {}
        for primary in ("true", "false"):
            query = {"assetId": instrument or "", "primary": primary} | ({"status": word} if word else {})
            page = await self._page(f"{_TPSL}?{urlencode(query)}")
            found |= {item.i: StopOrder.read(item) for item in page.items}
        return list(found.values())

    async def get_trades(
        self,
        account: str,
        *,
        venue_order_id: str | None = None,
        instrument: str | None = None,
        from_ns: int | None = None,
        to_ns: int | None = None,
    ) -> list[Trade]:
        """Return the trades, newest first."""
        refuse(text_problems("account", account))
        found = [Trade.read(item) async for item in self._items(_TRADES, {"sort": "desc"}, from_ns)]
        return [
            trade
            for trade in found
            if venue_order_id in (None, trade.venue_order_id)
            and instrument in (None, trade.instrument)
            and _within(trade.transact_ns, from_ns, to_ns)
        ]

    async def _items(
        self, path: str, query: Mapping[str, str], from_ns: int | None = None, pages: int = PAGES_MOST
    ) -> AsyncIterator[Item]:
        """Yield the items of a list of the history service, page by page, down to those made before `from_ns`."""
        for number in range(pages):
            asked = urlencode({"page": number, "size": PAGE_SIZE, **query})
            page = await self._page(f"{self._venue.history_url.rstrip('/')}{path}?{asked}")
            for item in page.items:
                yield item
            oldest = min((item.m for item in page.items if item.m is not None), default=None)
            if from_ns is not None and oldest is not None and oldest * 1_000_000 < from_ns:
                return
            if len(page.items) < PAGE_SIZE if page.pages is None else number + 1 >= page.pages:
                return

    def _signed(self, method: str, path: str, body: bytes) -> dict[str, str]:
        url = path if path.startswith("http") else f"{self._venue.rest_url.rstrip('/')}/{path.lstrip('/')}"
        return signed_headers(self._venue, method, url, body, time.time_ns())

    def _refusal(self, answer: RestAnswer) -> OutpollError:
        return read_error(answer, time.time_ns())

    async def _page(self, path: str) -> Page:
        def call(limit_s: float) -> Awaitable[RestAnswer]:
            return self._client.request("GET", path, headers=self._signed("GET", path, b""), timeout_s=limit_s)

        name = path.partition("?")[0]
        answer = await self._answer(name, call)
        try:
            return read_page(answer.body)
        except (ValueError, RecursionError) as error:
            raise VenueError(f"Outpoll answered {name} with what can't be read: {error}") from None


def _within(time_ns: int | None, from_ns: int | None, to_ns: int | None) -> bool:
    if time_ns is None:
        return from_ns is None and to_ns is None
    return (from_ns is None or time_ns >= from_ns) and (to_ns is None or time_ns <= to_ns)
