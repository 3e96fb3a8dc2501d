"""The simulator's controls: its ledger, and what it is to do wrong next."""

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
    """A client of one simulator's controls at `url`; use it as a context manager."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=TIMEOUT_S, trust_env=False)

    def __enter__(self) -> "Control":
        return self

    def __exit__(self, *exc: object) -> None:
        self._http.close()

    def orders(self) -> list[VenueOrder]:
        """Return every order that the simulator knows.

        Raises:
            ControlError: it does not answer, or with something else.
        """
        try:
            return _LEDGER.decode(self._http.get("/orders").raise_for_status().content)
        except (httpx.HTTPError, msgspec.DecodeError) as error:
            raise ControlError(f"the simulator's ledger can't be read: {error}") from None

    def make(self, fault: Fault) -> None:
        """Let the simulator do wrong.

        Raises:
            ControlError: it does not answer, or does not know the fault.
        """
        try:
            self._http.post("/faults", json={"fault": fault.name, **fault.parameters}).raise_for_status()
        except httpx.HTTPError as error:
            raise ControlError(f"the simulator does not take the fault {fault.name!r}: {error}") from None
