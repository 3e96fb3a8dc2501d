"""What all that asks a simulator for something has in common."""

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

__all__ = ["Wish", "read_as"]

Read = TypeVar("Read")


class Wish(BaseModel):
    """An object that a control call sends; what it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def read_as(read: Callable[[Any], Read], value: Any, refusal: type[ValueError]) -> Read:
    """Return what `read`, a model's validation, makes of a value.

    Raises:
        ValueError: it can't be read: a `refusal` that says what is wrong, and where, on one line.
    """
    try:
        return read(value)
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors(include_url=False))
        raise refusal("; ".join(problems)) from None
