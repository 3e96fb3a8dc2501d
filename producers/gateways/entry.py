"""The way of an order: its intent into the journal, the call to the venue, what came of it into the journal.

Between the two records a crash leaves the order in doubt, and the intent says so to everyone.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_after_delay,
    wait_exponential_jitter,
)

from producers.gateways.journal import Journal
from producers.gateways.orders import NOT_SENT, NewOrder, Outcome, Rejected, Unknown, intent_record, outcome_record
from producers.gateways.settings import GatewaySettings
from producers.rest import NotSent, OutcomeUnknown, RestAnswer, RestClient

__all__ = ["call_once", "enter"]


async def enter(venue: str, order: NewOrder, journal: Journal, send: Callable[[], Awaitable[Outcome]]) -> Outcome:
    """Journal the intent, `send` the order, journal and return the outcome.

    Raises:
        ClusterError: the intent was not acknowledged, so nothing was sent.
    """
    request_id = order.order_request_id
    intent = intent_record(venue, order, time.time_ns())
    try:
        await journal.write(intent)
    except BaseException:
        # The intent may yet arrive: then this after it tells that it went no further.
        outcome: Outcome = Rejected(
            order_request_id=request_id, code=NOT_SENT, text="the intent was not journaled in time; nothing was sent"
        )
        journal.write_behind(outcome_record(intent, outcome, time.time_ns()))
        raise
    try:
        outcome = await send()
    except BaseException as error:
        text = f"the call was given up: {type(error).__name__}"
        outcome = Unknown(order_request_id=request_id, code="ABANDONED", text=text)
        journal.write_behind(outcome_record(intent, outcome, time.time_ns()))
        raise
    journal.write_behind(outcome_record(intent, outcome, time.time_ns()))
    return outcome


async def call_once(
    client: RestClient, path: str, body: bytes, request_id: str, gateway: GatewaySettings
) -> RestAnswer | Outcome:
    """Make a call that must reach the venue at most once; return the answer, or what its lack means.

    Only a connection is tried for again, never a call that may have gone out.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + gateway.order_timeout_s
    tries = AsyncRetrying(
        retry=retry_if_exception_type(NotSent),
        stop=stop_after_attempt(gateway.order_connect_attempts) | stop_after_delay(gateway.order_timeout_s),
        wait=wait_exponential_jitter(multiplier=0.05, max=1, jitter=0.05),
        reraise=True,
    )

    async def post() -> RestAnswer:
        return await client.post(path, body, timeout_s=max(0, deadline - loop.time()))

    try:
        return await tries(post)
    except NotSent as error:
        return Rejected(order_request_id=request_id, code=NOT_SENT, text=f"nothing was sent: {error.message}")
    except OutcomeUnknown as error:
        return Unknown(order_request_id=request_id, code=error.code, text=error.message)
