"""What all that asks the simulator for something has in common."""

from pydantic import BaseModel, ConfigDict, ValidationError

__all__ = ["Wish", "problems"]


class Wish(BaseModel):
    """An object that a control call sends; what it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def problems(error: ValidationError) -> str:
    """Return what is wrong, and where, on one line."""
    return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors(include_url=False))
