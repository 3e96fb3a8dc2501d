"""What can be asked of T-Invest: accounts, orders, stop orders, limits, prices.

    async with TInvestQueries() as queries:
        orders = await queries.get_orders("2000000001")

No query changes anything, so one that fails in passing is made again until its time runs out. Every
method raises:
    UsageError: what is asked can't be said to this venue, or there is no turn within its limits in time.
    VenueError: the venue refused (a `TInvestError` with its code), or answered what can't be read.
    CallError: no answer came in time.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import ClassVar, Self, TypeVar

from dropcopy.errors import VenueError
from dropcopy.settings import read_environment
from producers.gateways.asking import RestQueries
from producers.gateways.checks import named_problems, number_problems, refuse, text_problems, word_problems
from producers.gateways.orders import PriceType
from producers.gateways.settings import GatewaySettings
from producers.gateways.stop_orders import StopStatus
from producers.gateways.tinvest import requests
from producers.gateways.tinvest.fields import Fields
from producers.gateways.tinvest.states import Account, MaxLots, OrderPrice, OrderState, StopOrder
from producers.refusals import RefusalError
from producers.rest import RestAnswer, RestClient
from producers.venues.tinvest import VenueSettings, rest_headers
from producers.venues.tinvest.errors import TInvestError, read_error
from producers.venues.tinvest.limits import limits_of
from producers.venues.tinvest.snapshots import CONTRACT
from schemas.fix import OrdStatus, Side

__all__ = ["TInvestQueries"]

Answer = TypeVar("Answer")


class TInvestQueries(RestQueries):
    """Asks T-Invest; an async context manager. Settings that are not given are read from the environment.

    `columns` are what a table of a kind of things shows of each.

    Raises on making it:
        SettingsError: a setting is missing or can't be used.
    """

    columns: ClassVar[Mapping[str, Sequence[str]]] = {
        "accounts": ("account", "name", "type", "status", "access_level"),
        "orders": (
            *("venue_order_id", "order_request_id", "venue_status", "side", "ord_type", "ticker"),
            *("lots_requested", "lots_executed", "initial_security_price"),
        ),
        "stop_orders": (
            *("venue_order_id", "venue_status", "side", "ord_type", "ticker", "lots_requested"),
            *("stop_price", "price", "exchange_order_id"),
        ),
    }

    def __init__(self, venue: VenueSettings | None = None, gateway: GatewaySettings | None = None) -> None:
        venue = venue or VenueSettings.load()
        gateway = gateway or GatewaySettings.load()
        client = RestClient(venue.rest_url, headers=rest_headers(venue), ca_file=venue.ca_file)
        documented = gateway.call_limits == "documented"
        limits = limits_of(venue.rest_url, venue.token, gateway.calls_per_s, documented=documented)
        super().__init__(client, limits, gateway)

    @classmethod
    def of_token(cls) -> Self:
        """Return queries for a token by itself: the accounts that it may use need not be set."""
        environment = read_environment()
        environment.setdefault(f"{VenueSettings.prefix()}ACCOUNTS", "none")
        return cls(venue=VenueSettings.load(environment))

    async def get_accounts(self) -> list[Account]:
        """Return the accounts of the token's owner, those that it may not use included."""

        def read(said: Fields) -> list[Account]:
            return [Account.read(each) for each in said.messages("accounts")]

        return await self._ask("UsersService/GetAccounts", b"{}", read)

    async def get_orders(
        self,
        account: str,
        *,
        statuses: Iterable[OrdStatus] = (),
        from_ns: int | None = None,
        to_ns: int | None = None,
    ) -> list[OrderState]:
        """Return the active orders, or with a filter today's orders that pass it.

        `from_ns` and `to_ns` are nanoseconds of Unix time; the venue looks no further back than today.
        """
        refuse(text_problems("account", account))

        def read(said: Fields) -> list[OrderState]:
            return [OrderState.read(each) for each in said.messages("orders")]

        return await self._ask("OrdersService/GetOrders", requests.orders_body(account, statuses, from_ns, to_ns), read)

    async def get_order_state(
        self,
        account: str,
        *,
        venue_order_id: str | None = None,
        order_request_id: str | None = None,
        price_type: PriceType | None = None,
    ) -> OrderState:
        """Return one order, named by the venue's id or else by its request id.

        The venue may not find orders of more than a day ago (50005).
        """
        refuse([*text_problems("account", account), *named_problems(venue_order_id, order_request_id)])
        body = requests.order_state_body(account, venue_order_id, order_request_id, price_type)
        return await self._ask("OrdersService/GetOrderState", body, OrderState.read)

    async def get_stop_orders(
        self,
        account: str,
        *,
        status: StopStatus | None = None,
        from_ns: int | None = None,
        to_ns: int | None = None,
    ) -> list[StopOrder]:
        """Return the stop orders of a status, by default those that the venue tells unasked: the active ones."""
        refuse(text_problems("account", account))

        def read(said: Fields) -> list[StopOrder]:
            return [StopOrder.read(each) for each in said.messages("stopOrders")]

        body = requests.stop_orders_body(account, status, from_ns, to_ns)
        return await self._ask("StopOrdersService/GetStopOrders", body, read)

    async def get_max_lots(self, account: str, instrument: str, *, price: Decimal | None = None) -> MaxLots:
        """Return how many lots can be bought and sold, at `price` or else at the book's best."""
        refuse(
            [
                *text_problems("account", account),
                *text_problems("instrument", instrument),
                *([] if price is None else number_problems("price", price, positive=False)),
            ]
        )
        body = requests.max_lots_body(account, instrument, price)
        return await self._ask("OrdersService/GetMaxLots", body, MaxLots.read)

    async def get_order_price(
        self, account: str, instrument: str, *, side: Side, quantity: Decimal, price: Decimal
    ) -> OrderPrice:
        """Return what a limit order of `quantity` lots would cost."""
        refuse(
            [
                *text_problems("account", account),
                *text_problems("instrument", instrument),
                *word_problems("side", side, Side),
                *number_problems("quantity", quantity),
                *number_problems("price", price, positive=False),
            ]
        )
        body = requests.order_price_body(account, instrument, side, quantity, price)
        return await self._ask("OrdersService/GetOrderPrice", body, OrderPrice.read)

    def _refusal(self, answer: RestAnswer) -> TInvestError:
        return read_error(answer)

    def _passes(self, refusal: RefusalError) -> bool:
        return refusal.retry_is_safe

    async def _ask(
        self, method: str, body: bytes, read: Callable[[Fields], Answer], *, timeout_s: float | None = None
    ) -> Answer:
        def call(limit_s: float) -> Awaitable[RestAnswer]:
            return self._client.post(f"{CONTRACT}.{method}", body, timeout_s=limit_s)

        answer = await self._answer(method, call, timeout_s)
        try:
            return read(Fields.of(answer.body))
        except ValueError as error:
            raise VenueError(
                f"T-Invest answered {method} with what can't be read: {error}",
                hint=f"Its support knows the call as x-tracking-id {answer.headers.get('x-tracking-id', '(none)')}.",
            ) from None
