"""The errors that a person is told of, by whose fault it is.

    DropcopyError             what a command ends with: a message, a hint, an exit status
    ├── SettingsError         a setting is missing, unknown or wrong
    ├── ClusterError          Kafka or the registry is not as it has to be, or not there
    ├── VenueError            the venue refused, for good
    └── UsageError            what was asked for can't be done

A message names the thing and its value, never a secret; `hint` says what to do.
"""

__all__ = ["ClusterError", "DropcopyError", "SettingsError", "UsageError", "VenueError"]


class DropcopyError(Exception):
    """An error with a message for a person.

    `exit_status` is what a command ends with: 2 for what the caller can mend in the call or the
    settings, 3 for the cluster, 4 for the venue, 1 for all else.
    """

    exit_status = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class SettingsError(DropcopyError):
    """Settings that can't be used; the message names each of them."""

    exit_status = 2


class UsageError(DropcopyError):
    """A call that can't be carried out as it was made."""

    exit_status = 2


class ClusterError(DropcopyError):
    """Kafka or the schema registry can't be reached, or differs from what is needed."""

    exit_status = 3


class VenueError(DropcopyError):
    """The venue refused in a way that trying again won't change."""

    exit_status = 4
