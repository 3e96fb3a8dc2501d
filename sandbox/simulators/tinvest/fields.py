"""The fields that requests share, each read as the venue reads it: a value, or a refusal in its words.

As in protobuf's JSON, an enum may come as name or number, and 0 or nothing is "not given".
Sources: T-Invest, orders.proto, stoporders.proto and errors (codes).
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from sandbox.simulators.tinvest.instruments import Instrument, find_instrument
from sandbox.simulators.tinvest.refusals import Refusal
from sandbox.simulators.tinvest.values import nano_of, read_timestamp, whole

__all__ = [
    "Body",
    "EnumField",
    "check_price_type",
    "is_between",
    "optional_price",
    "read_account",
    "read_instrument",
    "read_key",
    "read_lots",
    "read_period",
    "read_price",
]

Body = Mapping[str, Any]


class EnumField(NamedTuple):
    """An enum in a request: its JSON name, its prefix, its names in the order of their numbers from 0.

    `missing` and `invalid` are the codes of a refusal; without `missing` it need not be given.
    """

    name: str
    prefix: str
    names: tuple[str, ...]
    invalid: str
    missing: str = ""

    def read(self, body: Body, default: str = "") -> str:
        """Return the value's name without its prefix; `default` if it is not given and need not be.

        Raises:
            Refusal: it is missing, or there is no such value.
        """
        name = self.name_of(body.get(self.name))
        if name == self.names[0]:
            if self.missing:
                raise Refusal(self.missing)
            return default
        return name

    def name_of(self, value: object) -> str:
        """Return the name of one value, as a request has it.

        Raises:
            Refusal: there is no such value.
        """
        if value in (None, ""):
            return self.names[0]
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(self.names):
            return self.names[value]
        name = value.removeprefix(self.prefix) if isinstance(value, str) else ""
        if name not in self.names or not str(value).startswith(self.prefix):
            raise Refusal(self.invalid)
        return name


PRICE_TYPE = EnumField("priceType", "PRICE_TYPE_", ("UNSPECIFIED", "POINT", "CURRENCY"), "30104")


def check_price_type(body: Body) -> None:
    """Refuse a price in points, which only futures and bonds have, and the simulator has none of.

    Raises:
        Refusal: it is in points, or of no type that there is.
    """
    if PRICE_TYPE.read(body) == "POINT":
        raise Refusal("30085")


def read_account(body: Body, accounts: list[str]) -> str:
    """Return the account that a request names.

    Raises:
        Refusal: it names none, or one that the token does not open.
    """
    account = str(body.get("accountId") or "")
    if not account:
        raise Refusal("30021")
    if account not in accounts:
        raise Refusal("50004")
    return account


def read_instrument(body: Body) -> tuple[Instrument, str]:
    """Return the instrument, and the name by which the request asks for it.

    Raises:
        Refusal: it names none, or one that is not traded.
    """
    name = str(body.get("instrumentId") or body.get("figi") or "")
    if not name:
        raise Refusal("30093")
    instrument = find_instrument(name)
    if instrument is None:
        raise Refusal("50002")
    return instrument, name


def read_lots(body: Body) -> int:
    """Return the quantity.

    Raises:
        Refusal: it is missing, no whole number, or negative.
    """
    value = body.get("quantity")
    if value in (None, "", 0, "0"):
        raise Refusal("30015")
    try:
        lots = whole(value)
    except ValueError:
        raise Refusal("30016") from None
    if lots < 0:
        raise Refusal("30080")
    return lots


def read_price(body: Body, instrument: Instrument, name: str = "price", missing: str = "30017") -> int:
    """Return a price that must be given, in nano units.

    Raises:
        Refusal: it is missing, none, not positive, or between two steps of the instrument.
    """
    if body.get(name) is None:
        raise Refusal(missing)
    try:
        price_nano = nano_of(body[name])
    except (ValueError, TypeError):
        raise Refusal("30018") from None
    if price_nano <= 0:
        raise Refusal("30100")
    if price_nano % instrument.step_nano:
        raise Refusal("30078")
    return price_nano


def optional_price(body: Body, instrument: Instrument, name: str = "price") -> int | None:
    """Return a price, or None when it is not given or 0 (T-Invest, PostStopOrder: 0 is none).

    Raises:
        Refusal: as `read_price`.
    """
    value = body.get(name)
    if value is None or value in ({}, {"units": "0", "nano": 0}, {"units": "0"}, {"nano": 0}):
        return None
    return read_price(body, instrument, name)


def read_key(
    body: Body, name: str, new_id: Callable[[], str] | None, *, missing: str, invalid: str, too_long: str
) -> str:
    """Return the client's idempotency key; with `new_id` another in place of what is no UUID.

    Raises:
        Refusal: it is longer than 36 characters, or missing or no UUID where it has to be one.
    """
    value = str(body.get(name) or "")
    if len(value) > 36:
        raise Refusal(too_long)
    if not value and missing:
        raise Refusal(missing)
    try:
        UUID(value)
    except ValueError:
        if new_id is None:
            raise Refusal(invalid) from None
        return new_id()
    return value


def read_period(body: Body) -> tuple[int | None, int | None]:
    """Return `from` and `to` in nanoseconds, each None if it is not given.

    Raises:
        Refusal: one is no time in UTC, or they are in the wrong order.
    """
    from_ns, to_ns = _time(body, "from", "30009"), _time(body, "to", "30010")
    if from_ns is not None and to_ns is not None and to_ns < from_ns:
        raise Refusal("30012")
    return from_ns, to_ns


def is_between(ns: int, period: tuple[int | None, int | None]) -> bool:
    """Tell whether a time lies in a period as `read_period` returns it."""
    from_ns, to_ns = period
    return (from_ns is None or from_ns <= ns) and (to_ns is None or ns <= to_ns)


def _time(body: Body, name: str, code: str) -> int | None:
    try:
        return read_timestamp(body[name]) if body.get(name) else None
    except (ValueError, TypeError):
        raise Refusal(code) from None
