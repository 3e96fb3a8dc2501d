"""What becomes of simulated orders: drawn by weight, unless it was asked for. Pure but for the random sources given."""

from collections import deque
from collections.abc import Mapping
from random import Random
from typing import Generic, TypeVar

__all__ = ["MEAN_LIFE_NS", "MS", "Fates", "split"]

MS = 1_000_000
# How long an order lives in the book at speed 1.
MEAN_LIFE_NS = 2_000 * MS

Fate = TypeVar("Fate")


class Fates(Generic[Fate]):
    """How the next orders end."""

    def __init__(self, weights: Mapping[Fate, int], random: Random) -> None:
        self._weights = weights
        self._random = random
        self._demanded: deque[Fate] = deque()

    def demand(self, fate: Fate, count: int) -> None:
        """Let the next `count` orders have this fate."""
        self._demanded.extend([fate] * count)

    def draw(self) -> Fate:
        """Return the fate of the next order: what is demanded, else one by its weight."""
        if self._demanded:
            return self._demanded.popleft()
        return self._random.choices(list(self._weights), list(self._weights.values()))[0]


def split(units: int, parts: int, random: Random) -> list[int]:
    """Return so many parts, or as many as there can be, that add up to `units`; each is at least 1."""
    cuts = sorted(random.sample(range(1, units), min(parts, units) - 1))
    return [end - start for start, end in zip([0, *cuts], [*cuts, units], strict=True)]
