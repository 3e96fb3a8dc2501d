"""Where Outpoll is, and as whom to go there."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field, SecretStr, field_validator

from dropcopy.settings import SettingsGroup
from producers.venue_settings import IN_HEADERS, HeaderSecret
from producers.venues.outpoll.signing import key_of

__all__ = ["VenueSettings"]


class VenueSettings(SettingsGroup):
    """`DROPCOPY_OUTPOLL_…`: the key and its secret, and where the venue's services are.

    A key belongs to one account, which the venue has no name for that is told with orders: `account` is what
    the operator calls it, in Kafka's keys and headers. The secret is base64url, as the venue shows it once.

    The venue has a host for each service, and two private streams: the order updates (`ws_url`) and the
    history service's order feed (`order_feed_url`, which may be empty: then it is not read). A page of the
    documents names one host, https://api.outpoll.com, for all calls: then it is both `rest_url` and
    `history_url`. With `pong` each PING is answered; the documents do not say whether that is wanted.
    `calls_per_s` are of one process with one key: the venue limits calls, and its numbers are not documented.
    """

    group: ClassVar[str] = "outpoll"

    api_key: HeaderSecret
    api_secret: SecretStr = Field(min_length=1)
    account: str = Field(pattern=IN_HEADERS)
    rest_url: str = Field(default="https://order-service.outpoll.com", pattern=r"^https?://[^/]")
    history_url: str = Field(default="https://history-service.outpoll.com", pattern=r"^https?://[^/]")
    ws_url: str = Field(default="wss://order-service.outpoll.com/order/ws", pattern=r"^wss?://[^/]")
    order_feed_url: str = Field(default="wss://history-service.outpoll.com/order/ws", pattern=r"^(wss?://[^/].*)?$")
    ca_file: Path | None = None
    reconcile: bool = True
    pong: bool = False
    # The venue pings; how often, the documents do not say.
    silence_s: float = Field(default=60, gt=0, le=3600)
    calls_per_s: int = Field(default=5, ge=1, le=10_000)

    @field_validator("api_secret")
    @classmethod
    def _decodable(cls, secret: SecretStr) -> SecretStr:
        key_of(secret.get_secret_value())
        return secret
