"""Limits on request, as every simulator reads them."""

from collections.abc import Mapping
from typing import Any, TypeVar

from sandbox.simulators.wishes import Wish, read_as

__all__ = ["LimitsError", "limits_of"]

Limits = TypeVar("Limits", bound=Wish)


class LimitsError(ValueError):
    """Limits that there can't be."""


def limits_of(model: type[Limits], value: Any, named: Mapping[str, Limits]) -> Limits:
    """Return the limits that a control call asks for: by a name that they have, or an object.

    Raises:
        LimitsError: it describes none; the message says where it is wrong.
    """
    if isinstance(value, str):
        if value not in named:
            raise LimitsError(f"{value!r} is none of {', '.join(named)}")
        return named[value]
    return read_as(model.model_validate, value, LimitsError)
