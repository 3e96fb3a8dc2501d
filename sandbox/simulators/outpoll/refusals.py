"""Errors as the venue answers them.

The documents list statuses (Outpoll, Place Limit Order, "Common errors") and no bodies; the form here is
that of the streams' errors.
"""

__all__ = ["Refusal"]


class Refusal(Exception):  # noqa: N818 -- the venue's answer to a request, not a failure of the simulator
    """A request is refused with an HTTP status and a text."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
