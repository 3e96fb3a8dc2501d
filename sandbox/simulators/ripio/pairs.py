"""What the simulated exchange trades: pairs of a base currency, which amounts are of, and a quote currency."""

from dataclasses import dataclass
from decimal import Decimal

__all__ = ["CURRENCIES", "PAIRS", "Pair", "find_pair"]


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One pair; it trades around `price`. The other fields are those of the venue's `GET /pairs`."""

    base: str
    quote: str
    price: Decimal
    price_tick: Decimal
    amount_tick: Decimal = Decimal("0.00000001")
    min_amount: Decimal
    min_value: Decimal

    @property
    def code(self) -> str:
        """The pair's name at the venue."""
        return f"{self.base}_{self.quote}"


PAIRS = (
    Pair(
        base="BTC",
        quote="BRL",
        price=Decimal(300_000),
        price_tick=Decimal(1),
        min_amount=Decimal("0.00001"),
        min_value=Decimal(1),
    ),
    Pair(
        base="ETH",
        quote="BRL",
        price=Decimal(15_000),
        price_tick=Decimal("0.01"),
        min_amount=Decimal("0.0001"),
        min_value=Decimal(1),
    ),
    Pair(
        base="USDC",
        quote="BRL",
        price=Decimal("5.4"),
        price_tick=Decimal("0.0001"),
        amount_tick=Decimal("0.01"),
        min_amount=Decimal(1),
        min_value=Decimal(5),
    ),
    Pair(
        base="BTC",
        quote="USDC",
        price=Decimal(60_000),
        price_tick=Decimal("0.01"),
        min_amount=Decimal("0.00001"),
        min_value=Decimal(1),
    ),
)

CURRENCIES = tuple(sorted({currency for pair in PAIRS for currency in (pair.base, pair.quote)}))

_BY_CODE = {pair.code: pair for pair in PAIRS}


def find_pair(code: str) -> Pair | None:
    """Return the pair that a request names."""
    return _BY_CODE.get(code)
