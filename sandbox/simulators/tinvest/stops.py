"""A stop order, and what moves it: pure, and exact in nano units.

Once triggered it is over, and an ordinary order, its child, lives on (T-Invest, stop orders).
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from sandbox.simulators.tinvest.instruments import Instrument
from sandbox.simulators.tinvest.orders import Ask, CancelRequest, Source

__all__ = [
    "Accept",
    "Expire",
    "StopAsk",
    "StopOrder",
    "StopStatus",
    "StopStep",
    "Trailing",
    "Trigger",
    "Withdraw",
    "child_ask",
    "child_type",
    "take_stop",
    "watch",
]


class StopStatus(StrEnum):
    """StopOrderStatusOption, without its prefix."""

    ACTIVE = "ACTIVE"
    EXECUTED = "EXECUTED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True)
class Trailing:
    """How far a trailing take-profit lets the price come back, and how much worse its child may trade.

    A type is `ABSOLUTE` (nano units of price) or `RELATIVE` (nano units of a percent).
    """

    indent_nano: int
    indent_type: str
    spread_nano: int = 0
    spread_type: str = "ABSOLUTE"


@dataclass(frozen=True, kw_only=True)
class StopAsk:
    """What a client asked for. Enums are the venue's names without their prefix.

    `expire_ns` None is good till cancelled, `price_nano` the child's limit, `exchange_order_type` the
    child's type as asked for (`UNSPECIFIED`, `MARKET`, `LIMIT`).
    """

    account: str
    request_id: str
    instrument: Instrument
    instrument_id: str
    direction: str
    stop_order_type: str
    lots: int
    stop_price_nano: int
    price_nano: int | None
    expire_ns: int | None
    exchange_order_type: str = "UNSPECIFIED"
    take_profit_type: str = "UNSPECIFIED"
    trailing: Trailing | None = None
    instant: bool = False


@dataclass(frozen=True, kw_only=True)
class StopOrder:
    """The state of one stop order.

    `extreme_nano` is the best price since a trailing one was set off, `child_request_id` the key that
    the venue gave the order that it became.
    """

    ask: StopAsk
    stop_order_id: str
    created_ns: int
    changed_ns: int
    status: StopStatus = StopStatus.ACTIVE
    told: bool = False
    extreme_nano: int | None = None
    trigger_price_nano: int | None = None
    child_request_id: str | None = None
    cancel_requests: tuple[CancelRequest, ...] = ()

    @property
    def is_final(self) -> bool:
        """Tell whether nothing more can become of it; its child may live on."""
        return self.status is not StopStatus.ACTIVE


@dataclass(frozen=True)
class Accept:
    """The broker has it."""


@dataclass(frozen=True)
class Trigger:
    """It becomes an order, at this price of the market, under this key."""

    price_nano: int
    child_request_id: str


@dataclass(frozen=True)
class Withdraw:
    """Its client cancels it."""


@dataclass(frozen=True)
class Expire:
    """Its time is over."""


StopStep = Accept | Trigger | Withdraw | Expire


def take_stop(stop: StopOrder, step: StopStep, now_ns: int) -> StopOrder | None:
    """Return the stop order after `step`, or None when the step comes too late for it."""
    if stop.is_final:
        return None
    after = replace(stop, told=True, changed_ns=now_ns)
    match step:
        case Accept():
            return after
        case Withdraw():
            return replace(after, status=StopStatus.CANCELED)
        case Expire():
            return replace(after, status=StopStatus.EXPIRED)
        case Trigger(price_nano, child_request_id):
            return replace(
                after,
                status=StopStatus.EXECUTED,
                trigger_price_nano=price_nano,
                child_request_id=child_request_id,
            )


def watch(stop: StopOrder, price_nano: int) -> tuple[StopOrder, bool]:
    """Return the stop order after the market's price moved to this, and whether that triggers it."""
    if stop.is_final or not stop.told:
        return stop, False
    trailing = stop.ask.trailing
    if trailing is None:
        return stop, _reached(stop.ask, price_nano)
    if stop.extreme_nano is None:
        return (replace(stop, extreme_nano=price_nano) if _reached(stop.ask, price_nano) else stop), False
    best = max if stop.ask.direction == "SELL" else min
    extreme_nano = best(stop.extreme_nano, price_nano)
    return replace(stop, extreme_nano=extreme_nano), _has_come_back(trailing, extreme_nano, price_nano)


def _reached(ask: StopAsk, price_nano: int) -> bool:
    # A seller takes profit above and stops a loss below, a buyer the other way round.
    if (ask.direction == "SELL") == (ask.stop_order_type == "TAKE_PROFIT"):
        return price_nano >= ask.stop_price_nano
    return price_nano <= ask.stop_price_nano


def _has_come_back(trailing: Trailing, extreme_nano: int, price_nano: int) -> bool:
    # The extreme is the best price so far, so any difference from it is the way back.
    return abs(extreme_nano - price_nano) >= _distance(trailing.indent_nano, trailing.indent_type, extreme_nano)


def _distance(value_nano: int, kind: str, price_nano: int) -> int:
    return value_nano if kind == "ABSOLUTE" else price_nano * value_nano // (100 * 10**9)


def child_type(ask: StopAsk) -> str:
    """Return the order type of what the stop order becomes.

    A stop-limit becomes a limit order, a stop-loss a market order, a take-profit what was asked for,
    and without that a limit order if it has a price (T-Invest, PostStopOrder).
    """
    if ask.stop_order_type != "TAKE_PROFIT":
        return "LIMIT" if ask.stop_order_type == "STOP_LIMIT" else "MARKET"
    if ask.trailing is not None:
        return "LIMIT" if ask.trailing.spread_nano else "MARKET"
    if ask.exchange_order_type != "UNSPECIFIED":
        return ask.exchange_order_type
    return "MARKET" if ask.price_nano is None else "LIMIT"


def child_ask(stop: StopOrder) -> Ask:
    """Return the order that a triggered stop order becomes."""
    ask = stop.ask
    order_type = child_type(ask)
    return Ask(
        account=ask.account,
        request_id=stop.child_request_id or "",
        instrument=ask.instrument,
        instrument_id=ask.instrument_id,
        direction=ask.direction,
        order_type=order_type,
        time_in_force="DAY",
        lots=ask.lots,
        price_nano=_child_price(stop) if order_type == "LIMIT" else None,
        source=Source.STOP,
    )


def _child_price(stop: StopOrder) -> int:
    ask, trigger_nano = stop.ask, stop.trigger_price_nano or stop.ask.stop_price_nano
    if ask.trailing is None:
        return ask.price_nano if ask.price_nano is not None else trigger_nano
    spread_nano = _distance(ask.trailing.spread_nano, ask.trailing.spread_type, trigger_nano)
    price_nano = trigger_nano - spread_nano if ask.direction == "SELL" else trigger_nano + spread_nano
    step_nano = ask.instrument.step_nano
    return max(step_nano, price_nano // step_nano * step_nano)
