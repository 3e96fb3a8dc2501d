"""What can be wrong with the data, as opposed to with the program."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from processors.core.model import Report

__all__ = ["MappingError"]


class MappingError(ValueError):
    """A record that can't be read as what it has to be: it goes to the dead letters, with this as its reason.

    `field` names what was wrong, `value` is what stood there, `reason` says why it can't be used.
    `reports` are what could be read of it all the same, of a record that tells of many orders.
    """

    def __init__(self, field: str, value: object, reason: str, reports: "Sequence[Report]" = ()) -> None:
        super().__init__(field, value, reason)
        self.field = field
        self.value = value
        self.reason = reason
        self.reports = reports

    def __str__(self) -> str:
        return f"{self.field}={self.value!r}: {self.reason}"
