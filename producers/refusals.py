"""What a venue's refusal of a call says of the request, whatever the venue."""

from dropcopy.errors import VenueError

__all__ = ["RefusalError"]


class RefusalError(VenueError):
    """A refusal by a venue.

    `code` is the venue's own, or `HTTP_<status>` where it gave none; `text` is the venue's. `sure` says that
    the request surely came to nothing; `retry_is_safe` that the same request, under the same id, may be made
    again and may then succeed; `advice`, which is the hint too, what to do.
    """

    def __init__(
        self, message: str, *, code: str, text: str, http_status: int, sure: bool, retry_is_safe: bool, advice: str
    ) -> None:
        super().__init__(message, hint=advice)
        self.code = code
        self.text = text
        self.http_status = http_status
        self.sure = sure
        self.retry_is_safe = retry_is_safe
        self.advice = advice
