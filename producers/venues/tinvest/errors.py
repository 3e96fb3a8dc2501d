"""What T-Invest's REST refusals say, and what to do about each.

A refusal's body has gRPC's status number as `code` and the venue's five-digit code as `description`,
the latter as text or number (T-Invest, openapi.yaml, ErrorResponse). Some answers carry the five
digits as `code`, and some statuses come with no body, or with one that is no JSON.

`errors.json` holds every code of "Error codes": its gRPC status, its text, what to do, and
where it differs from others of its status, whether it is `sure` and whether to `retry`. A code that
is not there goes by its gRPC status, one without that by its HTTP status ("HTTP codes").
"""

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import msgspec

from producers.refusals import RefusalError
from producers.rest import RestAnswer

__all__ = ["CODES", "GRPC", "HTTP", "Known", "Status", "TInvestError", "is_rate_limited", "read_error"]

GRPC_MOST = 16
# A proxy may answer with a page of its own.
MESSAGE_MOST = 1000

_ASK = "Ask GetOrderState by the request id first; the same request under the same id may be made again."


class Status(msgspec.Struct, frozen=True):
    """What a status says of the request.

    `sure`: it surely came to nothing. `retry`: the same request, under the same id where it has one,
    may be made again without harm, and may then succeed. `advice` is a sentence for a person.
    """

    name: str
    sure: bool
    retry: bool
    advice: str


# By number. Those that are not sure can befall the venue after it passed an order on.
GRPC: Mapping[int, Status] = {
    1: Status("CANCELLED", False, True, _ASK),
    2: Status("UNKNOWN", False, True, _ASK),
    3: Status("INVALID_ARGUMENT", True, False, "Correct the request as the text says."),
    4: Status("DEADLINE_EXCEEDED", False, True, _ASK),
    5: Status("NOT_FOUND", True, False, "Correct the id that the text names."),
    6: Status("ALREADY_EXISTS", False, False, "Do not send it anew: ask GetOrderState by the request id."),
    7: Status("PERMISSION_DENIED", True, False, "Use a token that may do this with this account."),
    8: Status("RESOURCE_EXHAUSTED", True, True, "Wait for the reset that the answer names, then ask again."),
    9: Status("FAILED_PRECONDITION", True, False, "See the text for what has to be done before."),
    10: Status("ABORTED", False, True, _ASK),
    11: Status("OUT_OF_RANGE", True, False, "Correct the request as the text says."),
    12: Status("UNIMPLEMENTED", True, False, "Use another method: the venue does not offer this one."),
    13: Status("INTERNAL", False, True, _ASK),
    14: Status("UNAVAILABLE", False, True, _ASK),
    15: Status("DATA_LOSS", False, True, _ASK),
    16: Status("UNAUTHENTICATED", True, False, "Check DROPCOPY_TINVEST_TOKEN: it may be mistyped or revoked."),
}
_NUMBERS = {status.name: number for number, status in GRPC.items()}

_URL = "Check DROPCOPY_TINVEST_REST_URL: it ends in /rest."
_FORM = "Report it: the venue does not take requests of this form."

# "HTTP codes", and what a server or a proxy says of a request that it did not carry out.
HTTP: Mapping[int, Status] = {
    400: GRPC[3],
    401: GRPC[16],
    403: GRPC[7],
    404: Status("NOT_FOUND", True, False, _URL),
    405: Status("METHOD_NOT_ALLOWED", True, True, "Ask again later: the method is not available."),
    406: Status("NOT_ACCEPTABLE", True, False, _FORM),
    408: GRPC[4],
    411: Status("LENGTH_REQUIRED", True, False, _FORM),
    413: Status("CONTENT_TOO_LARGE", True, False, "Make the request smaller."),
    414: Status("URI_TOO_LONG", True, False, _URL),
    415: Status("UNSUPPORTED_MEDIA_TYPE", True, False, _FORM),
    422: GRPC[3],
    426: Status("UPGRADE_REQUIRED", True, False, _FORM),
    429: GRPC[8],
    500: GRPC[13],
    501: GRPC[12],
    502: GRPC[14],
    503: GRPC[14],
    504: GRPC[4],
}
_OTHER = Status("OTHER", False, False, _ASK)


class Known(msgspec.Struct, frozen=True):
    """What is known of one of the venue's codes: see `Status`; None is as its gRPC status has it."""

    grpc: str
    text: str
    advice: str
    sure: bool | None = None
    retry: bool | None = None

    @property
    def number(self) -> int:
        """The gRPC status as a number."""
        return _NUMBERS[self.grpc]

    @property
    def status(self) -> Status:
        """What the code says of the request."""
        usual = GRPC[self.number]
        return Status(
            self.grpc,
            usual.sure if self.sure is None else self.sure,
            usual.retry if self.retry is None else self.retry,
            self.advice,
        )


CODES: Mapping[str, Known] = msgspec.json.decode(
    files(__package__).joinpath("errors.json").read_bytes(), type=dict[str, Known]
)


class TInvestError(RefusalError):
    """A refusal by T-Invest.

    `code` is the venue's own (`30057`), `HTTP_<status>` where it gave none; `grpc_status` is gRPC's
    number, if the venue gave it or its code implies it; `tracking_id` is what the venue's support asks for.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        grpc_status: int | None,
        http_status: int,
        tracking_id: str,
        status: Status = _OTHER,
    ) -> None:
        super().__init__(
            f"T-Invest refused with {code}: {message}",
            code=code,
            text=message,
            http_status=http_status,
            sure=status.sure,
            retry_is_safe=status.retry,
            advice=status.advice,
        )
        self.grpc_status = grpc_status
        self.tracking_id = tracking_id


def read_error(answer: RestAnswer) -> TInvestError:
    """Return what a refusal says, from its body and its headers (`x-tracking-id`, `message`)."""
    body = _json_object(answer.body)
    numbers = [_number(body.get("description")), _number(body.get("code"))]
    code = next((str(number) for number in numbers if number is not None and number > GRPC_MOST), None)
    told = numbers[1] if numbers[1] is not None and numbers[1] <= GRPC_MOST else None
    known = CODES.get(code or "")
    message = body.get("message") or answer.headers.get("message") or (known and known.text)
    return TInvestError(
        code or f"HTTP_{answer.status}",
        str(message or f"HTTP status {answer.status}")[:MESSAGE_MOST],
        grpc_status=known.number if told is None and known else told,
        http_status=answer.status,
        tracking_id=answer.headers.get("x-tracking-id", ""),
        status=_status(known, told, answer.status),
    )


def is_rate_limited(answer: RestAnswer) -> bool:
    """Tell whether the venue refused a call for its rate alone, so that it may be made a little later.

    80002 is the limit of requests; others of its status are of something else, which waiting does not
    mend ("Error codes"). A 429 without a code is a proxy's.
    """
    return answer.status == 429 and read_error(answer).code in ("80002", "HTTP_429")


def _status(known: Known | None, told: int | None, http_status: int) -> Status:
    if known is None:
        return HTTP.get(http_status, _OTHER) if told is None else GRPC.get(told, _OTHER)
    status = known.status
    if told is None or told == known.number or GRPC.get(told, _OTHER).sure:
        return status
    # The venue contradicts its own table: what it says now may be said after an order was passed on.
    return Status(status.name, False, status.retry, status.advice)


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _number(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value)
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 5 else None
