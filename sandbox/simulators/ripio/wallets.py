"""What each account has, and how much of it its live orders keep locked: pure."""

from collections.abc import Iterable
from decimal import Decimal

from sandbox.simulators.ripio.orders import Order, Trade
from sandbox.simulators.ripio.pairs import CURRENCIES

__all__ = ["Wallets"]

ZERO = Decimal(0)
# What every account begins with.
_START = {"BRL": Decimal(10**9), "USDC": Decimal(10**8), "ETH": Decimal(10**5), "BTC": Decimal(10**4)}


class Wallets:
    """The money of all accounts. Every order must be locked once, and then changed at each step of it."""

    def __init__(self, accounts: Iterable[str]) -> None:
        self._total = {(account, currency): _START[currency] for account in accounts for currency in CURRENCIES}
        self._locked = dict.fromkeys(self._total, ZERO)
        self._by_order: dict[str, tuple[tuple[str, str], Decimal]] = {}

    @property
    def currencies(self) -> tuple[str, ...]:
        """All currencies that there are."""
        return CURRENCIES

    def available(self, account: str, currency: str) -> Decimal:
        """Return what an account may use."""
        return self._total[account, currency] - self.locked(account, currency)

    def locked(self, account: str, currency: str) -> Decimal:
        """Return what an account's live orders keep."""
        return self._locked[account, currency]

    def lock(self, order: Order) -> None:
        """Keep what is left of an order locked, and no more."""
        key, kept = self._by_order.pop(order.order_id, (_pays_in(order), ZERO))
        needs = ZERO if order.is_final else order.value_left if order.ask.side == "buy" else order.left
        self._locked[key] += needs - kept
        if not order.is_final:
            self._by_order[order.order_id] = (key, needs)

    def change(self, order: Order, trades: tuple[Trade, ...]) -> None:
        """Pay for trades, take the fees, and lock what is left of their order."""
        pair, account = order.ask.pair, order.ask.account
        sign = 1 if order.ask.side == "buy" else -1
        for trade in trades:
            self._total[account, pair.base] += sign * trade.amount
            self._total[account, pair.quote] -= sign * trade.value
            self._total[account, pair.base if sign > 0 else pair.quote] -= trade.fee(order.ask.side)
        self.lock(order)


def _pays_in(order: Order) -> tuple[str, str]:
    pair = order.ask.pair
    return order.ask.account, pair.quote if order.ask.side == "buy" else pair.base
