"""What every simulator does to REST calls, whatever the venue: it records them, and lets faults befall them."""

import asyncio
from collections import deque
from collections.abc import Awaitable
from typing import Any

from aiohttp import web

from sandbox.simulators.pending import Pending

__all__ = ["CallLog", "CutReply", "befall", "hold_back"]

Json = dict[str, Any]

# How many calls are remembered.
MOST_CALLS = 10_000


class CutReply(Exception):  # noqa: N818 -- tells the server what to do, and nobody else
    """The connection of the call shall be cut instead of an answer."""


async def befall(pending: Pending, name: str) -> None:
    """Let a call that is done go unanswered, if that is pending.

    Raises:
        CutReply: its connection shall be cut.
    """
    if pending.take("drop_reply", name):
        await asyncio.Event().wait()  # until the client hangs up
    if pending.take("cut_reply", name):
        raise CutReply


async def hold_back(pending: Pending, name: str, when: str) -> None:
    """Wait as long as a call is to be held back, before or after it is done."""
    if delay_s := pending.take_delay_s("rest", name, when):
        await asyncio.sleep(delay_s)


class CallLog:
    """The newest REST calls: what was asked, and how it ended."""

    def __init__(self) -> None:
        self._records: deque[Json] = deque(maxlen=MOST_CALLS)

    def newest(self) -> list[Json]:
        """Return the newest calls, oldest first.

        `outcome` is `answered`, `dropped` (the client hung up before it was), `cut`, or null while it
        is under way.
        """
        return list(self._records)

    async def keep(
        self, request: web.Request, record: Json, answering: Awaitable[web.StreamResponse]
    ) -> web.StreamResponse:
        """Return the answer to a call, and note in its record how it ended."""
        record |= {"status": None, "outcome": None}
        self._records.append(record)
        try:
            answer = await answering
        except CutReply:
            record["outcome"] = "cut"
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        except asyncio.CancelledError:
            record["outcome"] = "dropped"
            raise
        record |= {"status": answer.status, "outcome": "answered"}
        return answer
