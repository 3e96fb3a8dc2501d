"""The simulated Ripio on a real socket: REST, the stream, and the controls, on one port."""

import ssl
from collections import Counter
from collections.abc import Callable, Mapping
from random import Random
from typing import Any, Literal

from aiohttp import web

from sandbox.ports import HOST
from sandbox.simulators.controls import control_routes
from sandbox.simulators.faults import Clock, Close, Cut, Malformed, Silence
from sandbox.simulators.pending import Pending
from sandbox.simulators.ripio import faults
from sandbox.simulators.ripio.calls import Calls, Rule
from sandbox.simulators.ripio.controls import Desk
from sandbox.simulators.ripio.exchange import Exchange
from sandbox.simulators.ripio.fates import FATES, Fate
from sandbox.simulators.ripio.hub import Hub
from sandbox.simulators.ripio.keys import Account, Keyring, account_names, new_account
from sandbox.simulators.ripio.limits import read_limits
from sandbox.simulators.ripio.market import Market
from sandbox.simulators.ripio.pairs import PAIRS
from sandbox.simulators.ripio.rest import VERSION, Rest
from sandbox.simulators.ripio.telling import Teller
from sandbox.simulators.ripio.topics import Sequences, Tickets
from sandbox.simulators.ripio.wire import Json, Words
from sandbox.simulators.serving import ServedVenue

__all__ = ["Simulator"]

# What a client is told to keep to where the venue has no limit.
_UNLIMITED_PER_S = 1000


class Simulator(ServedVenue):
    """A Ripio on this machine, with made-up credentials for each account; an async context manager.

    `port` 0 takes a free one. `seed`, `speed` and `fates` are the market's, `limits` how often each user
    may call (see `limits.read_limits`). With `tls` (a server's context) the addresses are https and wss.

    The rest is what the documents leave open: `words` is whether the states that were observed are used
    beside the documented ones, `acks` whether a subscription is answered at all, `tells_updates` whether
    the stream tells of a changed price or amount, `unique_external_ids` whether a client's id may be used
    once only, `upper_external_ids` whether it comes back in upper case, and `idle_s` after how long a
    client that says nothing is hung up on.
    """

    def __init__(
        self,
        *,
        accounts: list[str] | None = None,
        credentials: tuple[str, str] | None = None,
        host: str = HOST,
        port: int = 0,
        seed: int | None = None,
        speed: float = 1,
        fates: Mapping[Fate, int] = FATES,
        limits: Any = "none",
        tls: ssl.SSLContext | None = None,
        words: Literal["documented", "observed"] = "documented",
        acks: Literal["frame", "none"] = "frame",
        tells_updates: bool = False,
        unique_external_ids: bool = False,
        upper_external_ids: bool = False,
        idle_s: float = 60,
    ) -> None:
        super().__init__(host, port, tls)
        self.accounts = accounts or account_names(1)
        observed = words == "observed"
        self._words = Words(observed=observed, upper_external_ids=upper_external_ids)
        self._keyring = Keyring(
            new_account(name, credentials if not n else None) for n, name in enumerate(self.accounts)
        )
        market = Market(
            self.accounts, seed=seed, speed=speed, fates=fates, observed=observed, tells_updates=tells_updates
        )
        self._exchange = Exchange(market, lambda event: self._hub.tell(event))
        self.desk = Desk(self.accounts, self._exchange, self._words)
        self._pending = Pending()
        self._tickets = Tickets(market.new_id)
        self._sequences = Sequences(Random(seed))  # noqa: S311 -- chooses where play sequences begin
        self._counts: Counter[str] = Counter()
        self._hub = Hub(
            Teller(market, self._keyring, self._words, self._sequences, self._pending),
            self._keyring,
            self._tickets,
            self._pending,
            self._counts,
            acks=acks == "frame",
            idle_s=idle_s,
            now_ns=self._exchange.now_ns,
        )
        calls = Calls(self._exchange, self._tickets, self._words, self._pending, Rule(unique_external_ids))
        self._rest = Rest(calls, self._exchange, self._keyring, self._pending, self._counts)
        self._rest.limits = read_limits(limits)

    @property
    def rest_url(self) -> str:
        """What the REST paths are appended to."""
        return f"{self.url}{VERSION}"

    @property
    def ws_url(self) -> str:
        """The stream's address."""
        return self.stream_url

    @property
    def environment(self) -> dict[str, str]:
        """The settings that lead to the first account."""
        return self.environment_of(self.accounts[0])

    def environment_of(self, name: str) -> dict[str, str]:
        """Return the settings that lead to an account; each has its own credentials."""
        account = self.account(name)
        return {
            "DROPCOPY_RIPIO_API_TOKEN": account.api_token,
            "DROPCOPY_RIPIO_API_SECRET": account.api_secret,
            "DROPCOPY_RIPIO_ACCOUNT": account.name,
            "DROPCOPY_RIPIO_PAIRS": ",".join(pair.code for pair in PAIRS),
            "DROPCOPY_RIPIO_CALLS_PER_S": f"{self._rest.limits.per_second or _UNLIMITED_PER_S:g}",
            "DROPCOPY_RIPIO_REST_URL": self.rest_url,
            "DROPCOPY_RIPIO_WS_URL": self.ws_url,
        }

    def account(self, name: str) -> Account:
        """Return an account with its credentials, by its name."""
        return self._keyring.named(name)

    def orders(self) -> list[Json]:
        """Return the ledger: every order that the venue was asked for and took, as it stands."""
        return self.desk.orders()

    def calls(self) -> list[Json]:
        """Return the newest REST calls: what was asked, and how it ended."""
        return self._rest.records()

    def limit(self, wish: Any) -> Json:
        """Set how often each user may call; return it. See `limits.read_limits`.

        Raises:
            LimitsError: the wish is none.
        """
        self._rest.limits = read_limits(wish)
        return self.limits()

    def limits(self) -> Json:
        """Return how often each user may call."""
        return self._rest.limits.model_dump(mode="json")

    def stats(self) -> Json:
        """Return counts of connections, calls, messages and faults still to come."""
        orders = self._exchange.market.orders()
        return {
            "connections": len(self._hub.connections),
            "subscriptions": self._hub.subscribed,
            "orders": len(orders),
            "final": sum(order.is_final for order in orders),
            "pending_faults": self._pending.left(),
            **dict(self._counts),
        }

    def _application(self) -> web.Application:
        app = web.Application()
        read: dict[str, Callable[[], Any]] = {
            "orders": self.orders,
            "balances": self.desk.balances,
            "prices": self.desk.prices,
            "calls": self.calls,
            "limits": self.limits,
            "stats": self.stats,
        }
        write: dict[str, Callable[[Any], Any]] = {
            "faults": self.fault,
            "orders": self.desk.order,
            "prices": self.desk.set_price,
            "limits": self.limit,
        }
        app.add_routes([web.get("/", self._hub.serve), *self._rest.routes(), *control_routes(read, write)])
        return app

    async def _stop(self) -> None:
        self._exchange.stop()
        await self._hub.connections.stop()

    def fault(self, description: Any) -> Json:
        """Let something go wrong: `{"fault": "cut"}` and the others of `faults`; return who is connected.

        Raises:
            FaultError: there is no such fault.
        """
        fault = faults.read_fault(description)
        match fault:
            case Cut() | Silence() | Close() | Malformed():
                self._hub.connections.disturb(fault)
            case faults.ResetSequence():
                self._sequences.reset()
                self._hub.connections.cut()
            case Clock(offset_s=offset_s):
                self._exchange.clock_offset_ns = round(offset_s * 1e9)
                self._exchange.tick()
            case faults.Access(fault=kind, account=name):
                self._limit_access(kind, name)
            case faults.Demand(fate=fate, count=count):
                self._exchange.market.demand(fate, count)
            case _:
                self._pending.add(fault)
        return {"connections": len(self._hub.connections)}

    def _limit_access(self, kind: str, name: str | None) -> None:
        if name is not None and name not in self.accounts:
            raise faults.FaultError(f"there is no account {name!r}")
        self._keyring.change(name, blocked=kind == "block", read_only=kind == "read_only")
