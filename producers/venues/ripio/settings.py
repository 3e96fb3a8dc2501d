"""Where Ripio Trade is, and as whom to go there."""

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field, SecretStr

from dropcopy.settings import SettingsGroup
from producers.venue_settings import COMMA_SEPARATED, IN_HEADERS, HeaderSecret

__all__ = ["VenueSettings"]

_Pair = Annotated[str, Field(pattern=r"^[A-Za-z0-9]+_[A-Za-z0-9]+$")]


class VenueSettings(SettingsGroup):
    """`DROPCOPY_RIPIO_…`: the API token and its secret, and where the venue is.

    A token belongs to one user, whom the venue knows by a UUID: `account` is what the operator calls that
    account, in Kafka's keys and headers. `pairs` are those that it trades (`BTC_BRL`): the venue lists
    orders and trades by pair, so what was missed on the stream is found in these and in those heard of since;
    a feed that reconciles needs them.

    `calls_per_s` is the venue's own limit: 1 before the user's documents are approved, 3.5 after ("Limits").
    `timestamp_tolerance_ms` is for how long after its timestamp a call is valid, at most 60,000
    ("Authorization"). The documents do not say how often the stream wants a ping, nor whether it answers:
    one goes out every `ping_every_s`, and after `silence_s` without a word the connection is made anew.
    """

    group: ClassVar[str] = "ripio"

    api_token: HeaderSecret
    api_secret: SecretStr = Field(min_length=1)
    account: str = Field(pattern=IN_HEADERS)
    pairs: Annotated[tuple[_Pair, ...], COMMA_SEPARATED] = ()
    rest_url: str = Field(default="https://api.ripiotrade.co/v4", pattern=r"^https?://[^/?#]+(/[^?#]*)?$")
    ws_url: str = Field(default="wss://ws.ripiotrade.co", pattern=r"^wss?://[^/]")
    ca_file: Path | None = None
    reconcile: bool = True
    calls_per_s: float = Field(default=1, gt=0, le=10_000)
    timestamp_tolerance_ms: int = Field(default=5000, ge=1, le=60_000)
    ping_every_s: float = Field(default=20, gt=0, le=3600)
    silence_s: float = Field(default=65, gt=0, le=3600)
