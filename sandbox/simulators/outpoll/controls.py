"""The simulator's controls over HTTP: its ledgers, what shall go wrong, and what shall happen."""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from sandbox.simulators.controls import ControlError, still_open
from sandbox.simulators.outpoll import wire
from sandbox.simulators.outpoll.exchange import Exchange
from sandbox.simulators.outpoll.fates import MOST_PRICE, TICK
from sandbox.simulators.outpoll.instruments import INSTRUMENTS, Instrument, find_instrument
from sandbox.simulators.outpoll.orders import NOTHING, Ask, Order, Source
from sandbox.simulators.wishes import Wish, read_as

__all__ = ["Desk"]

Json = dict[str, Any]


class Place(Wish):
    """Place an order as the venue's app does. Without a price, at the market."""

    action: Literal["place"]
    account: str
    instrument: str
    side: Literal["BUY", "SELL"]
    quantity: str
    price: str | None = None


class Fill(Wish):
    """Let an order trade so many of its shares, or all that is left, at a price or at its own."""

    action: Literal["fill"]
    account: str
    order_id: str
    quantity: str | None = None
    price: str | None = None


class End(Wish):
    """Cancel what is left of an order without its client's wish."""

    action: Literal["cancel"]
    account: str
    order_id: str


class MoveStop(Wish):
    """Let a take-profit / stop-loss order become an order, or end it, whatever the price."""

    action: Literal["trigger", "cancel"]
    account: str
    stop_order_id: str


class SetPrice(Wish):
    """Move the price of an instrument, a decimal text."""

    instrument: str
    price: str


_OrderWish = Annotated[Place | Fill | End, Field(discriminator="action")]
_read_order_wish: Callable[[Any], Place | Fill | End] = TypeAdapter(_OrderWish).validate_python


class Desk:
    """Makes things happen in an exchange, and shows what it knows."""

    def __init__(self, accounts: list[str], exchange: Exchange) -> None:
        self._accounts = accounts
        self._exchange = exchange

    def orders(self) -> list[Json]:
        """Return every order that the venue was asked for and took, as it stands."""
        return [wire.ledger_entry(order) for order in self._exchange.market.orders()]

    def tpsls(self) -> list[Json]:
        """Return every take-profit / stop-loss order that the venue was asked for and took, as it stands."""
        return [wire.tpsl_entry(tpsl) for tpsl in self._exchange.market.tpsls()]

    def prices(self) -> Json:
        """Return the price of each instrument, by asset, as decimal text."""
        market = self._exchange.market
        return {instrument.asset: f"{market.price(instrument):f}" for instrument in INSTRUMENTS}

    def order(self, wish: Any) -> Json:
        """Place, fill or end an order; return its entry in the ledger.

        Raises:
            ControlError: the wish is none, or can't be done.
        """
        match read_as(_read_order_wish, wish, ControlError):
            case Place() as place:
                order = self._place(place)
            case Fill() as fill:
                order = self._fill(fill)
            case End(account=account, order_id=order_id):
                order = self._open_order(account, order_id)
                self._exchange.cancel(order)
        return wire.ledger_entry(self._exchange.market.find(order.ask.account, order.order_id) or order)

    def _place(self, wish: Place) -> Order:
        if wish.account not in self._accounts:
            raise ControlError(f"there is no account {wish.account!r}")
        ask = Ask(
            account=wish.account,
            instrument=_instrument(wish.instrument),
            side=wish.side,
            order_type="MARKET" if wish.price is None else "LIMIT",
            price=None if wish.price is None else _price(wish.price),
            quantity=_positive(wish.quantity),
            source=Source.APP,
        )
        return self._exchange.submit(ask)

    def _fill(self, wish: Fill) -> Order:
        order = self._open_order(wish.account, wish.order_id)
        quantity = order.left if wish.quantity is None else _positive(wish.quantity)
        if quantity > order.left:
            raise ControlError(f"the order has {order.left:f} shares left, not {quantity:f}")
        own = order.ask.price if order.ask.price is not None else self._exchange.market.price(order.ask.instrument)
        self._exchange.fill(order, quantity, own if wish.price is None else _price(wish.price))
        return order

    def _open_order(self, account: str, order_id: str) -> Order:
        return still_open(self._exchange.market.find(account, order_id), account, order_id)

    def tpsl(self, wish: Any) -> Json:
        """Trigger or cancel a take-profit / stop-loss order; return its entry in the ledger.

        Raises:
            ControlError: the wish is none, or can't be done.
        """
        move = read_as(MoveStop.model_validate, wish, ControlError)
        market, kind = self._exchange.market, "take-profit / stop-loss order"
        found = market.find_tpsl(move.account, move.stop_order_id)
        tpsl = still_open(found, move.account, move.stop_order_id, kind)
        (self._exchange.trigger if move.action == "trigger" else self._exchange.withdraw)(tpsl)
        return wire.tpsl_entry(market.find_tpsl(move.account, move.stop_order_id) or tpsl)

    def set_price(self, wish: Any) -> Json:
        """Move an instrument's price; return the ids of the orders that this triggered.

        Raises:
            ControlError: the wish is none, or there is no such instrument.
        """
        move = read_as(SetPrice.model_validate, wish, ControlError)
        waiting = {tpsl.tpsl_id for tpsl in self._exchange.market.tpsls() if not tpsl.is_final}
        self._exchange.set_price(_instrument(move.instrument), _price(move.price))
        tpsls = self._exchange.market.tpsls()
        return {"triggered": [tpsl.tpsl_id for tpsl in tpsls if tpsl.tpsl_id in waiting and tpsl.child_order_id]}


def _instrument(name: str) -> Instrument:
    instrument = find_instrument(name)
    if instrument is None:
        raise ControlError(f"there is no instrument {name!r}")
    return instrument


def _positive(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ControlError(f"{text!r} is no decimal number") from None
    if not (value.is_finite() and value > NOTHING):
        raise ControlError(f"{text!r} is not positive")
    return value


def _price(text: str) -> Decimal:
    price = _positive(text)
    if not TICK <= price <= MOST_PRICE:
        raise ControlError(f"the price {text!r} is not from {TICK} to {MOST_PRICE}")
    return price
