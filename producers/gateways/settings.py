"""Settings of order entry, whatever the venue, but for how often T-Invest may be called."""

from typing import Literal

from pydantic import Field

from dropcopy.settings import SettingsGroup

__all__ = ["GatewaySettings"]


class GatewaySettings(SettingsGroup):
    """`DROPCOPY_JOURNAL` and the time limits of a request's way to the venue.

    With `required`, a request is sent only once Kafka has acknowledged the intent; with
    `best_effort` it is sent whatever becomes of the journal.
    """

    journal: Literal["required", "best_effort"] = "required"
    journal_timeout_s: float = Field(default=5, gt=0, le=300)

    # Of the whole call, attempts to connect included. T-Invest recommends 1.5 s at the least ("Deadlines").
    order_timeout_s: float = Field(default=5, gt=0, le=300)
    # How often a connection is tried for before an order is given up as not sent.
    order_connect_attempts: int = Field(default=3, ge=1, le=20)
    # How long a request may wait for its turn within the venue's limits; if it can't have it by then, nothing is sent.
    order_turn_timeout_s: float = Field(default=5, ge=0, le=300)
    # For how long the venue is asked what came of an order whose call told nothing; 0 leaves it to the feed.
    order_settle_timeout_s: float = Field(default=5, ge=0, le=300)
    # Of a query with all its attempts, each of which takes at most as long as an order's call.
    query_timeout_s: float = Field(default=10, gt=0, le=300)
    # At T-Invest, whether calls keep to the limits that it documents, or only to those that its answers tell.
    call_limits: Literal["documented", "told"] = "documented"
    # Of all calls of this process to one address of T-Invest ("Limits": 50 from one IP address). The other venues
    # have a setting of that name of their own.
    calls_per_s: int = Field(default=50, ge=1, le=10_000)
