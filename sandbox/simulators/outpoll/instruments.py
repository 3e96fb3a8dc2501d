"""What the simulated venue trades: each outcome of an event has two assets, one for yes and one for no."""

from dataclasses import dataclass
from decimal import Decimal

__all__ = ["INSTRUMENTS", "QUOTE_ASSETS", "Instrument", "find_instrument"]

# Both forms in which the documents name it (Outpoll, Place Limit Order; Private Endpoints, Signature example).
QUOTE_ASSETS = ("asset_usdc", "078dcd98-928d-479f-8110-ff6d27e44de2")


@dataclass(frozen=True, kw_only=True)
class Instrument:
    """One outcome asset. `price` is around what a share of it trades; `primary` is the asset for yes."""

    event: str
    outcome: str
    asset: str
    primary: bool
    symbol: str
    price: Decimal


INSTRUMENTS = (
    Instrument(
        event="evt_btc_100k_2026",
        outcome="mkt_btc_100k_yes_no",
        asset="asset_btc_100k_yes",
        primary=True,
        symbol="btc-100k-yes",
        price=Decimal("0.42"),
    ),
    Instrument(
        event="evt_btc_100k_2026",
        outcome="mkt_btc_100k_yes_no",
        asset="asset_btc_100k_no",
        primary=False,
        symbol="btc-100k-no",
        price=Decimal("0.58"),
    ),
    Instrument(
        event="54ccea1a-16fd-469c-8018-84b375243e8a",
        outcome="b21f6fd8-b9d1-4b9f-bb79-ef141e3dcb76",
        asset="3f1f0c0a-5d0e-4a52-9d52-2f3d8c0a1b01",
        primary=True,
        symbol="rain-in-may-yes",
        price=Decimal("0.30"),
    ),
    Instrument(
        event="54ccea1a-16fd-469c-8018-84b375243e8a",
        outcome="b21f6fd8-b9d1-4b9f-bb79-ef141e3dcb76",
        asset="3f1f0c0a-5d0e-4a52-9d52-2f3d8c0a1b02",
        primary=False,
        symbol="rain-in-may-no",
        price=Decimal("0.70"),
    ),
)

_BY_ASSET = {instrument.asset: instrument for instrument in INSTRUMENTS}


def find_instrument(asset: str) -> Instrument | None:
    """Return the instrument of an outcome asset's id."""
    return _BY_ASSET.get(asset)
