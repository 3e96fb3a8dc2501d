"""Errors as the venue answers them: its table of codes, and the two forms in which their bodies come.

Sources: Ripio Trade API v4, Errors; Introduction, "Error" and "Limits".
"""

from typing import Any

from sandbox.simulators.ripio.values import as_json

__all__ = ["DAY_SPENT", "SECOND_SPENT", "Refusal", "error_body"]

_MESSAGES = {
    40000: "Invalid parameters.",
    40010: "Order amount below minimum.",
    40011: "Insufficient funds.",
    40020: "Order already canceled.",
    40021: "Order executed completely.",
    40090: "Unsupported operation.",
    40100: "Not authorized",
    40300: "Forbidden Access",
    40400: "Not found",
    42900: "Requests limit reached",
    50000: "Internal server error",
    50001: "Error to get data",
    50002: "External communication error",
    50003: "Internal communication error",
    503: "Maintenance in course",
}

SECOND_SPENT = "Too many requests"
DAY_SPENT = "Limit Exceeded"


class Refusal(Exception):  # noqa: N818 -- it is the venue that refuses; nothing failed
    """A request that the venue does not do: its code, and a message of its own or the table's.

    `bare` has the body without the envelope, as the rate limits' are.
    """

    def __init__(self, code: int, message: str = "", *, bare: bool = False) -> None:
        self.code = code
        self.message = message or _MESSAGES.get(code, "")
        self.bare = bare
        super().__init__(f"{code} {self.message}")

    @property
    def http_status(self) -> int:
        """The HTTP status: the first three digits of the code."""
        return int(str(self.code)[:3])

    @property
    def body(self) -> str:
        """The answer's body."""
        return as_json({"message": self.message} if self.bare else error_body(self.code, self.message))


def error_body(code: int, message: str = "") -> dict[str, Any]:
    """Return the envelope of an error."""
    return {"error_code": code, "message": message or _MESSAGES.get(code, ""), "data": None}
