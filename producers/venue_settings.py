"""What the settings of venues have in common: values that go into headers, and lists."""

import re
from importlib.metadata import version
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

__all__ = ["COMMA_SEPARATED", "IN_HEADERS", "HeaderSecret", "plain_headers"]

# What a header can carry.
IN_HEADERS = r"^[!-~]+$"


def _header_safe(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(IN_HEADERS, secret.get_secret_value()):
        raise ValueError("holds a space or a character that can't stand in a header")
    return secret


def _split(value: Any) -> Any:
    parts = value.split(",") if isinstance(value, str) else value
    return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))


HeaderSecret = Annotated[SecretStr, Field(min_length=1), AfterValidator(_header_safe)]
"""A secret that is sent as a header's value."""

COMMA_SEPARATED = BeforeValidator(_split)
"""Lets a tuple of texts be written as one text with commas; what is in it twice counts once."""


def plain_headers() -> dict[str, str]:
    """Return the headers of every call and hand-shake that are the same each time, at every venue."""
    return {"user-agent": f"dropcopy/{version('dropcopy')}"}
