"""Errors as the venue answers them: its codes and messages, and every form in which their bodies come.

Sources: T-Invest, errors (codes, gRPC statuses and messages), HTTP errors (statuses).
"""

import json
from enum import StrEnum
from typing import Any

__all__ = ["BodyShape", "Refusal"]

# The kind of a five-digit code, which its first digit tells -> gRPC status; some differ from their kind.
_KINDS = {"1": 12, "3": 3, "4": 7, "5": 5, "7": 13, "8": 8, "9": 9}
_EXCEPTIONS = {"12002": 14, "40003": 16}
# gRPC status -> HTTP status.
_HTTP_STATUS = {3: 400, 4: 504, 5: 404, 7: 403, 8: 429, 9: 400, 12: 501, 13: 500, 14: 503, 16: 401}

_MESSAGES = {
    "12001": "Method is unimplemented",
    "30009": "`from` is invalid",
    "30010": "`to` is invalid",
    "30012": "`to` can't be less than `from`",
    "30015": "Parameter `quantity` is missing or equal to 0",
    "30016": "`quantity` is invalid",
    "30017": "Missing parameter: `price`",
    "30018": "`price` is invalid",
    "30019": "Missing parameter: `direction`",
    "30020": "`direction` is invalid",
    "30021": "Missing parameter: `account_id`",
    "30025": "Missing parameter: `order_type`",
    "30026": "Invalid parameter: `order_type`",
    "30027": "Missing parameter: `order_id`",
    "30028": "`order id` has invalid UUID format",
    "30029": "Missing parameter: `idempotency_key`",
    "30030": "`idempotency_key` is invalid",
    "30034": "Not enough balance",
    "30036": "Missing parameter: `stop_price`",
    "30037": "Missing parameter: `stop_order_type`",
    "30038": "`stop_order_type` is invalid",
    "30039": "Bad request: `trailing_data`",
    "30040": "`expire_date` is invalid",
    "30042": "Not enough assets for a margin trade",
    "30043": "Missing parameter: `expiration_type`",
    "30044": "`expiration_type` is invalid",
    "30049": "Post order error",
    "30052": "Instrument forbidden for trading by API",
    "30053": "Post stop_order error",
    "30055": "`order_id` cannot be longer than 36 characters",
    "30057": "The order is a duplicate, but the order report was not found",
    "30059": "Cancel order error",
    "30060": "Cancel stop-order error",
    "30063": "`expire_date` value out of range",
    "30078": "Incorrect minimum price increment",
    "30079": "Instrument is not available for trading",
    "30080": "`quantity` must be positive",
    "30085": "Price in points is available only for futures and bonds",
    "30093": "Missing parameter: `figi` or `instrument_id`",
    "30096": "The order was rejected, try again later",
    "30099": "The price is outside the limits for this instrument",
    "30100": "The price must be positive",
    "30104": "`price_type` is invalid",
    "30105": "`exchange_order_type` is invalid",
    "30106": "`status` is invalid",
    "30210": "Trailing data required",
    "30211": "`indent type` required",
    "30212": "`spread type` required",
    "30240": "Confirmation required for specified instrument",
    "30241": "`take_profit_type` not available for specified `stop_order_type`",
    "30245": "`execution_status` is invalid",
    "30254": "Invalid parameter: `time_in_force`",
    "40002": "Insufficient privileges",
    "40003": "authentication token is missing or invalid",
    "50002": "Instrument not found",
    "50004": "Account not found",
    "50005": "Order not found",
    "50006": "Stop-order not found",
    "70001": "Internal error",
    "80001": "Limit of open streams exceeded",
    "80002": "Request limit exceeded",
    "90003": "The price is too high",
}


class BodyShape(StrEnum):
    """The form of an error's body.

    `text` and `number`: `description` is the five-digit code as text, or as a number; `code_only`: it
    stands in `code`, and there is no `description`; `status`: gRPC's number and the message with
    `details`; `broken`: JSON cut short; `html`: a page of a proxy; `empty`: nothing.
    """

    TEXT = "text"
    NUMBER = "number"
    CODE_ONLY = "code_only"
    STATUS = "status"
    BROKEN = "broken"
    HTML = "html"
    EMPTY = "empty"


class Refusal(Exception):  # noqa: N818 -- the venue's answer, not a fault of the simulator
    """An error as the venue answers it.

    Args:
        code: the venue's five digits; empty for what its gateway refuses, which has none.
        detail: put behind the code's message.
        message: said instead of the code's message.
        shape: the form of its body, if another than usual.
    """

    def __init__(self, code: str, detail: str = "", *, message: str = "", shape: BodyShape = BodyShape.TEXT) -> None:
        usual = _MESSAGES.get(code, f"Error {code}" if code else "Invalid request")
        self.message = message or (f"{usual}: {detail}" if detail else usual)
        super().__init__(self.message)
        self.code = code
        self.shape = shape

    @property
    def grpc_status(self) -> int:
        """The number of the gRPC status that goes with the code."""
        return _EXCEPTIONS.get(self.code) or _KINDS.get(self.code[:1], 3)

    @property
    def http_status(self) -> int:
        """The HTTP status that goes with it."""
        return _HTTP_STATUS[self.grpc_status]

    def body(self, shape: BodyShape | None = None) -> tuple[str, bytes]:
        """Return the content type and the bytes of the body."""
        shape = shape or self.shape
        if shape is BodyShape.EMPTY:
            return "text/plain", b""
        if shape is BodyShape.HTML:
            return "text/html", f"<html><body><h1>{self.http_status}</h1></body></html>".encode()
        text = json.dumps(self._fields(shape)).encode()
        return "application/json", text[: len(text) // 2] if shape is BodyShape.BROKEN else text

    def _fields(self, shape: BodyShape) -> dict[str, Any]:
        if shape is BodyShape.CODE_ONLY:
            return {"code": self.code, "message": self.message}
        fields: dict[str, Any] = {"code": self.grpc_status, "message": self.message}
        if shape is BodyShape.STATUS:
            return {**fields, "details": []}
        description = int(self.code) if shape is BodyShape.NUMBER and self.code else self.code
        return {**fields, "description": description}
