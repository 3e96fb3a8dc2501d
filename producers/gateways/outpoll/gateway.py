"""Order entry at Outpoll over REST, journaled.

    async with OutpollGateway() as gateway:
        outcome = await gateway.post_order(NewOrder(account=…, instrument=…, event=…, outcome=…, …))

The venue carries no id of the client's. So the id in its answer is all that ties an order to its request, and
an order whose call got no answer stays UNKNOWN: it is never sent again, and whether there is one is for the join
to find in the venue's own list.
"""

import time
from collections.abc import Callable
from contextlib import AsyncExitStack

from dropcopy.errors import DropcopyError, UsageError
from dropcopy.logs import get_logger
from dropcopy.settings import Settings
from producers.gateways.entry import Settle, call_once, enter
from producers.gateways.journal import Journal
from producers.gateways.orders import Accepted, CancelOrder, CancelStopOrder, NewOrder, Outcome
from producers.gateways.outpoll import requests
from producers.gateways.outpoll.answers import read_answer, read_cancel_answer
from producers.gateways.outpoll.queries import OutpollQueries
from producers.gateways.outpoll.requests import Request
from producers.gateways.records import OrderRequest
from producers.gateways.settings import GatewaySettings
from producers.gateways.stop_orders import NewStopOrder
from producers.gateways.turns import InTurn
from producers.rest import RestAnswer
from producers.venues.outpoll import VenueSettings

__all__ = ["OutpollGateway"]

_log = get_logger(__name__)

VENUE = "outpoll"

_Read = Callable[[str, RestAnswer, int], Outcome]


class OutpollGateway(OutpollQueries):
    """Sends requests to Outpoll and journals them; an async context manager, and all that queries are.

    Settings that are not given are read from the environment. Any number of requests can be under way at once.
    Each method that sends one returns its outcome, a refusal or an unknown one too, and raises:
        UsageError: the request can't be said to this venue, or (a `LimitError`) there is no turn in time;
            nothing was journaled or sent.
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

    async def _enter(self, opening: AsyncExitStack) -> None:
        await super()._enter(opening)
        await opening.enter_async_context(self._journal)

    async def post_order(self, order: NewOrder) -> Outcome:
        """Send a limit or a market order. Accepted means that the venue has it, not that it traded."""
        return await self._send(order, requests.post_order(order), read_answer)

    async def cancel_order(self, cancel: CancelOrder) -> Outcome:
        """Cancel what is left of a limit order. Accepted means that the venue took the cancel."""
        return await self._cancel(cancel, requests.cancel_order(cancel))

    async def post_stop_order(self, order: NewStopOrder) -> Outcome:
        """Place a take-profit / stop-loss order."""
        return await self._send(order, requests.post_stop_order(order), read_answer)

    async def cancel_stop_order(self, cancel: CancelStopOrder) -> Outcome:
        """Cancel a take-profit / stop-loss order that has not triggered."""
        return await self._cancel(cancel, requests.cancel_stop_order(cancel))

    async def _cancel(self, cancel: CancelOrder, request: Request) -> Outcome:
        # To cancel what is canceled does no harm, so a cancel without an answer is made once more.
        return await self._send(cancel, request, read_cancel_answer, urgent=True, settle=self._again(cancel, request))

    async def _send(
        self, order: OrderRequest, request: Request, read: _Read, *, urgent: bool = False, settle: Settle | None = None
    ) -> Outcome:
        self._check_account(order.account)
        timeout_s = self._gateway.order_turn_timeout_s
        in_turn = InTurn(self._limits, request.name, urgent=urgent, timeout_s=timeout_s)

        async def make() -> RestAnswer | Outcome:
            return await call_once(
                self._client,
                request.path,
                request.body,
                order.order_request_id,
                self._gateway,
                method=request.method,
                headers=lambda: self._signed(request.method, request.path, request.body),
            )

        async def send() -> Outcome:
            answer = await in_turn.call(make)
            return read(order.order_request_id, answer, time.time_ns()) if isinstance(answer, RestAnswer) else answer

        # The turn comes first: what waits for one is not yet asked for.
        async with in_turn:
            return await enter(VENUE, order, self._journal, send, settle)

    def _check_account(self, account: str) -> None:
        if account != self._venue.account:
            raise UsageError(
                f"account={account}: the key is that of {self._venue.account}",
                hint="Nothing was sent. Name the account as DROPCOPY_OUTPOLL_ACCOUNT does, or use another key.",
            )

    def _again(self, cancel: CancelOrder, request: Request) -> Settle | None:
        timeout_s = self._gateway.order_settle_timeout_s

        async def again() -> Outcome | None:
            try:
                async with self._limits.turn(request.name, urgent=True, timeout_s=timeout_s):
                    headers = self._signed(request.method, request.path, b"")
                    answer = await self._client.request(
                        request.method, request.path, headers=headers, timeout_s=timeout_s
                    )
                    self._limits.learn(request.name, answer.headers, answer.status)
            except DropcopyError as error:
                _log.warning("outcome_not_settled", order_request_id=cancel.order_request_id, reason=error.message)
                return None
            outcome = read_cancel_answer(cancel.order_request_id, answer, time.time_ns())
            # Only that it is taken says anything: it may be refused for the first having been done.
            return outcome if isinstance(outcome, Accepted) else None

        return again if timeout_s else None
