"""Avro's binary encoding of what the project's flat records are made of.

A general Avro library walks the schema for every record and takes the values from a dict, which costs more than
all else that happens to a record on its way. The project's schemas are flat: strings, numbers, booleans, and each
of these or null. So a record is written as one value after the other (`results.py`), and read so
(`submissions.py`), with what is here. fastavro reads what these write and writes what these read, which the tests
hold.

Avro 1.12, "Binary Encoding": a long is zigzag and then 7 bits a byte, lowest first; a string is its
length and its UTF-8 bytes; a union is the index of its branch and then the value.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

__all__ = [
    "Reader",
    "boolean",
    "decimal",
    "long",
    "optional_decimal",
    "optional_text",
    "optional_time",
    "optional_word",
    "prefix",
    "quotient",
    "text",
    "time",
    "word",
]

_NULL: Final = b"\x00"
_SOME: Final = b"\x02"
_TRUE: Final = b"\x01"
_FALSE: Final = b"\x00"

# Zigzag numbers of up to 14 bits are looked up, and longer ones are put together from their parts.
_ENDS: Final[list[bytes]] = [bytes([n]) if n < 128 else bytes([n & 127 | 128, n >> 7]) for n in range(1 << 14)]
_PARTS: Final[list[bytes]] = [bytes([n & 127 | 128, n >> 7 | 128]) for n in range(1 << 14)]
_MORE: Final[list[bytes]] = [bytes([n | 128]) for n in range(128)]
# The upper half of a time in nanoseconds is the same for half a minute on end.
_UPPER: Final[dict[int, bytes]] = {}


def prefix(schema_id: int) -> bytes:
    """Return what stands before a record in Confluent's framing: a zero, and the schema's id in the registry."""
    return b"\x00" + schema_id.to_bytes(4, "big")


def long(value: int) -> bytes:
    """Return a long or an int."""
    n = value << 1 if value >= 0 else (-value << 1) - 1
    if n < 16384:
        return _ENDS[n]
    if n < 1 << 28:
        return _PARTS[n & 16383] + _ENDS[n >> 14]
    return _unsigned(n)


def _unsigned(n: int) -> bytes:
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def time(value: int) -> bytes:
    """Return a long that is a time in nanoseconds: what times close to it have in common is remembered."""
    if value < 1 << 41:
        return long(value)
    upper = value >> 34
    high = _UPPER.get(upper)
    if high is None:
        if len(_UPPER) > 4096:
            _UPPER.clear()
        high = _UPPER[upper] = _unsigned(upper)
    return _PARTS[value << 1 & 16383] + _PARTS[value >> 13 & 16383] + _MORE[value >> 27 & 127] + high


def optional_time(value: int | None) -> bytes:
    """Return a time in nanoseconds, or null."""
    return _NULL if value is None else _SOME + time(value)


def text(value: str) -> bytes:
    """Return a string that is another one almost every time."""
    encoded = value.encode()
    size = len(encoded)
    return (_ENDS[size << 1] if size < 8192 else long(size)) + encoded


def optional_text(value: str | None) -> bytes:
    """Return a string that is another one almost every time, or null."""
    return _NULL if value is None else _SOME + text(value)


class _Seen(dict[Any, bytes]):
    """Encodings of values that come again and again; it forgets all when there turn out to be too many."""

    def __init__(self, encode: Callable[[Any], bytes]) -> None:
        super().__init__()
        self._encode = encode

    def __missing__(self, value: Any) -> bytes:
        if len(self) >= 65536:
            self.clear()
        encoded = self[value] = self._encode(value)
        return encoded


_WORDS: Final = _Seen(text)


def word(value: str) -> bytes:
    """Return a string that comes again and again."""
    return _WORDS[value]


def optional_word(value: str | None) -> bytes:
    """Return a string that comes again and again, or null."""
    return _NULL if value is None else _SOME + _WORDS[value]


def _number(value: Decimal) -> bytes:
    # One text for one number, for equal ones are remembered as one: 22.00 is 22.
    # Sooner than `format`, but with an exponent where there are many zeros.
    told = str(value)
    if "E" in told:
        told = format(value, "f")
    return text(told.rstrip("0").rstrip(".") if "." in told else told)


_NUMBERS: Final = _Seen(_number)


def decimal(value: Decimal) -> bytes:
    """Return a string that is a number in plain notation."""
    return _NUMBERS[value]


def optional_decimal(value: Decimal | None) -> bytes:
    """Return a string that is a number in plain notation, or null."""
    return _NULL if value is None else _SOME + _NUMBERS[value]


def quotient(value: Decimal | None) -> bytes:
    """Return a string that is a number in plain notation and another one almost every time, or null."""
    return _NULL if value is None else _SOME + _number(value)


def boolean(value: bool) -> bytes:
    """Return a boolean."""
    return _TRUE if value else _FALSE


class Reader:
    """Reads the values of one record from `data[at:]`, in the schema's order.

    Its methods raise IndexError, ValueError or OverflowError on bytes that are no such value, and never
    read past them.
    """

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at = at

    def long(self) -> int:
        """Return the next value, a long or an int."""
        data, at = self._data, self._at
        n = shift = 0
        while True:
            byte = data[at]
            at += 1
            n |= (byte & 127) << shift
            if byte < 128 and n < 1 << 64:
                self._at = at
                return n >> 1 ^ -(n & 1)
            shift += 7
            if shift > 63:
                raise OverflowError("a number of more than 64 bits")

    def text(self) -> str:
        """Return the next value, a string."""
        data = self._data
        size = data[self._at]
        if size > 127:
            size = self.long()
        else:
            size >>= 1
            self._at += 1
        start = self._at
        end = start + size
        if size < 0 or end > len(data):
            raise ValueError("text past the end")
        self._at = end
        return data[start:end].decode()

    def optional_text(self) -> str | None:
        """Return the next value, a string or null."""
        return self.text() if self._some() else None

    def optional_long(self) -> int | None:
        """Return the next value, a long or null."""
        return self.long() if self._some() else None

    def _some(self) -> bool:
        branch = self._data[self._at]
        if branch not in (0, 2):
            raise ValueError("no such branch")
        self._at += 1
        return branch == 2

    def end(self) -> None:
        """Refuse bytes that are left over."""
        if self._at != len(self._data):
            raise ValueError("bytes left over")
