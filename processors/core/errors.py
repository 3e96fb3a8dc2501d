"""What can be wrong with the data, as opposed to with the program."""

__all__ = ["MappingError"]


class MappingError(ValueError):
    """A record that can't be read as what it has to be: it goes to the dead letters, with this as its reason.

    `field` names what was wrong, `value` is what stood there, `reason` says why it can't be used.
    """

    def __init__(self, field: str, value: object, reason: str) -> None:
        super().__init__(field, value, reason)
        self.field = field
        self.value = value
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.field}={self.value!r}: {self.reason}"
