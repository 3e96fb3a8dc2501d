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

from dropcopy.errors import UsageError
from dropcopy.settings import Settings
from producers.gateways.entry import Settle
from producers.gateways.journal import Journal
from producers.gateways.orders import CancelOrder, CancelStopOrder, NewOrder
from producers.gateways.outcomes import Outcome
from producers.gateways.outpoll import requests
from producers.gateways.outpoll.answers import read_answer, read_cancel_answer
from producers.gateways.outpoll.queries import OutpollQueries
from producers.gateways.outpoll.requests import Request
from producers.gateways.records import OrderRequest
from producers.gateways.sending import Call, Sender
from producers.gateways.settings import GatewaySettings
from producers.gateways.stop_orders import NewStopOrder
from producers.rest import RestAnswer
from producers.venues.outpoll import VenueSettings

__all__ = ["OutpollGateway"]

VENUE = "outpoll"


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
        self._sender = Sender(
            VENUE, self._journal, self._client, self._limits, self._gateway, headers=self._signed_call
        )

    async def _enter(self, opening: AsyncExitStack) -> None:
        await super()._enter(opening)
        await opening.enter_async_context(self._journal)
        # Whoever leaves while requests are on their way waits for them, with the journal open.
        opening.push_async_callback(self._sender.finish)

    async def post_order(self, order: NewOrder) -> Outcome:
        """Send a limit or a market order. Accepted means that the venue has it, not that it traded."""
        return await self._send(order, _call(requests.post_order(order), read_answer))

    async def cancel_order(self, cancel: CancelOrder) -> Outcome:
        """Cancel what is left of a limit order. Accepted means that the venue took the cancel."""
        return await self._cancel(cancel, requests.cancel_order(cancel))

    async def post_stop_order(self, order: NewStopOrder) -> Outcome:
        """Place a take-profit / stop-loss order."""
        return await self._send(order, _call(requests.post_stop_order(order), read_answer))

    async def cancel_stop_order(self, cancel: CancelStopOrder) -> Outcome:
        """Cancel a take-profit / stop-loss order that has not triggered."""
        return await self._cancel(cancel, requests.cancel_stop_order(cancel))

    async def _cancel(self, cancel: CancelOrder, request: Request) -> Outcome:
        # To cancel what is canceled does no harm, so a cancel without an answer is made once more.
        call = _call(request, read_cancel_answer, urgent=True)
        return await self._send(cancel, call, self._sender.repeating(cancel, call))

    async def _send(self, request: OrderRequest, call: Call, settle: Settle | None = None) -> Outcome:
        if request.account != self._venue.account:
            raise UsageError(
                f"account={request.account}: the key is that of {self._venue.account}",
                hint="Nothing was sent. Name the account as DROPCOPY_OUTPOLL_ACCOUNT does, or use another key.",
            )
        return await self._sender.send(request, call, settle)

    def _signed_call(self, call: Call) -> dict[str, str]:
        return self._signed(call.method, call.path, call.body)


def _call(request: Request, read: Callable[[str, RestAnswer, int], Outcome], *, urgent: bool = False) -> Call:
    def read_now(request_id: str, answer: RestAnswer) -> Outcome:
        return read(request_id, answer, time.time_ns())

    return Call(request.name, request.method, request.path, request.body, read_now, urgent)
