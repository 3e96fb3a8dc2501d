"""Settings of order entry, the same for every venue."""

from typing import Literal

from pydantic import Field

from dropcopy.settings import SettingsGroup

__all__ = ["GatewaySettings"]


class GatewaySettings(SettingsGroup):
    """`DROPCOPY_JOURNAL` and the time limits of an order's way to the venue.

    With `required`, an order is sent only once Kafka has acknowledged the intent; with
    `best_effort` it is sent whatever becomes of the journal.
    """

    journal: Literal["required", "best_effort"] = "required"
    journal_timeout_s: float = Field(default=5, gt=0, le=300)

    # Of the whole call, attempts to connect included. T-Invest recommends 1.5 s at the least ("Deadlines").
    order_timeout_s: float = Field(default=5, gt=0, le=300)
    # How often a connection is tried for before an order is given up as not sent.
    order_connect_attempts: int = Field(default=3, ge=1, le=20)
