"""The way of a request: its intent into the journal, the call to the venue, what came of it into the journal.

Between the two records a crash leaves the request in doubt, and the intent says so to everyone.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_after_delay,
    wait_exponential_jitter,
)

from producers.gateways.journal import Journal
from producers.gateways.outcomes import NOT_SENT, Outcome, Rejected, Unknown
from producers.gateways.records import OrderRequest, intent_record, outcome_record
from producers.gateways.settings import GatewaySettings
from producers.rest import NotSent, OutcomeUnknown, RestAnswer, RestClient

__all__ = ["Settle", "call_once", "enter"]

# Asks the venue what came of a request whose call told nothing; None when it doesn't tell that either.
Settle = Callable[[], Awaitable[Outcome | None]]


async def enter(
    venue: str,
    request: OrderRequest,
    venue_request: str,
    journal: Journal,
    send: Callable[[], Awaitable[Outcome]],
    settle: Settle | None = None,
) -> Outcome:
    """Journal the intent, `send` the request, journal and return the outcome.

    `venue_request` is the call that `send` makes, for the journal.

    An unknown outcome is journaled at once, and what `settle` then finds out after it.

    Raises:
        ClusterError: the intent was not acknowledged, so nothing was sent.
    """
    request_id = request.order_request_id
    intent = intent_record(venue, request, venue_request, time.time_ns())

    def journaled(outcome: Outcome) -> Outcome:
        journal.write_behind(outcome_record(intent, outcome, time.time_ns()))
        return outcome

    try:
        await journal.write(intent)
    except BaseException:
        # The intent may yet arrive: then this after it tells that it went no further.
        text = "the intent was not journaled in time; nothing was sent"
        journaled(Rejected(order_request_id=request_id, code=NOT_SENT, text=text))
        raise
    try:
        outcome = await send()
    except BaseException as error:
        text = f"the call was given up: {type(error).__name__}"
        journaled(Unknown(order_request_id=request_id, code="ABANDONED", text=text))
        raise
    journaled(outcome)
    if isinstance(outcome, Unknown) and settle is not None:
        settled = await settle()
        return outcome if settled is None else journaled(settled)
    return outcome


async def call_once(
    client: RestClient,
    path: str,
    body: bytes,
    request_id: str,
    gateway: GatewaySettings,
    *,
    method: str,
    headers: Callable[[], Mapping[str, str]],
) -> RestAnswer | Outcome:
    """Make a call that must reach the venue at most once; return the answer, or what its lack means.

    Only a connection is tried for again, never a call that may have gone out; `headers` are asked for
    at each try, for a signature may hold the time.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + gateway.order_timeout_s
    tries = AsyncRetrying(
        retry=retry_if_exception_type(NotSent),
        stop=stop_after_attempt(gateway.order_connect_attempts) | stop_after_delay(gateway.order_timeout_s),
        wait=wait_exponential_jitter(multiplier=0.05, max=1, jitter=0.05),
        reraise=True,
    )

    async def call() -> RestAnswer:
        left_s = max(0, deadline - loop.time())
        return await client.request(method, path, body, headers=headers(), timeout_s=left_s)

    try:
        return await tries(call)
    except NotSent as error:
        text = f"nothing was sent: {error.message}"
        return Rejected(
            order_request_id=request_id, code=NOT_SENT, text=text, retry_is_safe=True, advice=error.hint or None
        )
    except OutcomeUnknown as error:
        return Unknown(order_request_id=request_id, code=error.code, text=error.message)
