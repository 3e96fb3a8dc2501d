"""What can be asked of Ripio: orders and trades.

    async with RipioQueries() as queries:
        orders = await queries.get_orders("main")

No query changes anything, so one that fails in passing is made again until its time runs out. Every
method raises:
    UsageError: what is asked can't be said to this venue, or there is no turn within its limits in time.
    VenueError: the venue refused (a `RipioError` with its code), or answered what can't be read.
    CallError: no answer came in time.
"""

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import ClassVar, Self, TypeVar

from dropcopy.errors import UsageError, VenueError
from dropcopy.settings import read_environment
from producers.gateways.asking import RestQueries
from producers.gateways.checks import named_problems, refuse, text_problems
from producers.gateways.ripio import requests, words
from producers.gateways.ripio.states import OrderState, Page, TradeState, read_order, read_orders, read_trades
from producers.gateways.ripio.words import venue_word
from producers.gateways.settings import GatewaySettings
from producers.rest import RestAnswer, RestClient
from producers.venue_settings import plain_headers
from producers.venues.ripio import VenueSettings
from producers.venues.ripio.errors import RipioError, read_error
from producers.venues.ripio.limits import limits_of
from producers.venues.ripio.signing import Signer
from schemas.fix import OrdStatus

__all__ = ["RipioQueries"]

# As many as a day's limit of calls could fill; more pages than these are a cursor that goes round.
PAGES_MOST = 1000

Answer = TypeVar("Answer")
Item = TypeVar("Item")


class RipioQueries(RestQueries):
    """Asks Ripio; an async context manager. Settings that are not given are read from the environment.

    Raises on making it:
        SettingsError: a setting is missing or can't be used.
    """

    columns: ClassVar[Mapping[str, Sequence[str]]] = {
        "orders": (
            "venue_order_id",
            "order_request_id",
            "venue_status",
            "instrument",
            "side",
            "ord_type",
            "price",
            "requested_amount",
            "executed_amount",
        ),
        "trades": (
            "trade_id",
            "venue_order_id",
            "instrument",
            "price",
            "quantity",
            "fee",
            "fee_currency",
            "liquidity",
        ),
    }

    def __init__(self, venue: VenueSettings | None = None, gateway: GatewaySettings | None = None) -> None:
        self._venue = venue or VenueSettings.load()
        self._signer = Signer(self._venue)
        client = RestClient(self._venue.rest_url, headers=plain_headers(), ca_file=self._venue.ca_file)
        limits = limits_of(self._venue.rest_url, self._venue.api_token, self._venue.calls_per_s)
        super().__init__(client, limits, gateway or GatewaySettings.load())

    @classmethod
    def of_token(cls) -> Self:
        """Return queries for a token by itself: the account that it belongs to need not be named."""
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
        """Return the open orders, or with a status or a time those that pass it, the newest first.

        `from_ns` and `to_ns` are nanoseconds of Unix time, of the orders' creation; without them the venue
        looks back ten days. It lists by pair: without `instrument` those of DROPCOPY_RIPIO_PAIRS are asked for.
        """
        refuse([*text_problems("account", account), *_pair_problems(instrument)])
        said = [venue_word("status", words.STATUSES, status) for status in statuses]
        if not said and from_ns is None and to_ns is None:
            return await self._list("GetUserOpenOrders", "orders/open", read_orders, pair=instrument)
        # The venue's default is one status of the four.
        status = ",".join(said or words.STATUSES.values())
        found: list[OrderState] = []
        for pair in self._pairs(instrument):
            found += await self._list(
                "GetUserOrders",
                "orders",
                read_orders,
                pair=pair,
                status=status,
                start_date=_date(from_ns),
                end_date=_date(to_ns),
            )
        return [order for order in found if _within(order.created_ns, from_ns, to_ns)]

    async def get_order_state(
        self, account: str, *, venue_order_id: str | None = None, order_request_id: str | None = None
    ) -> OrderState:
        """Return one order, named by the venue's id or else by its request id."""
        refuse([*text_problems("account", account), *named_problems(venue_order_id, order_request_id)])
        method = "GetOrderById" if venue_order_id is not None else "GetOrderByExternalId"
        return await self._ask(method, requests.order_path(venue_order_id, order_request_id), read_order)

    async def get_trades(
        self,
        account: str,
        *,
        venue_order_id: str | None = None,
        order_request_id: str | None = None,
        instrument: str | None = None,
        from_ns: int | None = None,
        to_ns: int | None = None,
    ) -> list[TradeState]:
        """Return the fills of one order, or of the account, by pair as `get_orders`."""
        refuse([*text_problems("account", account), *_pair_problems(instrument)])
        if venue_order_id is None and order_request_id is not None:
            # The venue takes an external id with a pair only, which the order tells as well as its id.
            venue_order_id = (await self.get_order_state(account, order_request_id=order_request_id)).venue_order_id
        if venue_order_id is not None:
            trades = await self._list("GetTrades", "orders/trades", read_trades, order_id=venue_order_id)
        else:
            trades = []
            for pair in self._pairs(instrument):
                asked = {"pair": pair, "start_date": _date(from_ns), "end_date": _date(to_ns)}
                trades += await self._list("GetUserTrades", "user/trades", read_trades, **asked)
        return [trade for trade in trades if _within(trade.transact_ns, from_ns, to_ns)]

    def _pairs(self, instrument: str | None) -> Sequence[str]:
        pairs = self._venue.pairs if instrument is None else (instrument,)
        if not pairs:
            raise UsageError(
                "instrument is missing: Ripio lists by pair",
                hint="Name it, or set DROPCOPY_RIPIO_PAIRS to all of them.",
            )
        return pairs

    async def _list(
        self, method: str, path: str, read: Callable[[bytes], Page[Item]], **asked: str | None
    ) -> list[Item]:
        found: list[Item] = []
        cursor: str | None = None
        for _ in range(PAGES_MOST):
            page = await self._ask(method, requests.query(path, **asked, c=cursor), read)
            found += page.items
            if page.cursor is None or page.cursor == cursor:
                break
            cursor = page.cursor
        return found

    def _refusal(self, answer: RestAnswer) -> RipioError:
        return read_error(answer)

    async def _ask(
        self, method: str, path: str, read: Callable[[bytes], Answer], *, timeout_s: float | None = None
    ) -> Answer:
        def call(limit_s: float) -> Awaitable[RestAnswer]:
            headers = self._signer.headers("GET", path, b"", time.time_ns())
            return self._client.request("GET", path, headers=headers, timeout_s=limit_s)

        answer = await self._answer(method, call, timeout_s)
        try:
            return read(answer.body)
        except (ValueError, RecursionError) as error:
            raise VenueError(f"Ripio answered {method} with what can't be read: {error}") from None


def _date(time_ns: int | None) -> str | None:
    return None if time_ns is None else f"{datetime.fromtimestamp(time_ns // 1_000_000_000, UTC):%Y-%m-%d}"


def _within(time_ns: int | None, from_ns: int | None, to_ns: int | None) -> bool:
    """Tell whether a time is between two: the venue knows whole days only."""
    if time_ns is None:
        return True
    return (from_ns is None or time_ns >= from_ns) and (to_ns is None or time_ns <= to_ns)


def _pair_problems(instrument: str | None) -> list[str]:
    return [] if instrument is None else text_problems("instrument", instrument)
