"""Readers and writers of flat Avro records, generated from the schema.

A general Avro library walks the schema again for every record and takes the values from a dict,
which costs more than all else that happens to a record on its way. The project's schemas are flat:
strings, numbers, booleans, and each of these or null. For those a straight line of Python does it,
one statement a field, written out and compiled once at start. fastavro reads what these write and
writes what these read, which the tests hold for every schema.

Avro 1.12, "Binary Encoding": a long is zigzag and then 7 bits a byte, lowest first; a string is its
length and its UTF-8 bytes; a union is the index of its branch and then the value.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

__all__ = ["Reader", "Writer", "compile_reader", "compile_writer", "long_bytes"]

Writer = Callable[[Any], bytes]
Reader = Callable[[bytes, int], tuple[Any, ...]]

# Zigzag numbers of up to 14 bits are looked up, and longer ones are put together from their parts.
_ENDS = [bytes([n]) if n < 128 else bytes([n & 127 | 128, n >> 7]) for n in range(1 << 14)]
_PARTS = [bytes([n & 127 | 128, n >> 7 | 128]) for n in range(1 << 14)]


def long_bytes(value: int) -> bytes:
    """Return a long or int as Avro writes it."""
    n = value << 1 if value >= 0 else (-value << 1) - 1
    if n < 16384:
        return _ENDS[n]
    if n < 1 << 28:
        return _PARTS[n & 16383] + _ENDS[n >> 14]
    out = bytearray()
    while n >= 16384:
        out += _PARTS[n & 16383]
        n >>= 14
    return bytes(out + _ENDS[n])


# The upper half of a time in nanoseconds is the same for half a minute on end.
_UPPER: dict[int, bytes] = {}


def _time_bytes(value: int) -> bytes:
    n = value << 1
    upper = n >> 35
    high = _UPPER.get(upper)
    if high is None:
        if value < 1 << 41:
            return long_bytes(value)
        if len(_UPPER) > 4096:
            _UPPER.clear()
        high = _UPPER[upper] = _unsigned(upper)
    return _PARTS[n & 16383] + _PARTS[n >> 14 & 16383] + _LAST[n >> 28 & 127] + high


_LAST = [bytes([n | 128]) for n in range(128)]


def _unsigned(n: int) -> bytes:
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def _string_bytes(value: str) -> bytes:
    encoded = value.encode()
    size = len(encoded)
    return (_ENDS[size << 1] if size < 8192 else long_bytes(size)) + encoded


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


def _decimal_bytes(value: Decimal) -> bytes:
    # One text for one number, for equal ones are remembered as one: 22.00 is 22.
    text = format(value, "f")
    return _string_bytes(text.rstrip("0").rstrip(".") if "." in text else text)


_BOOLEANS = {False: b"\x00", True: b"\x01"}
_TEXTS = _Seen(_string_bytes)
_DECIMALS = _Seen(_decimal_bytes)


def compile_writer(
    schema: Mapping[str, Any],
    names: Sequence[str],
    *,
    unique: frozenset[str] = frozenset(),
    decimals: frozenset[str] = frozenset(),
    repeats: Mapping[str, str] | None = None,
) -> Writer:
    """Return a function that encodes the fields `names` of an object, in the schema's order.

    The string fields in `decimals` hold a Decimal, written as plain decimal text. Those in `unique`
    hold another text almost every time, so their encodings are not remembered, as those of the other
    strings are. `repeats` names text fields that mostly hold the very text of another, earlier one.

    Raises:
        ValueError: a field is not in the schema, or of a type that is not flat.
    """
    kinds = {field["name"]: _kind(field["type"]) for field in schema["fields"]}
    if missing := [name for name in names if name not in kinds]:
        raise ValueError(f"{schema['name']} has no field {missing[0]!r}")
    again = repeats or {}
    parts = []
    for name in names:
        kind, nullable = kinds[name]
        if name in again.values():
            parts.append(f"(kept_{name} := text(r.{name}))")
        elif name in again:
            earlier = again[name]
            parts.append(f"kept_{earlier} if r.{name} is r.{earlier} else text(r.{name})")
        elif nullable:
            write = _write_expression(name, kind, "v", unique, decimals)
            parts.append(f"null if (v := r.{name}) is None else some + {write}")
        else:
            parts.append(_write_expression(name, kind, f"r.{name}", unique, decimals))
    source = f"def write(r):\n    return join(({', '.join(parts)},))\n"
    compiled: Writer = _compile(source, "write")
    return compiled


def _write_expression(name: str, kind: str, value: str, unique: frozenset[str], decimals: frozenset[str]) -> str:
    if kind == "string":
        if name in unique:
            return f"{'decimal' if name in decimals else 'text'}({value})"
        return f"{'decimals' if name in decimals else 'texts'}[{value}]"
    if kind == "boolean":
        return f"booleans[{value}]"
    return f"{'time' if name.endswith('_ns') else 'long'}({value})"


def compile_reader(schema: Mapping[str, Any]) -> Reader:
    """Return a function that decodes a record from `data[at:]`, as a tuple of its values in the schema's order.

    It raises IndexError, ValueError or OverflowError on bytes that are no such record, and never
    reads past them.

    Raises:
        ValueError: a field is of a type that is not flat.
    """
    lines = ["def read(b, i):", "    end = len(b)"]
    variables = []
    for number, field in enumerate(schema["fields"]):
        kind, nullable = _kind(field["type"])
        variable = f"f{number}"
        variables.append(variable)
        indent = "    "
        if nullable:
            lines += [
                f"    if b[i] == 0: {variable} = None; i += 1",
                "    elif b[i] != 2: raise ValueError('no such branch')",
                "    else:",
                "        i += 1",
            ]
            indent = "        "
        lines += [indent + line for line in _read_lines(variable, kind)]
    lines += ["    if i != end: raise ValueError('bytes left over')", f"    return ({', '.join(variables)},)"]
    read: Reader = _compile("\n".join(lines) + "\n", "read")
    return read


def _read_lines(variable: str, kind: str) -> list[str]:
    if kind == "boolean":
        return [f"{variable} = b[i] == 1; i += 1"]
    if kind == "long":
        return [f"{variable}, i = read_long(b, i)"]
    return [
        "n = b[i]; i += 1",
        "if n > 127: n, i = read_long(b, i - 1)",
        "else: n >>= 1",
        "j = i + n",
        "if n < 0 or j > end: raise ValueError('text past the end')",
        f"{variable} = b[i:j].decode(); i = j",
    ]


def _read_long(data: bytes, at: int) -> tuple[int, int]:
    n = shift = 0
    while True:
        byte = data[at]
        at += 1
        n |= (byte & 127) << shift
        if byte < 128 and n < 1 << 64:
            return n >> 1 ^ -(n & 1), at
        shift += 7
        if shift > 63:
            raise OverflowError("a number of more than 64 bits")


def _kind(type_: Any) -> tuple[str, bool]:
    nullable = isinstance(type_, list)
    if nullable and (len(type_) != 2 or type_[0] != "null"):
        raise ValueError(f"no flat type: {type_}")
    kind = type_[1] if nullable else type_
    if kind not in ("string", "int", "long", "boolean"):
        raise ValueError(f"no flat type: {type_}")
    return "long" if kind == "int" else kind, nullable


def _compile(source: str, name: str) -> Any:
    scope: dict[str, Any] = {
        "text": _string_bytes,
        "decimal": _decimal_bytes,
        "texts": _TEXTS,
        "decimals": _DECIMALS,
        "join": b"".join,
        "null": b"\x00",
        "some": b"\x02",
        "long": long_bytes,
        "time": _time_bytes,
        "booleans": _BOOLEANS,
        "read_long": _read_long,
    }
    exec(compile(source, f"<avro {name}>", "exec"), scope)  # noqa: S102 -- the source is made above, from the project's own schemas
    return scope[name]
