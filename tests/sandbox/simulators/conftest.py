"""The simulated venue in the two moods that its tests need."""

from collections.abc import AsyncIterator

import pytest

from sandbox.simulators.tinvest import TInvestSimulator
from sandbox.simulators.tinvest.fates import Fate


@pytest.fixture
async def simulator() -> AsyncIterator[TInvestSimulator]:
    """Every order is filled soon."""
    async with TInvestSimulator(speed=50, seed=1, fates={Fate.FILL: 1}) as running:
        yield running


@pytest.fixture
async def resting() -> AsyncIterator[TInvestSimulator]:
    """A limit order lies in the book until somebody does something about it."""
    async with TInvestSimulator(speed=50, seed=1, fates={Fate.REST: 1}) as running:
        yield running
