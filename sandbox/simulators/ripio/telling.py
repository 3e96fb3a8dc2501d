"""What the stream says of each thing that happens: which messages, in which order, with which numbers."""

from sandbox.simulators.pending import Pending
from sandbox.simulators.ripio.keys import Account, Keyring
from sandbox.simulators.ripio.market import Event, Market
from sandbox.simulators.ripio.topics import Sequences
from sandbox.simulators.ripio.wire import Json, Words, balance_item, message, trade_item

__all__ = ["Told", "Teller"]

Told = tuple[str, str]


class Teller:
    """Makes the messages of events: pure but for the numbers it gives and the faults it uses up."""

    def __init__(self, market: Market, keyring: Keyring, words: Words, sequences: Sequences, pending: Pending) -> None:
        self._market = market
        self._keyring = keyring
        self._words = words
        self._sequences = sequences
        self._pending = pending

    def tell(self, event: Event, now_ns: int) -> list[Told]:
        """Return the messages of an event, each with its topic; one may come twice, or be missing."""
        order, account = event.order, self._keyring.named(event.order.ask.account)
        status = [("order_status", self._words.stream(order, account))] if event.tells_status else []
        trades: list[tuple[str, Json]] = [
            ("user_trades", {"user_id": account.user_id, "trade": trade_item(order, trade)}) for trade in event.trades
        ]
        pair = order.ask.pair
        balance = ("balance", balance_item(self._market.wallets, account, (pair.base, pair.quote)))
        bodies = [*status, *trades] if event.status_first else [*trades, *status]
        return [told for topic, body in [*bodies, balance] for told in self._numbered(account, topic, body, now_ns)]

    def _numbered(self, account: Account, topic: str, body: Json, now_ns: int) -> list[Told]:
        if self._pending.take("lose", topic):
            return []
        text = message(topic, self._sequences.next(account.user_id, topic), now_ns, body)
        if self._pending.take("skip_sequence", topic):
            return []
        return [(topic, text)] * (2 if self._pending.take("duplicate", topic) else 1)

    def welcome(self, account: Account, now_ns: int) -> str:
        """Return the welcome message of `balance`: all that an account has."""
        return message("balance", -1, now_ns, balance_item(self._market.wallets, account))
