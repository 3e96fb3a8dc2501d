"""The simulator's controls over HTTP: its ledgers, what shall go wrong, and what shall happen."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from sandbox.simulators.controls import ControlError, still_open
from sandbox.simulators.tinvest import wire
from sandbox.simulators.tinvest.exchange import Exchange
from sandbox.simulators.tinvest.instruments import INSTRUMENTS, Instrument, find_instrument
from sandbox.simulators.tinvest.orders import Ask, Cause, Order, Source
from sandbox.simulators.tinvest.stop_wire import stop_ledger_entry
from sandbox.simulators.tinvest.values import decimal, nano_of_decimal
from sandbox.simulators.wishes import Wish, read_as

__all__ = ["Desk"]

Json = dict[str, Any]


class Place(Wish):
    """Place an order as the phone app does: it has no key of a client. Without a price, at the market."""

    action: Literal["place"]
    account: str
    instrument: str
    side: Literal["BUY", "SELL"]
    lots: Annotated[int, Field(ge=1)]
    price: str | None = None


class Fill(Wish):
    """Let an order trade some of its lots, or all that is left, at a price or at its own."""

    action: Literal["fill"]
    account: str
    order_request_id: str
    lots: Annotated[int, Field(ge=1)] | None = None
    price: str | None = None


class End(Wish):
    """Cancel what is left of an order without its client's wish."""

    action: Literal["cancel"]
    account: str
    order_request_id: str
    cause: Cause = Cause.CANCELLED_BY_EXCHANGE


class MoveStop(Wish):
    """Let a stop order become an order, or expire, whatever the price and the time."""

    action: Literal["trigger", "expire"]
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

    def stop_orders(self) -> list[Json]:
        """Return every stop order that the venue was asked for and took, as it stands."""
        market = self._exchange.market
        return [stop_ledger_entry(stop, market.child(stop)) for stop in market.stops()]

    def prices(self) -> Json:
        """Return the price of each instrument, by FIGI, as decimal text."""
        market = self._exchange.market
        return {instrument.figi: decimal(market.price(instrument)) for instrument in INSTRUMENTS}

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
            case End(account=account, order_request_id=request_id, cause=cause):
                order = self._open_order(account, request_id)
                self._exchange.end(order, cause)
        return wire.ledger_entry(self._exchange.now(order))

    def _place(self, wish: Place) -> Order:
        if wish.account not in self._accounts:
            raise ControlError(f"there is no account {wish.account!r}")
        ask = Ask(
            account=wish.account,
            request_id=self._exchange.market.new_id(),
            instrument=_instrument(wish.instrument),
            instrument_id=wish.instrument,
            direction=wish.side,
            order_type="MARKET" if wish.price is None else "LIMIT",
            time_in_force="DAY",
            lots=wish.lots,
            price_nano=None if wish.price is None else _price(wish.price),
            source=Source.APP,
        )
        return self._exchange.submit(ask)

    def _fill(self, wish: Fill) -> Order:
        order = self._open_order(wish.account, wish.order_request_id)
        lots = wish.lots or order.lots_left
        if lots > order.lots_left:
            raise ControlError(f"the order has {order.lots_left} lots left, not {lots}")
        price_nano = order.ask.price_nano or self._exchange.market.price(order.ask.instrument)
        self._exchange.fill(order, lots, price_nano if wish.price is None else _price(wish.price))
        return order

    def _open_order(self, account: str, request_id: str) -> Order:
        return still_open(self._exchange.market.find(account, request_id=request_id), account, request_id)

    def stop_order(self, wish: Any) -> Json:
        """Trigger or expire a stop order; return its entry in the ledger.

        Raises:
            ControlError: the wish is none, or can't be done.
        """
        move = read_as(MoveStop.model_validate, wish, ControlError)
        market, stop_id = self._exchange.market, move.stop_order_id
        stop = still_open(market.find_stop(move.account, stop_order_id=stop_id), move.account, stop_id, "stop order")
        (self._exchange.trigger if move.action == "trigger" else self._exchange.expire)(stop)
        stop = market.find_stop(move.account, stop_order_id=stop_id) or stop
        return stop_ledger_entry(stop, market.child(stop))

    def set_price(self, wish: Any) -> list[str]:
        """Move an instrument's price; return the ids of the stop orders that this triggered.

        Raises:
            ControlError: the wish is none, or there is no such instrument.
        """
        move = read_as(SetPrice.model_validate, wish, ControlError)
        instrument, price_nano = _instrument(move.instrument), _price(move.price)
        market = self._exchange.market
        waiting = [stop for stop in market.stops() if not stop.is_final]
        self._exchange.set_price(instrument, price_nano)
        return [
            stop.stop_order_id
            for stop in waiting
            if (now := market.find_stop(stop.ask.account, stop_order_id=stop.stop_order_id)) and now.child_request_id
        ]


def _instrument(name: str) -> Instrument:
    instrument = find_instrument(name)
    if instrument is None:
        raise ControlError(f"there is no instrument {name!r}")
    return instrument


def _price(text: str) -> int:
    try:
        price_nano = nano_of_decimal(text)
    except ValueError as error:
        raise ControlError(str(error)) from None
    if price_nano <= 0:
        raise ControlError(f"the price {text!r} is not positive")
    return price_nano
