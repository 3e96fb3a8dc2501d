"""What the simulated exchange trades. Money is a whole number of nano units: 1 rouble is 10**9."""

from dataclasses import dataclass

__all__ = ["INSTRUMENTS", "Instrument", "find_instrument"]


@dataclass(frozen=True, kw_only=True)
class Instrument:
    """One security. `price_nano` is around what it trades, for one piece, in steps of `step_nano`."""

    uid: str
    figi: str
    ticker: str
    class_code: str
    lot_size: int
    step_nano: int
    price_nano: int
    currency: str = "rub"
    exchange: str = "MOEX"


INSTRUMENTS = (
    Instrument(
        uid="e6123145-9665-43e0-8413-cd61b8aa9b13",
        figi="BBG004730N88",
        ticker="SBER",
        class_code="TQBR",
        lot_size=10,
        step_nano=10_000_000,
        price_nano=301_250_000_000,
    ),
    Instrument(
        uid="962e2a95-02a9-4171-abd7-aa198dbe643a",
        figi="BBG004730RP0",
        ticker="GAZP",
        class_code="TQBR",
        lot_size=10,
        step_nano=10_000_000,
        price_nano=128_400_000_000,
    ),
    Instrument(
        uid="02cfdf61-6298-4c0f-a9ca-9cabc82afaf3",
        figi="BBG004731032",
        ticker="LKOH",
        class_code="TQBR",
        lot_size=1,
        step_nano=500_000_000,
        price_nano=6_912_500_000_000,
    ),
    Instrument(
        uid="8e2b0325-0292-4654-8a18-4f63ed3b0e09",
        figi="BBG004730ZJ9",
        ticker="VTBR",
        class_code="TQBR",
        lot_size=1,
        step_nano=5_000_000,
        price_nano=74_985_000_000,
    ),
)

# An instrument is asked for by FIGI, by uid or by `<ticker>_<class code>` (T-Invest, orders.proto, instrument_id).
_BY_NAME = {
    name: instrument
    for instrument in INSTRUMENTS
    for name in (instrument.figi, instrument.uid, f"{instrument.ticker}_{instrument.class_code}")
}


def find_instrument(name: str) -> Instrument | None:
    """Return the instrument that a request's `instrumentId` names."""
    return _BY_NAME.get(name)
