"""The project's records on the wire: results written, submissions read, state kept."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct

from processors.core.errors import MappingError
from processors.core.model import Account, Event, FeedStatus, Order, Submission, Terms, Unmatched
from processors.core.reading import MOST_DIGITS
from processors.encoding.avro import compile_reader, compile_writer
from schemas import topics
from schemas.fix import Action, OrdType, Phase, Side, TimeInForce
from schemas.records import schema

__all__ = ["Encoders", "StateError", "SubmissionReader", "decode_state", "encode_state"]

_DECIMALS = frozenset(
    {
        "price",
        "submitted_quantity",
        "order_qty",
        "cum_qty",
        "leaves_qty",
        "avg_px",
        "last_qty",
        "last_px",
        "stop_price",
        "cash_order_qty",
        "take_profit_price",
        "commission",
    }
)
_UNIQUE = frozenset(
    {
        "order_request_id",
        "exec_id",
        "event_id",
        "trade_id",
        "venue_order_id",
        "detail",
        "avg_px",
        "replaces",
        "replaced_by",
        "triggers",
        "triggered_by",
        "change_request_id",
    }
)


def _prefix(schema_id: int) -> bytes:
    return b"\x00" + schema_id.to_bytes(4, "big")


class Encoders:
    """Writes results as Confluent-framed Avro. `schema_ids` maps topic names to the registry's ids."""

    def __init__(self, schema_ids: Mapping[str, int]) -> None:
        execution = schema("execution")
        self._terms = compile_writer(execution, Terms.__struct_fields__, unique=_UNIQUE, decimals=_DECIMALS)
        self._event = compile_writer(
            execution,
            Event.__struct_fields__,
            unique=_UNIQUE,
            decimals=_DECIMALS,
            repeats={"event_id": "exec_id"},
        )
        self._unmatched = compile_writer(
            schema("unmatched"), Unmatched.__struct_fields__, unique=_UNIQUE, decimals=_DECIMALS
        )
        self._feed_status = compile_writer(
            schema("feed_status"), FeedStatus.__struct_fields__, unique=_UNIQUE, decimals=_DECIMALS
        )
        self._ids = {name: _prefix(number) for name, number in schema_ids.items()}
        self._execution = self._ids[topics.EXECUTIONS.name]
        self._latest = self._ids[topics.LATEST.name]

    def execution(self, terms: Terms, event: Event) -> bytes:
        """Return a record of `orders.executions`."""
        # An order's terms seldom change, so their encoding is kept beside them.
        kept = terms.__dict__
        head = kept.get("encoded")
        if head is None:
            head = kept["encoded"] = self._terms(terms)
        encoded: bytes = self._execution + head + self._event(event)
        return encoded

    def latest(self, execution: bytes) -> bytes:
        """Return the record of `orders.latest` that says the same as one of `orders.executions`."""
        return execution if self._latest == self._execution else self._latest + execution[5:]

    def unmatched(self, record: Unmatched) -> bytes:
        """Return a record of `orders.unmatched`."""
        return self._ids[topics.UNMATCHED.name] + self._unmatched(record)

    def feed_status(self, record: FeedStatus) -> bytes:
        """Return a record of `feeds.status`."""
        return self._ids[topics.FEEDS_STATUS.name] + self._feed_status(record)


class SubmissionReader:
    """Reads records of `orders.submitted`.

    Those of the newest schema are read by the compiled reader, those of an older one, whose writer's
    schema `fetch` gets from the registry, by `fetch` itself.
    """

    def __init__(self, schema_id: int, fetch: Callable[[bytes], Mapping[str, Any]]) -> None:
        self._prefix = _prefix(schema_id)
        self._read = compile_reader(schema("submitted"))
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
            values = self._read(value, 5) if value[:5] == self._prefix else self._of_another(self._fetch(value))
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


def _types_of(kind: str | list[str]) -> tuple[type, ...]:
    python: dict[str, type] = {"null": type(None), "string": str, "long": int}
    return tuple(python[each] for each in ([kind] if isinstance(kind, str) else kind))


def _submission(values: tuple[Any, ...]) -> Submission:
    request_id, venue, account, action, phase, instrument, side, ord_type, time_in_force, quantity, price = values[:11]
    stop_price = values[18]
    amounts: Iterable[Any] = _amounts(values[22:26]) if any(values[22:26]) else ()
    for name, value in (("order_request_id", request_id), ("venue", venue), ("account", account)):
        if not value:
            raise MappingError(name, value, "it must not be empty")
    if action in _ABOUT_ANOTHER and not (values[20] or values[21]):
        raise MappingError("orig_order_request_id", None, f"a {action} has to say which order it is about")
    return Submission(
        request_id,
        venue,
        account,
        _word(Action, "action", action),
        _word(Phase, "phase", phase),
        instrument,
        _word(Side, "side", side) if side is not None else None,
        _word(OrdType, "ord_type", ord_type) if ord_type is not None else None,
        _word(TimeInForce, "time_in_force", time_in_force) if time_in_force is not None else None,
        _decimal("quantity", quantity) if quantity is not None else None,
        _decimal("price", price) if price is not None else None,
        *values[11:13],
        # An empty id is none: as a name, it would be that of every order without one.
        *(values[13] or None, *values[14:18], _decimal("stop_price", stop_price) if stop_price is not None else None),
        *(values[19], values[20] or None, values[21] or None, *amounts),
    )


def _amounts(texts: tuple[str | None, ...]) -> Iterator[Decimal | None]:
    for name, text in zip(_AMOUNTS, texts, strict=True):
        yield None if text is None else _decimal(name, text)


_AMOUNTS = ("cash_order_qty", "take_profit_price", "display_qty", "peg_offset_value")
_ABOUT_ANOTHER = frozenset({Action.CANCEL, Action.CANCEL_STOP, Action.REPLACE, Action.AMEND})
_WORDS: dict[type[StrEnum], dict[str, Any]] = {
    kind: {member.value: member for member in kind} for kind in (Action, Phase, Side, OrdType, TimeInForce)
}


def _word(kind: type[StrEnum], name: str, text: str) -> Any:
    try:
        return _WORDS[kind][text]
    except KeyError:
        raise MappingError(name, text, f"none of {', '.join(_WORDS[kind])}") from None


def _decimal(name: str, text: str) -> Decimal:
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


# The first byte of a record of state: what follows, and in which version of its layout.
_ORDER, _ACCOUNT = b"\x01", b"\x02"
_encode = msgspec.msgpack.Encoder().encode
_decode_order = msgspec.msgpack.Decoder(Order).decode
_decode_account = msgspec.msgpack.Decoder(Account).decode


class StateError(Exception):
    """A record of the state topic is of a layout that this version does not know."""


def encode_state(value: Struct) -> bytes:
    """Return an order or an account as the state topic keeps it."""
    return (_ORDER if value.__class__ is Order else _ACCOUNT) + _encode(value)


def decode_state(value: bytes) -> Order | Account:
    """Read back what `encode_state` wrote.

    Raises:
        StateError: the record was written by a version whose layout is not known here.
    """
    kind, body = value[:1], memoryview(value)[1:]
    try:
        if kind == _ORDER:
            return _decode_order(body)
        if kind == _ACCOUNT:
            return _decode_account(body)
    except msgspec.DecodeError as error:
        raise StateError(f"a record of state can't be read: {error}") from None
    raise StateError(f"a record of state is of kind {kind!r}, which this version does not know")
