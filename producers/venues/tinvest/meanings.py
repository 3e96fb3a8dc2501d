"""What T-Invest's errors, close codes and refusals mean to a feed.

Sources: the pages "WebSocket" (errors), "Error codes" and "Limits" of the venue's documentation, and
`ErrorResponse` and `rpcStatus` of its OpenAPI description.
"""

import re
from typing import Any

import msgspec

from producers.feeds.venue import CLOSE_CODES, HTTP_STATUSES, NO_SUCH_ORDER, Meaning, http_meaning
from producers.rest import RestAnswer

__all__ = ["ErrorDetail", "answer_meaning", "close_meaning", "error_meaning", "handshake_meaning", "missing_meaning"]

_TOKEN_HINT = "Check DROPCOPY_TINVEST_TOKEN: it may be mistyped, revoked, or unused for three months."  # noqa: S105 -- a hint, no token
_ACCOUNT_HINT = "Check DROPCOPY_TINVEST_ACCOUNTS, and that the token may read each of them."

UNAUTHORIZED = Meaning("unauthorized", final=True, text="the venue refuses the token", hint=_TOKEN_HINT)
FORBIDDEN = Meaning("forbidden", final=True, text="the token has no right to this", hint=_ACCOUNT_HINT)
NOT_FOUND = Meaning("not_found", final=True, text="the venue does not know the account", hint=_ACCOUNT_HINT)
INVALID = Meaning("invalid_argument", final=True, text="the venue refuses the request", hint=_ACCOUNT_HINT)
ORDER_NOT_FOUND = Meaning(NO_SUCH_ORDER, final=True, text="the venue does not know the order")
LIMIT = Meaning("limit", wait_s=10)
FAILED = Meaning("venue_error")

# gRPC status numbers, which error frames carry as `code`, and close codes as 4000 + number
# ("WebSocket", errors: 4003, 4004, 4008, 4016; the others by the same pattern).
STATUSES = {3: INVALID, 4: Meaning("timeout"), 5: NOT_FOUND, 7: FORBIDDEN, 8: LIMIT, 12: INVALID, 16: UNAUTHORIZED}
# "WebSocket", errors; 3000 and 3003 are IANA's Unauthorized and Forbidden.
CLOSES = CLOSE_CODES | {3000: UNAUTHORIZED, 3003: FORBIDDEN} | {4000 + number: STATUSES[number] for number in STATUSES}
WRONG_URL = Meaning("not_found", final=True, hint="Check DROPCOPY_TINVEST_WS_URL: it ends in /ws.")
ANSWERS = HTTP_STATUSES | {401: UNAUTHORIZED, 403: FORBIDDEN}
HANDSHAKES = ANSWERS | {404: WRONG_URL}
# "Error codes": five digits, of which the first tells the kind. The named ones differ from their kind.
CODES = {
    "40003": UNAUTHORIZED,
    "50005": ORDER_NOT_FOUND,
    "80004": Meaning("no_subscription"),
    "80005": Meaning("stream_lifetime"),
}
KINDS = {"1": INVALID, "3": INVALID, "4": FORBIDDEN, "5": NOT_FOUND, "7": FAILED, "8": LIMIT}
_STATUS = re.compile(r"\d{1,2}")
_CODE = re.compile(r"([1-9]\d{4})(?!\d)")


class ErrorDetail(msgspec.Struct):
    """ErrorDetail, `rpcStatus` and the REST error body: `code` and `description` come as text or number."""

    code: Any = ""
    message: Any = ""
    description: Any = ""

    def said(self) -> tuple[Any, ...]:
        """Return it as `error_meaning` takes it."""
        return self.code, self.description, self.message


_read_error = msgspec.json.Decoder(ErrorDetail).decode


def error_meaning(*said: Any) -> Meaning:
    """Say what an error means by what the venue said of it: codes first, then its text.

    A five-digit code, which may also begin the text, tells more than a gRPC number, which comes
    first if at all. An error that is unknown may pass.
    """
    words = [str(part) for part in said if part not in ("", None)]
    five = next((found.group(1) for word in words if (found := _CODE.match(word))), None)
    if five is not None:
        meaning = CODES.get(five) or KINDS.get(five[0], FAILED)
    else:
        meaning = STATUSES.get(int(words[0]), FAILED) if words and _STATUS.fullmatch(words[0]) else FAILED
    return _saying(meaning, " ".join(words))


def _saying(meaning: Meaning, said: str) -> Meaning:
    return meaning._replace(text=f"{meaning.text} ({said})" if meaning.text and said else meaning.text or said)


def missing_meaning(accounts: set[str]) -> Meaning:
    """Say what it means that a subscription leaves accounts out."""
    return NOT_FOUND._replace(text=f"the venue's subscription leaves out {', '.join(sorted(accounts))}")


def close_meaning(code: int, reason: str) -> Meaning:
    """Say what a close code means; a five-digit code in the reason tells more than the close code."""
    if _CODE.match(reason):
        return error_meaning(reason, f"close code {code}")
    return _saying(CLOSES.get(code, FAILED), f"close code {code}" + (f": {reason}" if reason else ""))


def handshake_meaning(status: int) -> Meaning:
    """Say what the HTTP status of a refused hand-shake means."""
    return http_meaning(status, HANDSHAKES)


def answer_meaning(answer: RestAnswer, *, of_order: bool) -> Meaning:
    """Say what a refused call means: by its error code if there is one, else by its status.

    To a call that asks for one order (`of_order`), "not found" is said of the order.
    `x-ratelimit-reset` is in seconds ("Limits").
    """
    try:
        said = _read_error(answer.body).said()
    except (msgspec.DecodeError, UnicodeDecodeError):
        said = ()
    meaning = error_meaning(*said) if any(said) else http_meaning(answer.status, ANSWERS)
    if of_order and any(said) and meaning.reason == NOT_FOUND.reason:
        meaning = _saying(ORDER_NOT_FOUND, meaning.text)
    reset = answer.headers.get("x-ratelimit-reset", "")
    limited = answer.status == 429 or meaning.reason == "limit"
    return meaning._replace(wait_s=float(reset)) if limited and reset.isdecimal() else meaning
