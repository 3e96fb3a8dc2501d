"""What Ripio's refusals say, and what to do about each.

A refusal's body is `{"error_code": 40011, "message": "…", "data": null}`; that of too many calls is
`{"message": "Too many requests"}` or, for the day, `{"message": "Limit Exceeded"}`, without a code
(Ripio Trade API v4, Errors; Limits). A code that is not listed goes by its HTTP status, which is its
first three digits. The documents do not say what a call with a wrong timestamp is answered: by the pattern,
as one that is not authorized.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from producers.refusals import RefusalError
from producers.rest import RestAnswer

__all__ = ["CODES", "HTTP", "ORDER_NOT_FOUND", "Known", "RipioError", "read_error"]

# A proxy may answer with a page of its own.
MESSAGE_MOST = 1000

_CREDENTIALS: Final = (
    "Check DROPCOPY_RIPIO_API_TOKEN and DROPCOPY_RIPIO_API_SECRET, and this machine's clock: a call is valid"
    " for DROPCOPY_RIPIO_TIMESTAMP_TOLERANCE_MS after its timestamp."
)
_RIGHTS: Final = "Use a token that may do this: orders need the access `Buy/Sell`, all else `Read`."
_CORRECT: Final = "Correct the request as the text says."
_ASK: Final = "Ask for the order by its external id first (`dropcopy order get --request-id`)."
_URL: Final = "Check the id and the pair, and that DROPCOPY_RIPIO_REST_URL ends in /v4."


class Known(msgspec.Struct, frozen=True):
    """What a refusal says of the request.

    `sure`: it surely came to nothing. `retry`: the same request may be made again without harm, and may
    then succeed. `advice` is a sentence for a person.
    """

    text: str
    sure: bool
    retry: bool
    advice: str


ORDER_NOT_FOUND: Final = "40400"

# "Errors". Not sure are those of the venue's own inside, which may have passed an order on.
CODES: Final[Mapping[str, Known]] = {
    "40000": Known("invalid parameters", True, False, _CORRECT),
    "40010": Known("the order's amount is below the minimum", True, False, "Order more: the pair has a minimum."),
    "40011": Known("insufficient funds", True, False, "Order less, or free funds by cancelling orders."),
    "40020": Known("the order is already canceled", True, False, "Nothing is left to do."),
    "40021": Known("the order is executed completely, or there is none to cancel", True, False, _ASK),
    "40090": Known("unsupported operation", True, False, _CORRECT),
    "40100": Known("not authorized, or a blocked token", True, False, _CREDENTIALS),
    "40300": Known("forbidden", True, False, _RIGHTS),
    ORDER_NOT_FOUND: Known("not found", True, False, _URL),
    "42900": Known("too many requests", True, True, "Send less often: see DROPCOPY_RIPIO_CALLS_PER_S."),
    "50000": Known("internal server error", False, False, _ASK),
    "50001": Known("error to get data", False, False, _ASK),
    "50002": Known("external communication error", False, False, _ASK),
    "50003": Known("internal communication error", False, False, _ASK),
    "503": Known("maintenance", False, False, "Wait for the venue's maintenance to end, then ask for the order first."),
}

HTTP: Final[Mapping[int, Known]] = {
    400: CODES["40000"],
    401: CODES["40100"],
    403: CODES["40300"],
    404: CODES["40400"],
    405: Known("the method is not allowed", True, False, _URL),
    413: Known("the request is too large", True, False, _CORRECT),
    422: CODES["40000"],
    429: CODES["42900"],
    500: CODES["50000"],
    503: CODES["503"],
}
_OTHER: Final = Known("refused", False, False, _ASK)


class RipioError(RefusalError):
    """A refusal by Ripio. `code` is the venue's own (`40011`), `HTTP_<status>` where it gave none."""

    def __init__(self, code: str, text: str, *, http_status: int, known: Known) -> None:
        super().__init__(
            f"Ripio refused with {code}: {text}",
            code=code,
            text=text,
            http_status=http_status,
            sure=known.sure,
            retry_is_safe=known.retry,
            advice=known.advice,
        )


class _Body(msgspec.Struct):
    error_code: Any = None
    message: Any = None


_read = msgspec.json.Decoder(_Body).decode


def read_error(answer: RestAnswer) -> RipioError:
    """Return what a refusal says, from its body and its status."""
    try:
        body = _read(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        body = _Body()
    code = _code(body.error_code)
    status = int(code[:3]) if code else answer.status
    known = CODES.get(code) or HTTP.get(status) or HTTP.get(answer.status, _OTHER)
    text = str(body.message or "")[:MESSAGE_MOST] or known.text
    return RipioError(code or f"HTTP_{answer.status}", text, http_status=answer.status, known=known)


def _code(value: Any) -> str:
    """Return an error code, which is a number; text of digits will do. None and 0 are none."""
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return text if text.isascii() and text.isdecimal() and 3 <= len(text) <= 6 else ""
