"""What Outpoll's REST refusals say, and what to do about each.

The documents list HTTP statuses, and no codes of the venue's own (Outpoll, Private endpoints, common errors).
"""

from collections.abc import Mapping
from typing import NamedTuple

from producers.refusals import RefusalError
from producers.rest import RestAnswer
from producers.venues.outpoll.clock import clock_complaint, off_by_s
from producers.venues.outpoll.refusals import said

__all__ = ["STATUSES", "OutpollError", "Status", "read_error"]


class Status(NamedTuple):
    """What an HTTP status says of the request.

    `sure`: it surely came to nothing. `retry`: the same request may be made again, and may then succeed; of one
    that is not sure only if it does no harm twice, and no order of this venue is such a request.
    """

    sure: bool
    retry: bool
    text: str
    advice: str


_UNSURE = Status(
    False, False, "no answer that says what became of it", "Do not send it anew: see `dropcopy order list`."
)
STATUSES: Mapping[int, Status] = {
    400: Status(True, False, "invalid parameters", "Correct the request as the text says."),
    401: Status(
        True,
        False,
        "the key or the signature is refused",
        "Check DROPCOPY_OUTPOLL_API_KEY and …_API_SECRET: the key made last is the one that is valid.",
    ),
    403: Status(True, False, "the key is blocked for good", "Make a new key, and set DROPCOPY_OUTPOLL_API_KEY."),
    404: Status(True, False, "there is no such thing", "Correct the id, or DROPCOPY_OUTPOLL_REST_URL."),
    405: Status(True, False, "there is no such call", "Correct DROPCOPY_OUTPOLL_REST_URL."),
    429: Status(True, True, "too many calls", "Wait, then send it again; lower DROPCOPY_OUTPOLL_CALLS_PER_S."),
}


class OutpollError(RefusalError):
    """A refusal by Outpoll. `code` is `HTTP_<status>`."""

    def __init__(self, http_status: int, text: str, status: Status) -> None:
        super().__init__(
            f"Outpoll refused with {http_status}: {text}",
            code=f"HTTP_{http_status}",
            text=text,
            http_status=http_status,
            sure=status.sure,
            retry_is_safe=status.retry,
            advice=status.advice,
        )


def read_error(answer: RestAnswer, now_ns: int) -> OutpollError:
    """Return what a refusal that came just now says.

    The venue does not say whether it is the clock that a 401 is about; the time of its answer does.
    """
    status = STATUSES.get(answer.status, _UNSURE)
    text = said(answer.body) or status.text
    if answer.status == 401 and (complaint := clock_complaint(off_by_s(answer.headers, now_ns))):
        return OutpollError(answer.status, f"{text}: {complaint}", status._replace(advice="Set the clock right (NTP)."))
    return OutpollError(answer.status, text, status)
