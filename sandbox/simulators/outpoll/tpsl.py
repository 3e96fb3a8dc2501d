"""A take-profit / stop-loss order at the simulated venue, and the steps that move it: pure.

Of its statuses the documents show ACTIVE only; the others are chosen.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from sandbox.simulators.outpoll.instruments import Instrument
from sandbox.simulators.outpoll.orders import Ask, Source

__all__ = [
    "Activate",
    "TpslAsk",
    "TpslOrder",
    "TpslStatus",
    "TpslStep",
    "Trigger",
    "Withdraw",
    "child_ask",
    "take_tpsl",
]


class TpslStatus(StrEnum):
    """What has become of it."""

    ACTIVE = "ACTIVE"
    TRIGGERED = "TRIGGERED"
    CANCELED = "CANCELED"


@dataclass(frozen=True, kw_only=True)
class TpslAsk:
    """What a client asked for: to sell so many shares once the price reaches either bound."""

    account: str
    instrument: Instrument
    quantity: Decimal
    take_profit: Decimal | None
    stop_loss: Decimal | None

    def is_reached(self, price: Decimal) -> bool:
        """Tell whether a price is at or beyond one of the bounds."""
        profit = self.take_profit is not None and price >= self.take_profit
        return profit or (self.stop_loss is not None and price <= self.stop_loss)


@dataclass(frozen=True, kw_only=True)
class TpslOrder:
    """The state of one; `child_order_id` is the order that it became."""

    ask: TpslAsk
    tpsl_id: str
    created_ns: int
    changed_ns: int
    told: bool = False
    ignored: bool = False
    status: TpslStatus = TpslStatus.ACTIVE
    child_order_id: str | None = None

    @property
    def is_final(self) -> bool:
        """Tell whether nothing more can become of it."""
        return self.status is not TpslStatus.ACTIVE


@dataclass(frozen=True)
class Activate:
    """The venue has it."""


@dataclass(frozen=True)
class Withdraw:
    """It is cancelled."""


@dataclass(frozen=True)
class Trigger:
    """It becomes an order with this id."""

    child_order_id: str


TpslStep = Activate | Withdraw | Trigger


def take_tpsl(tpsl: TpslOrder, step: TpslStep, now_ns: int) -> TpslOrder | None:
    """Return it after `step`, or None when the step comes too late for it."""
    if tpsl.is_final:
        return None
    after = replace(tpsl, told=True, changed_ns=now_ns)
    match step:
        case Activate():
            return after
        case Withdraw():
            return replace(after, status=TpslStatus.CANCELED)
        case Trigger(child_order_id):
            return replace(after, status=TpslStatus.TRIGGERED, child_order_id=child_order_id)


def child_ask(tpsl: TpslOrder) -> Ask:
    """Return the market order that it becomes."""
    ask = tpsl.ask
    return Ask(
        account=ask.account,
        instrument=ask.instrument,
        side="SELL",
        order_type="MARKET",
        quantity=ask.quantity,
        source=Source.TPSL,
    )
