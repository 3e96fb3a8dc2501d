"""T-Invest's Quotation and Decimal, exactly, both ways.

A Quotation is `units + nano * 10**-9`, `units` an int64 that JSON carries as text, `nano` an int32;
both have the sign of the number (T-Invest, common.proto).
"""

from decimal import Decimal
from typing import Any

from producers.gateways.checks import INT64_MOST

__all__ = ["from_quotation", "to_quotation"]

GIGA = 10**9
INT64_LEAST = -(2**63)


def to_quotation(number: Decimal) -> dict[str, str | int]:
    """Return `number` as JSON has it.

    Raises:
        ValueError: it is not finite, has more than 9 decimals or does not fit int64.
    """
    if not number.is_finite():
        raise ValueError(f"{number} is no number")
    sign, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int):
        raise TypeError("a finite number has an exponent")
    # Whole numbers throughout: Decimal's own arithmetic would round to the context's precision. The
    # exponent is bounded first, so that 1E+999999999 costs nothing.
    significant = int("".join(map(str, digits)))
    if significant == 0:
        return {"units": "0", "nano": 0}
    if exponent > 18 or number.adjusted() > 18:
        raise ValueError(f"{number} does not fit 64 bits")
    if exponent < -9:
        significant, rest = divmod(significant, 10 ** (-9 - exponent)) if exponent > -1000 else (0, 1)
        if rest:
            raise ValueError(f"{number} has more than 9 decimals")
        exponent = -9
    units, nano = divmod(significant * 10 ** (exponent + 9), GIGA)
    if sign:
        units, nano = -units, -nano
    if not INT64_LEAST <= units <= INT64_MOST:
        raise ValueError(f"{number} does not fit 64 bits")
    return {"units": str(units), "nano": nano}


def from_quotation(quotation: Any) -> Decimal:
    """Return the number of a Quotation or MoneyValue, whose parts may be left out at zero.

    Raises:
        ValueError: it is none: a part is no whole number or out of range, or the signs differ.
    """
    if not isinstance(quotation, dict):
        raise ValueError(f"{quotation!r} is no Quotation")  # noqa: TRY004 -- one error for all that a venue may send
    units, nano = _whole(quotation.get("units", 0)), _whole(quotation.get("nano", 0))
    if not INT64_LEAST <= units <= INT64_MOST or abs(nano) >= GIGA or units * nano < 0:
        raise ValueError(f"units {units} and nano {nano} make no Quotation")
    total = abs(units) * GIGA + abs(nano)
    sign = 1 if units < 0 or nano < 0 else 0
    return Decimal((sign, tuple(map(int, str(total))), -9))


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(f"{value!r} is no whole number")  # noqa: TRY004 -- as above
    return int(value)
