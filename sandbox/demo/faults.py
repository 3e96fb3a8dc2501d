"""What goes wrong in the demo, when, and at which venue: a pure function of the seed and the second."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

__all__ = ["EVERY_S", "FAULTS", "FIRST_S", "KILL_WORKER", "Fault", "fault_at", "faults_of"]

FIRST_S = 5
EVERY_S = 3

KILL_WORKER = "kill_worker"


@dataclass(frozen=True)
class Fault:
    """One thing that can go wrong: its name at the simulator, what it is in words, and its parameters.

    `only` names the one venue that can do it, `never` one that can't show it; `venue` is where it is made.
    """

    name: str
    told: str
    parameters: dict[str, Any] = field(default_factory=dict)
    only: str = ""
    never: str = ""
    venue: str = ""

    @property
    def is_the_venues(self) -> bool:
        """Whether it is for the simulator to make; else it happens to a process of ours."""
        return self.name != KILL_WORKER

    def places(self, venues: Sequence[str]) -> list[str]:
        """Return those venues at which it can be made."""
        return [venue for venue in venues if self.only in ("", venue) and venue != self.never]


FAULTS = (
    Fault("cut", "the stream's connection is cut"),
    Fault("hidden_cancel", "a part-filled order is canceled, and the stream does not say so", {"count": 1}, "tinvest"),
    Fault("skip_sequence", "a message of the stream is left out", {"count": 1}, "ripio"),
    Fault("fail", "a cancel is taken, and then fails", {"count": 1}, "outpoll"),
    Fault("ignore", "an order is accepted and never heard of again", {"count": 1}),
    Fault("drop_reply", "an order is taken, and the call is never answered", {"count": 1}),
    # Where each change of an order is told in the same words, one that is told twice is none to see.
    Fault("duplicate", "a message is sent twice", {"count": 1}, never="outpoll"),
    Fault("malformed", "a message that no one can read"),
    Fault("reject", "an order is refused", {"count": 1}),
    Fault(KILL_WORKER, "a worker is killed (kill -9) and started again"),
)


def faults_of(venues: Sequence[str]) -> list[Fault]:
    """Return what can go wrong where these venues are simulated."""
    return [fault for fault in FAULTS if fault.places(venues)]


def fault_at(seed: int, second: int, venues: Sequence[str]) -> Fault | None:
    """Return what goes wrong in this second of the demo, if anything.

    Every fault comes once in each round of all of them, in an order and at a venue that the seed and the
    round decide.
    """
    slot, remainder = divmod(second - FIRST_S, EVERY_S)
    if slot < 0 or remainder:
        return None
    faults = faults_of(venues)
    turn, place = divmod(slot, len(faults))
    # No cryptography: the same seed has to make the same demo.
    fault = Random(f"{seed}-{turn}").sample(faults, len(faults))[place]  # noqa: S311 -- as the comment says
    if not fault.is_the_venues:
        return fault
    return replace(fault, venue=Random(f"{seed}-{slot}").choice(fault.places(venues)))  # noqa: S311 -- as above
