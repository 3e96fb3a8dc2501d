"""A made-up trading day at T-Invest: deterministic orders, their submissions and their frames.

Four frames an order, as the stream tells it: the broker's first message with an id of its own, the
exchange's number, a partial fill, and the fill, which lists every trade so far. One order in five
hears from the venue before its submission is written.
"""

import random
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from schemas.records import schema

__all__ = ["ACCOUNTS", "Order", "day", "order"]

ACCOUNTS = 200
_INSTRUMENTS = (
    ("SBER", 10, 271),
    ("GAZP", 10, 128),
    ("LKOH", 1, 7050),
    ("VTBR", 1, 84),
    ("ROSN", 1, 455),
    ("YDEX", 1, 4100),
)
_UID = "e6123145-9665-43e0-8413-cd61b8aa9b13"
_CENT = 10_000_000
_NOTHING_TOLD: dict[str, object] = {
    field["name"]: None for field in schema("submitted")["fields"] if "default" in field
}


class Order(NamedTuple):
    """One order: its submission as a record, and its frames with the time after it at which each comes."""

    account: str
    request_id: str
    submission: dict[str, object]
    frames: list[bytes]
    delays_ns: list[int]


def _time(ns: int) -> str:
    second, rest = divmod(ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def _money(nanos: int, currency: str = "") -> str:
    units, nano = divmod(nanos, 1_000_000_000)
    return f'{{{currency}"units":"{units}","nano":{nano}}}'


def order(number: int, submitted_ns: int, seed: int = 7) -> Order:
    """Return order `number`, submitted at `submitted_ns`; the same arguments give the same order."""
    chance = random.Random(seed * 1_000_003 + number)  # noqa: S311 -- made-up orders, the same every time
    request_id = str(uuid.UUID(int=chance.getrandbits(128), version=4))
    account = f"20000{chance.randrange(ACCOUNTS):05d}"
    symbol, lot, base = chance.choice(_INSTRUMENTS)
    lots = chance.randrange(2, 50)
    price = base * 1_000_000_000 + chance.randrange(100) * _CENT
    side = chance.choice(("BUY", "SELL"))
    submission: dict[str, object] = _NOTHING_TOLD | {
        "order_request_id": request_id,
        "venue": "tinvest",
        "account": account,
        "action": "NEW",
        "phase": "INTENT",
        "instrument": f"{symbol}_TQBR",
        "side": side,
        "ord_type": "LIMIT",
        "time_in_force": "DAY",
        "quantity": str(lots),
        "price": f"{price // 10**9}.{price % 10**9 // 10**7:02d}",
        "submitted_ns": submitted_ns,
        "phase_ns": submitted_ns,
    }
    first = (
        -chance.randrange(1_000_000, 20_000_000) if chance.random() < 0.2 else chance.randrange(2_000_000, 8_000_000)
    )
    delays = [first, chance.randrange(20_000_000, 60_000_000)]
    delays.append(delays[1] + chance.randrange(100_000_000, 2_000_000_000))
    delays.append(delays[2] + chance.randrange(100_000_000, 3_000_000_000))
    part = chance.randrange(1, lots)
    prices = (price - _CENT * chance.randrange(5), price)
    trades = [
        f'{{"dateTime":"{_time(submitted_ns + delays[2 + at])}","price":{_money(prices[at])},'
        f'"quantity":"{quantity * lot}","tradeId":"D{number}{at}"}}'
        for at, quantity in enumerate((part, lots - part))
    ]
    exchange_id = str(70_000_000_000 + number)
    steps = (
        ("NEW", request_id, 0, ""),
        ("NEW", exchange_id, 0, ""),
        ("PARTIALLYFILL", exchange_id, part, trades[0]),
        ("FILL", exchange_id, lots, ",".join(trades)),
    )
    frames = [
        (
            f'{{"orderState":{{"orderId":"{order_id}","orderRequestId":"{request_id}","clientCode":"",'
            f'"createdAt":"{_time(submitted_ns)}","executionReportStatus":"EXECUTION_REPORT_STATUS_{status}",'
            f'"ticker":"{symbol}","classCode":"TQBR","lotSize":{lot},"direction":"ORDER_DIRECTION_{side}",'
            f'"timeInForce":"TIME_IN_FORCE_DAY","orderType":"ORDER_TYPE_LIMIT","accountId":"{account}",'
            f'"initialOrderPrice":{_money(price * lots * lot, _RUB)},"orderPrice":{_money(price, _RUB)},'
            f'"executedOrderPrice":{_money(price, _RUB)},"currency":"RUB","lotsRequested":"{lots}",'
            f'"lotsExecuted":"{executed}","lotsLeft":"{lots - executed}","lotsCancelled":"0","trades":[{listed}],'
            f'"completionTime":"{_time(submitted_ns + delays[at])}","exchange":"MOEX","instrumentUid":"{_UID}"}}}}'
        ).encode()
        for at, (status, order_id, executed, listed) in enumerate(steps)
    ]
    return Order(account, request_id, submission, frames, delays)


_RUB = '"currency":"RUB",'


def day(orders: range, start_ns: int, gap_ns: int = 4_000_000) -> Iterator[tuple[int, Order]]:
    """Yield the numbered orders, one every `gap_ns`, each with the time it is submitted at."""
    for at, number in enumerate(orders):
        submitted_ns = start_ns + at * gap_ns
        yield submitted_ns, order(number, submitted_ns)
