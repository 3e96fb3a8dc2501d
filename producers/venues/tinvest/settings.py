"""Where T-Invest is, and as whom to go there."""

import re
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator

from dropcopy.settings import SettingsGroup

__all__ = ["IN_HEADERS", "VenueSettings", "rest_headers"]


def _split(value: Any) -> Any:
    parts = value.split(",") if isinstance(value, str) else value
    return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))


# What a header can carry.
IN_HEADERS = r"^[!-~]+$"
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

    token: SecretStr = Field(min_length=1)
    accounts: Annotated[tuple[_Account, ...], BeforeValidator(_split)] = Field(min_length=1)
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

    @field_validator("token")
    @classmethod
    def _header_safe(cls, token: SecretStr) -> SecretStr:
        if not re.fullmatch(IN_HEADERS, token.get_secret_value()):
            raise ValueError("holds a space or a character that can't stand in a header")
        return token


def rest_headers(settings: VenueSettings) -> dict[str, str]:
    """Return the headers of every call ("gRPC", request headers; the same for REST)."""
    return {
        "authorization": f"Bearer {settings.token.get_secret_value()}",
        "x-app-name": "dropcopy",
        "user-agent": f"dropcopy/{version('dropcopy')}",
    }
