"""Order entry at Ripio over REST, journaled.

    async with RipioGateway() as gateway:
        outcome = await gateway.post_order(NewOrder(account=…, instrument="BTC_BRL", …))

A request's id goes as the order's `external_id`, by which the venue's stream and lists tell it. The documents do
not say that the venue refuses one used before: a call that may have reached it is never made again, but the
order asked for.
"""

import time
from contextlib import AsyncExitStack

from dropcopy.errors import UsageError
from dropcopy.settings import Settings
from producers.gateways.entry import Settle
from producers.gateways.journal import Journal
from producers.gateways.orders import AmendOrder, CancelOrder, NewOrder
from producers.gateways.outcomes import Accepted, Outcome, Rejected
from producers.gateways.records import OrderRequest
from producers.gateways.ripio import requests
from producers.gateways.ripio.answers import ALREADY_CANCELED, read_answer, read_change_answer, read_state
from producers.gateways.ripio.queries import RipioQueries
from producers.gateways.ripio.states import OrderState, read_order
from producers.gateways.sending import Call, Sender, if_accepted, seek
from producers.gateways.settings import GatewaySettings
from producers.gateways.turns import is_too_many
from producers.rest import RestAnswer
from producers.venues.ripio import VenueSettings
from producers.venues.ripio.errors import ORDER_NOT_FOUND, RipioError, read_error

__all__ = ["RipioGateway"]

VENUE = "ripio"


class RipioGateway(RipioQueries):
    """Sends requests to Ripio and journals them; an async context manager, and all that queries are.

    Settings that are not given are read from the environment. Any number of requests can be under way
    at once. Each method that sends one returns its outcome, a refusal or an unknown one too, and raises:
        UsageError: the request can't be said to this venue, or (a `LimitError`) the venue's limits leave it no
            turn in time; nothing was journaled or sent.
        ClusterError: its intent could not be journaled; nothing was sent.

    Raises on entering:
        SettingsError: a setting is missing or can't be used.
        ClusterError: Kafka or the registry is not there (with `DROPCOPY_JOURNAL=required`).
    """

    def __init__(
        self,
        settings: Settings | None = None,
        venue: VenueSettings | None = None,
        gateway: GatewaySettings | None = None,
    ) -> None:
        super().__init__(venue, gateway)
        self._journal = Journal(settings or Settings.load(), self._gateway)
        self._sender = Sender(
            VENUE, self._journal, self._client, self._limits, self._gateway, headers=self._signed, passes=_is_too_many
        )

    async def _enter(self, opening: AsyncExitStack) -> None:
        await super()._enter(opening)
        await opening.enter_async_context(self._journal)
        # Whoever leaves while requests are on their way waits for them, with the journal open.
        opening.push_async_callback(self._sender.finish)

    async def post_order(self, order: NewOrder) -> Outcome:
        """Send an order of any type; stop orders are orders like any other here."""
        call = Call("CreateOrder", "POST", "orders", requests.new_order_body(order), read_answer)
        return await self._send(order, call, self._finding(order))

    async def amend_order(self, amend: AmendOrder) -> Outcome:
        """Change the price or the amount of an order, which keeps its ids.

        The venue wants its own id: of an order that is named by its request id alone it is asked for before.
        The stream may not tell of the change (Ripio, PUT /orders): the journal and the next reconciliation do.

        Raises:
            VenueError, CallError: the order's id could not be asked for; nothing was journaled or sent.
        """
        self._check_account(amend)
        venue_order_id = amend.orig_venue_order_id
        if venue_order_id is None:
            named = await self.get_order_state(amend.account, order_request_id=amend.orig_order_request_id)
            venue_order_id = named.venue_order_id
        body = requests.amend_order_body(amend, venue_order_id)
        call = Call("UpdateOrder", "PUT", "orders", body, read_change_answer)
        return await self._send(amend, call, self._sender.repeating(amend, call))

    async def cancel_order(self, cancel: CancelOrder) -> Outcome:
        """Cancel what is left of an order. Accepted means that the venue took the cancel."""
        path, body = requests.cancel_order_call(cancel)
        call = Call("CancelOrder", "DELETE", path, body, read_change_answer, urgent=True)
        return await self._send(cancel, call, self._sender.repeating(cancel, call, _is_canceled))

    async def _send(self, request: OrderRequest, call: Call, settle: Settle) -> Outcome:
        self._check_account(request)
        return await self._sender.send(request, call, settle)

    def _check_account(self, request: OrderRequest) -> None:
        """Refuse another account than the token's: the venue is told none, and would take it for the token's."""
        if request.account != self._venue.account:
            raise UsageError(
                f"account={request.account}: the token is that of {self._venue.account}",
                hint="Nothing was sent. Name the account as DROPCOPY_RIPIO_ACCOUNT does, or use another token.",
            )

    def _signed(self, call: Call) -> dict[str, str]:
        return self._signer.headers(call.method, call.path, call.body, time.time_ns())

    def _finding(self, order: NewOrder) -> Settle:
        """Return what finds out whether there is an order under a request's id."""
        return lambda: self._find(order.order_request_id, self._gateway.order_settle_timeout_s)

    async def _find(self, request_id: str, timeout_s: float) -> Outcome:
        deadline_s = time.monotonic() + timeout_s
        path = requests.order_path(None, request_id)

        async def find() -> OrderState:
            left_s = deadline_s - time.monotonic()
            return await self._ask("GetOrderByExternalId", path, read_order, timeout_s=left_s)

        def is_missing(error: BaseException) -> bool:
            return isinstance(error, RipioError) and error.code == ORDER_NOT_FOUND

        return read_state(request_id, await seek(find, is_missing, timeout_s))


def _is_too_many(answer: RestAnswer) -> bool:
    """Tell whether a call was refused for its rate alone: with a code that leaves doubt it may have been passed on."""
    return is_too_many(answer) and read_error(answer).sure


def _is_canceled(outcome: Outcome) -> Outcome | None:
    """Return what the outcome of a repeated cancel says: the first may have done it, and the second then fails."""
    if isinstance(outcome, Rejected) and outcome.code == ALREADY_CANCELED:
        return Accepted(order_request_id=outcome.order_request_id)
    return if_accepted(outcome)
