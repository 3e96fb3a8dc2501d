"""A stop order: an order that waits at the venue until the price reaches its stop price. Pure."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from producers.gateways.checks import (
    expiry_problems,
    flag_problems,
    id_problems,
    number_problems,
    refuse,
    text_problems,
    word_problems,
)
from producers.gateways.orders import PriceType, new_id
from schemas.fix import Action, OrdType, Side, TimeInForce

__all__ = ["NewStopOrder", "StopStatus", "Trailing", "TrailingUnit"]

STOP_TYPES = (
    OrdType.STOP,
    OrdType.STOP_LIMIT,
    OrdType.TAKE_PROFIT,
    OrdType.TRAILING_TAKE_PROFIT,
    OrdType.TAKE_PROFIT_STOP_LOSS,
)
STOP_TIMES = (TimeInForce.GOOD_TILL_CANCEL, TimeInForce.GOOD_TILL_DATE)


class TrailingUnit(StrEnum):
    """What a distance of a trailing stop order is told in: units of the price, or per cent of it."""

    ABSOLUTE = "ABSOLUTE"
    RELATIVE = "RELATIVE"


class StopStatus(StrEnum):
    """Where a stop order stands; ALL asks for any."""

    ALL = "ALL"
    ACTIVE = "ACTIVE"
    EXECUTED = "EXECUTED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True, kw_only=True)
class Trailing:
    """How a trailing stop order follows the price.

    It triggers once the price is `indent` away from its best; the order that it becomes is a limit order
    `spread` worse than the price then, or without a spread a market order.

    Raises:
        UsageError: names every field that is wrong.
    """

    indent: Decimal
    indent_unit: TrailingUnit = TrailingUnit.ABSOLUTE
    spread: Decimal | None = None
    spread_unit: TrailingUnit = TrailingUnit.ABSOLUTE

    def __post_init__(self) -> None:
        refuse(
            [
                *number_problems("indent", self.indent),
                *word_problems("indent_unit", self.indent_unit, TrailingUnit),
                *([] if self.spread is None else number_problems("spread", self.spread, positive=False)),
                *([f"spread={self.spread} must not be negative"] if _is_negative(self.spread) else []),
                *word_problems("spread_unit", self.spread_unit, TrailingUnit),
            ]
        )


def _is_negative(value: object) -> bool:
    return isinstance(value, Decimal) and value.is_finite() and value < 0


@dataclass(frozen=True, kw_only=True)
class NewStopOrder:
    """A stop order to be placed.

    | `ord_type`           | `stop_price` | `price`                             | `trailing` |
    |----------------------|--------------|-------------------------------------|------------|
    | STOP                 | needed       | none: it becomes a market order     | none       |
    | STOP_LIMIT           | needed       | needed: it becomes a limit order    | none       |
    | TAKE_PROFIT          | needed       | with it a limit order, else market  | none       |
    | TRAILING_TAKE_PROFIT | where to start following, or at once | where the venue wants one | needed |
    | TAKE_PROFIT_STOP_LOSS | needed, and `take_profit_price` too | none                        | none   |

    `expire_ns`, in nanoseconds of Unix time, is needed with GOOD_TILL_DATE and with nothing else.
    `event`, `outcome` and `quote` are as in `NewOrder`.
    `instant_execution` asks that it triggers at once where the price is past the stop price already.
    All else is as in `NewOrder`.

    Raises:
        UsageError: names every field that is wrong.
    """

    action: ClassVar[Action] = Action.NEW_STOP

    account: str
    instrument: str
    side: Side
    ord_type: OrdType
    quantity: Decimal
    stop_price: Decimal | None = None
    take_profit_price: Decimal | None = None
    price: Decimal | None = None
    trailing: Trailing | None = None
    time_in_force: TimeInForce = TimeInForce.GOOD_TILL_CANCEL
    expire_ns: int | None = None
    event: str | None = None
    outcome: str | None = None
    quote: str | None = None
    price_type: PriceType | None = None
    confirm_margin_trade: bool = False
    instant_execution: bool = False
    order_request_id: str = field(default_factory=new_id)

    def __post_init__(self) -> None:
        ids = {name: getattr(self, name) for name in ("event", "outcome", "quote")}
        refuse(
            [
                *text_problems("account", self.account),
                *text_problems("instrument", self.instrument),
                *word_problems("side", self.side, Side),
                *word_problems("ord_type", self.ord_type, STOP_TYPES),
                *number_problems("quantity", self.quantity),
                *self._stop_price_problems(),
                *self._take_profit_problems(),
                *self._price_problems(),
                *self._trailing_problems(),
                *word_problems("time_in_force", self.time_in_force, STOP_TIMES),
                *expiry_problems(self.time_in_force, self.expire_ns),
                *(
                    problem
                    for name, value in ids.items()
                    if value is not None
                    for problem in text_problems(name, value)
                ),
                *([] if self.price_type is None else word_problems("price_type", self.price_type, PriceType)),
                *flag_problems("confirm_margin_trade", self.confirm_margin_trade),
                *flag_problems("instant_execution", self.instant_execution),
                *id_problems("order_request_id", self.order_request_id),
            ]
        )

    def _stop_price_problems(self) -> list[str]:
        if self.stop_price is not None:
            return number_problems("stop_price", self.stop_price, positive=False)
        needless = self.ord_type is OrdType.TRAILING_TAKE_PROFIT
        return [] if needless else [f"stop_price is missing: a {self.ord_type} order needs one"]

    def _take_profit_problems(self) -> list[str]:
        needed = self.ord_type is OrdType.TAKE_PROFIT_STOP_LOSS
        if self.take_profit_price is None:
            return [f"take_profit_price is missing: a {self.ord_type} order needs one"] if needed else []
        if not needed:
            return [f"take_profit_price={self.take_profit_price}: a {self.ord_type} order has none"]
        return number_problems("take_profit_price", self.take_profit_price, positive=False)

    def _price_problems(self) -> list[str]:
        if self.price is None:
            needed = self.ord_type is OrdType.STOP_LIMIT
            return ["price is missing: a STOP_LIMIT order needs one"] if needed else []
        if self.ord_type in (OrdType.STOP, OrdType.TAKE_PROFIT_STOP_LOSS):
            return [f"price={self.price}: a {self.ord_type} order has none, a STOP_LIMIT order has"]
        return number_problems("price", self.price, positive=False)

    def _trailing_problems(self) -> list[str]:
        needed = self.ord_type is OrdType.TRAILING_TAKE_PROFIT
        if self.trailing is None:
            return [f"trailing is missing: a {self.ord_type} order needs it"] if needed else []
        return [] if needed else [f"trailing={self.trailing}: a {self.ord_type} order has none"]
