"""The simulators' controls: their ledgers, and what they are to do wrong next."""

from typing import Self

import httpx
import msgspec

from dropcopy.errors import DropcopyError
from sandbox.demo.evidence import VenueOrder
from sandbox.demo.faults import Fault

__all__ = ["Control", "ControlError"]

TIMEOUT_S = 10
_LEDGER = msgspec.json.Decoder(list[VenueOrder])


class ControlError(DropcopyError):
    """The simulator does not answer as it should."""


class Control:
    """A client of one venue's simulator, whose controls are at `url`; use it as a context manager."""

    def __init__(self, venue: str, url: str) -> None:
        self.venue = venue
        self._http = httpx.Client(base_url=url, timeout=TIMEOUT_S, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._http.close()

    def orders(self) -> list[VenueOrder]:
        """Return every order that the simulator knows, stop orders included.

        Raises:
            ControlError: it does not answer, or with something else.
        """
        stops = [
            # Its own id is what the order that it became names it by.
            msgspec.structs.replace(stop, order_id=stop.stop_order_id, stop_order_id=None, is_stop=True)
            for stop in self._ledger("/stop-orders", may_lack=True)
        ]
        orders = [*self._ledger("/orders"), *stops]
        return [msgspec.structs.replace(order, venue=self.venue) for order in orders]

    def _ledger(self, path: str, *, may_lack: bool = False) -> list[VenueOrder]:
        try:
            answer = self._http.get(path)
            # A venue whose stop orders are orders like the others has no ledger of them.
            if may_lack and answer.status_code == httpx.codes.NOT_FOUND:
                return []
            return _LEDGER.decode(answer.raise_for_status().content)
        except (httpx.HTTPError, msgspec.DecodeError) as error:
            raise ControlError(f"the ledger of the simulated {self.venue} can't be read: {error}") from None

    def make(self, fault: Fault) -> None:
        """Let the simulator do wrong.

        Raises:
            ControlError: it does not answer, or does not know the fault.
        """
        try:
            self._http.post("/faults", json={"fault": fault.name, **fault.parameters}).raise_for_status()
        except httpx.HTTPError as error:
            raise ControlError(f"the simulated {self.venue} does not take the fault {fault.name!r}: {error}") from None
