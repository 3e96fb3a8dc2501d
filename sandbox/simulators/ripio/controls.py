"""The simulator's controls over HTTP: its ledgers, what shall go wrong, and what shall happen."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from sandbox.simulators.controls import ControlError, still_open
from sandbox.simulators.ripio.exchange import Exchange
from sandbox.simulators.ripio.fates import Fate
from sandbox.simulators.ripio.orders import Ask, Order, Source
from sandbox.simulators.ripio.pairs import PAIRS, Pair, find_pair
from sandbox.simulators.ripio.values import read_decimal
from sandbox.simulators.ripio.wire import Words, ledger_entry
from sandbox.simulators.wishes import Wish, read_as

__all__ = ["Desk"]

Json = dict[str, Any]


class Place(Wish):
    """Place an order as the web site does: it has no id of a client. Without a price, at the market."""

    action: Literal["place"]
    account: str
    pair: str
    side: Literal["BUY", "SELL"]
    quantity: str
    price: str | None = None


class Fill(Wish):
    """Let an order trade some of its amount, or all that is left, at a price or at its own."""

    action: Literal["fill"]
    account: str
    order_id: str
    quantity: str | None = None
    price: str | None = None


class Move(Wish):
    """Cancel what is left of an order without its client's wish, or let it be triggered."""

    action: Literal["cancel", "trigger"]
    account: str
    order_id: str


class SetPrice(Wish):
    """Move the price of a pair, a decimal text."""

    pair: str
    price: str


_OrderWish = Annotated[Place | Fill | Move, Field(discriminator="action")]
_read_order_wish: Callable[[Any], Place | Fill | Move] = TypeAdapter(_OrderWish).validate_python


class Desk:
    """Makes things happen in an exchange, and shows what it knows."""

    def __init__(self, accounts: Iterable[str], exchange: Exchange, words: Words) -> None:
        self._accounts = list(accounts)
        self._exchange = exchange
        self._words = words

    def orders(self) -> list[Json]:
        """Return every order that the venue was asked for and took, as it stands."""
        return [self._entry(order) for order in self._exchange.market.orders()]

    def _entry(self, order: Order) -> Json:
        return ledger_entry(order, self._words.status(order))

    def prices(self) -> Json:
        """Return the price of each pair, as decimal text."""
        return {pair.code: f"{self._exchange.market.price(pair):f}" for pair in PAIRS}

    def balances(self) -> Json:
        """Return what each account has, and how much of it is locked, as decimal text."""
        wallets = self._exchange.market.wallets
        return {
            account: {
                currency: {
                    "available": f"{wallets.available(account, currency):f}",
                    "locked": f"{wallets.locked(account, currency):f}",
                }
                for currency in wallets.currencies
            }
            for account in self._accounts
        }

    def order(self, wish: Any) -> Json:
        """Place, fill, cancel or trigger an order; return its entry in the ledger.

        Raises:
            ControlError: the wish is none, or can't be done.
        """
        match read_as(_read_order_wish, wish, ControlError):
            case Place() as place:
                order = self._place(place)
            case Fill() as fill:
                order = self._fill(fill)
            case Move(action=action, account=account, order_id=order_id):
                order = self._open_order(account, order_id)
                if action == "trigger" and (not order.ask.waits or order.triggered):
                    raise ControlError(f"the order {order_id!r} waits for no price")
                (self._exchange.trigger if action == "trigger" else self._exchange.end)(order)
        return self._entry(self._exchange.now(order))

    def _place(self, wish: Place) -> Order:
        if wish.account not in self._accounts:
            raise ControlError(f"there is no account {wish.account!r}")
        ask = Ask(
            account=wish.account,
            external_id=None,
            pair=_pair(wish.pair),
            side=wish.side.lower(),
            order_type="market" if wish.price is None else "limit",
            amount=_positive(wish.quantity),
            price=None if wish.price is None else _positive(wish.price),
            source=Source.SITE,
        )
        fate = self._exchange.market.draw()
        return self._exchange.submit(ask, Fate.FILL if fate is Fate.REJECT else fate)

    def _fill(self, wish: Fill) -> Order:
        order = self._open_order(wish.account, wish.order_id)
        if order.amount is None:
            raise ControlError(f"the order {wish.order_id!r} has a value, and no amount")
        if order.ask.waits and not order.triggered:
            raise ControlError(f"the order {wish.order_id!r} waits for its price")
        amount = order.left if wish.quantity is None else _positive(wish.quantity)
        if amount > order.left:
            raise ControlError(f"the order has {order.left:f} left, not {amount:f}")
        own = order.price or self._exchange.market.price(order.ask.pair)
        self._exchange.fill(order, amount, own if wish.price is None else _positive(wish.price))
        return order

    def _open_order(self, account: str, order_id: str) -> Order:
        return still_open(self._exchange.market.find(account, order_id=order_id), account, order_id)

    def set_price(self, wish: Any) -> Json:
        """Move a pair's price; return the ids of the orders that this triggered.

        Raises:
            ControlError: the wish is none, or there is no such pair.
        """
        move = read_as(SetPrice.model_validate, wish, ControlError)
        triggered = self._exchange.set_price(_pair(move.pair), _positive(move.price))
        return {"triggered": [order.order_id for order in triggered]}


def _pair(code: str) -> Pair:
    pair = find_pair(code)
    if pair is None:
        raise ControlError(f"there is no pair {code!r}")
    return pair


def _positive(text: str) -> Decimal:
    try:
        value = read_decimal(text)
    except ValueError as error:
        raise ControlError(str(error)) from None
    if value <= 0:
        raise ControlError(f"{text!r} is not positive")
    return value
