"""Submissions as they are read: records of `orders.submitted`."""

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, Final

from processors.core.errors import MappingError
from processors.core.model import Submission
from processors.core.reading import MOST_DIGITS, again
from processors.encoding.avro import Reader, prefix
from schemas.fix import Action, OrdType, Phase, Side, TimeInForce
from schemas.records import schema

__all__ = ["SubmissionReader", "read_submitted"]


class SubmissionReader:
    """Reads records of `orders.submitted`.

    Those of the newest schema are read here, those of an older one, whose writer's schema `fetch` gets from the
    registry, by `fetch` itself.
    """

    def __init__(self, schema_id: int, fetch: Callable[[bytes], Mapping[str, Any]]) -> None:
        self._prefix = prefix(schema_id)
        self._types = {field["name"]: _types_of(field["type"]) for field in schema("submitted")["fields"]}
        self._fetch = fetch

    def __call__(self, value: bytes | None) -> Submission:
        """Return the submission in `value`.

        Raises:
            MappingError: it can't be read, or a field is empty or holds a word that is not known.
        """
        if not value:
            raise MappingError("value", value, "an empty record")
        try:
            values = read_submitted(value, 5) if value[:5] == self._prefix else self._of_another(self._fetch(value))
            return _submission(values)
        except MappingError:
            raise
        except (ValueError, IndexError, OverflowError, EOFError) as error:
            raise MappingError("value", value[:80], f"no record of orders.submitted: {error}") from None

    def _of_another(self, record: object) -> tuple[Any, ...]:
        """Return the values of a record of another schema, if they are of the types that they must be of."""
        if not isinstance(record, Mapping):
            raise MappingError("value", record, "no record")
        for name, types in self._types.items():
            if not isinstance(record.get(name), types):
                raise MappingError(name, record.get(name), "of another type than the schema of orders.submitted has it")
        return tuple(record.get(name) for name in self._types)


def read_submitted(data: bytes, at: int) -> tuple[Any, ...]:
    """Return the values of a record of the newest schema from `data[at:]`, in the schema's order.

    Raises:
        IndexError, ValueError, OverflowError: it is no such record.
    """
    read = Reader(data, at)
    values = (
        read.text(),  # order_request_id
        read.text(),  # venue
        read.text(),  # account
        read.text(),  # action
        read.text(),  # phase
        read.optional_text(),  # instrument
        read.optional_text(),  # side
        read.optional_text(),  # ord_type
        read.optional_text(),  # time_in_force
        read.optional_text(),  # quantity
        read.optional_text(),  # price
        read.long(),  # submitted_ns
        read.long(),  # phase_ns
        read.optional_text(),  # venue_order_id
        read.optional_text(),  # venue_status
        read.optional_text(),  # code
        read.optional_text(),  # text
        read.optional_text(),  # tracking_id
        read.optional_text(),  # stop_price
        read.optional_long(),  # expire_ns
        read.optional_text(),  # orig_order_request_id
        read.optional_text(),  # orig_venue_order_id
        read.optional_text(),  # cash_order_qty
        read.optional_text(),  # take_profit_price
        read.optional_text(),  # display_qty
        read.optional_text(),  # peg_offset_value
        read.optional_text(),  # venue_request
    )
    read.end()
    return values


def _types_of(kind: str | list[str]) -> tuple[type, ...]:
    python: dict[str, type] = {"null": type(None), "string": str, "long": int}
    return tuple(python[each] for each in ([kind] if isinstance(kind, str) else kind))


def _submission(values: tuple[Any, ...]) -> Submission:
    action = values[3]
    for name, value in (("order_request_id", values[0]), ("venue", values[1]), ("account", values[2])):
        if not value:
            raise MappingError(name, value, "it must not be empty")
    if action in _ABOUT_ANOTHER and not (values[20] or values[21]):
        raise MappingError("orig_order_request_id", None, f"a {action} has to say which order it is about")
    return Submission(
        values[0],
        again(values[1]),
        again(values[2]),
        _word(Action, "action", action),
        _word(Phase, "phase", values[4]),
        None if values[5] is None else again(values[5]),
        _word(Side, "side", values[6]),
        _word(OrdType, "ord_type", values[7]),
        _word(TimeInForce, "time_in_force", values[8]),
        _decimal("quantity", values[9]),
        _decimal("price", values[10]),
        values[11],
        values[12],
        # An empty id is none: as a name, it would be that of every order without one.
        values[13] or None,
        values[14],
        values[15],
        values[16],
        values[17],
        _decimal("stop_price", values[18]),
        values[19],
        values[20] or None,
        values[21] or None,
        _decimal("cash_order_qty", values[22]),
        _decimal("take_profit_price", values[23]),
        _decimal("display_qty", values[24]),
        _decimal("peg_offset_value", values[25]),
    )


_ABOUT_ANOTHER: Final = frozenset({Action.CANCEL, Action.CANCEL_STOP, Action.REPLACE, Action.AMEND})
_WORDS: Final[dict[type[StrEnum], dict[str, Any]]] = {
    kind: {member.value: member for member in kind} for kind in (Action, Phase, Side, OrdType, TimeInForce)
}


def _word(kind: type[StrEnum], name: str, text: str | None) -> Any:
    if text is None:
        return None
    try:
        return _WORDS[kind][text]
    except KeyError:
        raise MappingError(name, text, f"none of {', '.join(_WORDS[kind])}") from None


# As `again` keeps texts: round prices and quantities come again and again.
_NUMBERS: Final[dict[str, Decimal]] = {}
_MOST_KNOWN: Final = 65_536


def _decimal(name: str, text: str | None) -> Decimal | None:
    if text is None:
        return None
    known = _NUMBERS.get(text)
    if known is None:
        if len(_NUMBERS) >= _MOST_KNOWN:
            _NUMBERS.clear()
        known = _NUMBERS[text] = _number(name, text)
    return known


def _number(name: str, text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise MappingError(name, text, "no decimal number") from None
    if not number.is_finite():
        raise MappingError(name, text, "no finite number")
    if abs(number.adjusted()) > MOST_DIGITS:
        raise MappingError(name, text, "no number that an amount or a price can be")
    # One text for one number, however it was written: 271.50 is 271.5.
    plain = format(number, "f")
    return Decimal(plain.rstrip("0").rstrip(".")) if "." in plain else number
