"""Where T-Invest is, and as whom to go there."""

from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import Field, model_validator

from dropcopy.settings import SettingsGroup
from producers.venue_settings import COMMA_SEPARATED, IN_HEADERS, HeaderSecret, plain_headers

__all__ = ["VenueSettings", "rest_headers"]

_Account = Annotated[str, Field(pattern=IN_HEADERS)]


_PRODUCTION: Final = "production"
# The servers of the OpenAPI and AsyncAPI descriptions. They name none for the sandbox's WebSocket:
# that one is formed like the others.
_ADDRESSES = {
    _PRODUCTION: {
        "rest_url": "https://invest-public-api.tbank.ru/rest",
        "ws_url": "wss://invest-public-api.tbank.ru/ws",
    },
    "sandbox": {
        "rest_url": "https://sandbox-invest-public-api.tbank.ru/rest",
        "ws_url": "wss://sandbox-invest-public-api.tbank.ru/ws",
    },
}


class VenueSettings(SettingsGroup):
    """`DROPCOPY_TINVEST_…`: the token, the accounts it is to hear, and where the venue is.

    `environment` is the venue's own: real trading, or its sandbox, which has tokens and accounts of
    its own. It gives the addresses that are not set. The venue's certificates are issued by the
    Russian Trusted Root CA, which ordinary trust stores lack: `ca_file` names a PEM file that holds it.
    `stop_orders_days` is how far back stop orders are read for the end of one that the stream did not tell.
    """

    group: ClassVar[str] = "tinvest"

    token: HeaderSecret
    accounts: Annotated[tuple[_Account, ...], COMMA_SEPARATED] = Field(min_length=1)
    environment: Literal["production", "sandbox"] = _PRODUCTION
    rest_url: str = Field(pattern=r"^https?://[^/]")
    ws_url: str = Field(pattern=r"^wss?://[^/]")
    ca_file: Path | None = None
    # OrderStateStreamRequest: 1,000 to 120,000. The venue's own Java SDK asks for 5,000.
    ping_delay_ms: int = Field(default=5000, ge=1000, le=120_000)
    reconcile: bool = True
    stop_orders_days: int = Field(default=30, ge=1, le=3650)

    @model_validator(mode="before")
    @classmethod
    def _addressed(cls, values: dict[str, Any]) -> dict[str, Any]:
        environment = str(values.get("environment", _PRODUCTION))
        return _ADDRESSES.get(environment, _ADDRESSES[_PRODUCTION]) | values


def rest_headers(settings: VenueSettings) -> dict[str, str]:
    """Return the headers of every call ("gRPC", request headers; the same for REST)."""
    token = settings.token.get_secret_value()
    return {"authorization": f"Bearer {token}", "x-app-name": "dropcopy"} | plain_headers()
