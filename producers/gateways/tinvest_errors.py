"""What T-Invest's REST refusals say.

A refusal's body has gRPC's status number as `code` and the venue's five-digit code as `description`,
the latter as text or number (T-Invest, openapi.yaml, ErrorResponse). Some answers carry the five
digits as `code`, and some statuses come with no body, or with one that is no JSON.
"""

import json
from typing import Any

from dropcopy.errors import VenueError
from producers.rest import RestAnswer

__all__ = ["TInvestError", "read_error"]

GRPC_MOST = 16
# A proxy may answer with a page of its own.
MESSAGE_MOST = 1000


class TInvestError(VenueError):
    """A refusal by T-Invest.

    `code` is the venue's own (`30057`), `HTTP_<status>` where it gave none; `grpc_status` is gRPC's
    number, if it was given; `tracking_id` is what the venue's support asks for.
    """

    def __init__(self, code: str, message: str, *, grpc_status: int | None, http_status: int, tracking_id: str) -> None:
        super().__init__(f"T-Invest refused with {code}: {message}")
        self.code = code
        self.text = message
        self.grpc_status = grpc_status
        self.http_status = http_status
        self.tracking_id = tracking_id


def read_error(answer: RestAnswer) -> TInvestError:
    """Return what a refusal says, from its body and its headers (`x-tracking-id`, `message`)."""
    body = _json_object(answer.body)
    numbers = [_number(body.get("description")), _number(body.get("code"))]
    code = next((str(number) for number in numbers if number is not None and number > GRPC_MOST), None)
    grpc_status = numbers[1] if numbers[1] is not None and numbers[1] <= GRPC_MOST else None
    message = body.get("message") or answer.headers.get("message") or f"HTTP status {answer.status}"
    return TInvestError(
        code or f"HTTP_{answer.status}",
        str(message)[:MESSAGE_MOST],
        grpc_status=grpc_status,
        http_status=answer.status,
        tracking_id=answer.headers.get("x-tracking-id", ""),
    )


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _number(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value)
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 5 else None
