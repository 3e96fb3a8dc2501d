"""What order entry's tests share: a simulated venue, a gateway to it, and a reader of the journal."""

from collections.abc import AsyncIterator, Callable

import pytest

from producers.gateways.settings import GatewaySettings
from producers.gateways.tinvest import TInvestGateway
from producers.venues.tinvest import VenueSettings
from sandbox.simulators.tinvest import TInvestSimulator
from sandbox.simulators.tinvest.fates import Fate
from sandbox.stack import Stack
from tests.producers.gateways.journal_reader import JournalReader


@pytest.fixture
async def simulator() -> AsyncIterator[TInvestSimulator]:
    async with TInvestSimulator(speed=50, seed=1, fates={Fate.FILL: 1}) as running:
        yield running


@pytest.fixture
def journal(stack: Stack) -> JournalReader:
    return JournalReader(stack.settings)


@pytest.fixture
def gateway_to(stack: Stack, simulator: TInvestSimulator) -> Callable[..., TInvestGateway]:
    """Make a gateway to the simulator, or with `rest_url` to somewhere else."""

    def make(rest_url: str = "", token: str = "", ca_file: object = None, **options: object) -> TInvestGateway:
        venue = VenueSettings.model_validate(
            {
                "token": token or simulator.token,
                "accounts": ",".join(simulator.accounts),
                "rest_url": rest_url or simulator.rest_url,
                "ca_file": ca_file,
            }
        )
        return TInvestGateway(stack.settings, venue, GatewaySettings.model_validate(options))

    return make
