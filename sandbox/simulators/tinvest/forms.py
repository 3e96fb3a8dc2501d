"""The form of each method's request: which fields there are, and of which kind.

A name that the contract does not have is refused, for a client that sends one means something by it. Enums,
numbers and times have codes of their own for what is wrong with them, and are judged where they are read.
Sources: T-Invest, orders.proto, stoporders.proto, users.proto (1.49), and protobuf's JSON mapping.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

from sandbox.simulators.tinvest.refusals import Refusal

__all__ = ["check_form"]

# A field is a `type`, a message with a form of its own, or (None) judged where it is read.
Form: TypeAlias = "dict[str, type | Form | None]"

_QUOTATION: Form = {"units": None, "nano": None}
_OF_ACCOUNT: Form = {"accountId": str}
_BY_ID: Form = _OF_ACCOUNT | {"orderId": str, "orderIdType": None}
_PRICED: Form = _OF_ACCOUNT | {"price": _QUOTATION, "priceType": None}
_ASYNC: Form = _PRICED | {
    "instrumentId": str,
    "quantity": None,
    "direction": None,
    "orderType": None,
    "orderId": str,
    "timeInForce": None,
    "confirmMarginTrade": bool,
}
_PERIOD: Form = {"from": None, "to": None}
_TRAILING: Form = {"indent": _QUOTATION, "indentType": None, "spread": _QUOTATION, "spreadType": None}

FORMS: Mapping[str, Form] = {
    "PostOrder": _ASYNC | {"figi": str},
    "PostOrderAsync": _ASYNC,
    "ReplaceOrder": _PRICED | _BY_ID | {"idempotencyKey": str, "quantity": None, "confirmMarginTrade": bool},
    "CancelOrder": _BY_ID,
    "GetOrders": _OF_ACCOUNT | {"advancedFilters": _PERIOD | {"executionStatus": None}},
    "GetOrderState": _BY_ID | {"priceType": None},
    "GetMaxLots": _OF_ACCOUNT | {"instrumentId": str, "price": _QUOTATION},
    "GetOrderPrice": _OF_ACCOUNT | {"instrumentId": str, "price": _QUOTATION, "direction": None, "quantity": None},
    "PostStopOrder": _PRICED
    | {
        "figi": str,
        "instrumentId": str,
        "quantity": None,
        "stopPrice": _QUOTATION,
        "direction": None,
        "expirationType": None,
        "stopOrderType": None,
        "expireDate": None,
        "exchangeOrderType": None,
        "takeProfitType": None,
        "trailingData": _TRAILING,
        "orderId": str,
        "confirmMarginTrade": bool,
        "instantExecution": bool,
    },
    "GetStopOrders": _OF_ACCOUNT | _PERIOD | {"status": None},
    "CancelStopOrder": _OF_ACCOUNT | {"stopOrderId": str},
    "GetAccounts": {"status": None},
}


def check_form(method: str, body: Mapping[str, Any]) -> None:
    """Refuse a request that is not of its method's form, its names in camelCase.

    Raises:
        Refusal: it has a field that there is none of, or one of another kind.
    """
    _check(FORMS[method], body, method)


def _check(form: Form, body: Mapping[str, Any], where: str) -> None:
    for name, value in body.items():
        if name not in form:
            raise Refusal("", message=f"{where} has no field {name!r}")
        kind = form[name]
        if value is None or kind is None:
            continue
        if isinstance(kind, dict):
            # What is no message at all has a code of its own.
            if isinstance(value, dict):
                _check(kind, value, f"{where}.{name}")
        elif not isinstance(value, kind):
            raise Refusal("", message=f"{where}.{name} is not of its type")
