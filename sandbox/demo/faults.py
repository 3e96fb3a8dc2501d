"""What goes wrong in the demo, and when: a pure function of the seed and the second."""

from dataclasses import dataclass, field
from random import Random
from typing import Any

__all__ = ["EVERY_S", "FAULTS", "FIRST_S", "KILL_WORKER", "Fault", "fault_at"]

FIRST_S = 5
EVERY_S = 4

KILL_WORKER = "kill_worker"


@dataclass(frozen=True)
class Fault:
    """One thing that can go wrong: its name at the simulator, what it is in words, and its parameters."""

    name: str
    told: str
    parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def is_the_venues(self) -> bool:
        """Whether it is for the simulator to make; else it happens to a process of ours."""
        return self.name != KILL_WORKER


FAULTS = (
    Fault("cut", "the stream's connection is cut"),
    Fault("hidden_cancel", "a part-filled order is cancelled, and the stream does not say so", {"count": 1}),
    Fault("ignore", "an order is accepted and never heard of again", {"count": 1}),
    Fault("drop_reply", "an order is taken, and the call is never answered", {"count": 1}),
    Fault("duplicate", "a message is sent twice", {"count": 1}),
    Fault("malformed", "a message that no one can read"),
    Fault("reject", "an order is refused", {"count": 1}),
    Fault(KILL_WORKER, "a worker is killed (kill -9) and started again"),
)


def fault_at(seed: int, second: int) -> Fault | None:
    """Return what goes wrong in this second of the demo, if anything.

    Every fault comes once in each round of all of them, in an order that the seed and the round decide.
    """
    slot, remainder = divmod(second - FIRST_S, EVERY_S)
    if slot < 0 or remainder:
        return None
    turn, place = divmod(slot, len(FAULTS))
    # No cryptography: the same seed has to make the same demo.
    return Random(f"{seed}-{turn}").sample(FAULTS, len(FAULTS))[place]  # noqa: S311 -- as the comment says
