"""T-Invest's budgets, and turns within them at the simulated venue."""

import asyncio
import json
import time

import pytest
from pydantic import SecretStr

from producers.gateways.limits import LimitError, Limits
from producers.rest import RestAnswer, RestClient
from producers.venues.tinvest.errors import read_error
from producers.venues.tinvest.limits import BUDGETS, METHODS, limits_of, plan
from sandbox.simulators.tinvest import TInvestSimulator
from sandbox.simulators.tinvest.limits import DOCUMENTED, Budget
from sandbox.simulators.tinvest.limits import Limits as Limited

SERVICE = "tinkoff.public.invest.api.contract.v1.OrdersService"


def test_every_method_has_a_budget() -> None:
    chosen = plan()
    assert chosen.other in BUDGETS
    assert set(METHODS.values()) <= set(BUDGETS)
    assert chosen.budget_of(f"{SERVICE}/CancelOrder") == "cancel-order"
    assert chosen.budget_of("GetBonds") == "other"
    # Stop orders are cancelled from the budget that they are sent from.
    assert BUDGETS[chosen.budget_of("CancelStopOrder")].kept_percent > 0
    assert chosen.address.kept_percent > 0


@pytest.mark.parametrize("method", DOCUMENTED.methods)
def test_a_budget_is_at_most_what_the_venue_documents(method: str) -> None:
    ours, theirs = BUDGETS[METHODS[method]], DOCUMENTED.methods[method]
    assert (ours.calls, ours.window_ns / 1e9) == (theirs.calls, theirs.seconds)


async def test_one_address_and_token_has_one_count_and_all_tokens_share_the_addresss(
    request: pytest.FixtureRequest,
) -> None:
    # An address that no other test uses; nothing is called at it.
    url = f"http://{request.node.name.replace('_', '-')}.invalid/rest"
    of = limits_of(url, SecretStr("one"), calls_per_s=5)
    assert limits_of(f"{url}/", SecretStr("one")) is of
    second = limits_of(url, SecretStr("other"))

    async def take(limits: Limits, method: str, *, urgent: bool = False) -> None:
        async with limits.turn(method, urgent=urgent, timeout_s=0):
            pass

    for _ in range(4):
        await take(of, "PostOrder")
    with pytest.raises(LimitError, match="budget address of tinvest"):
        await take(second, "GetOrders")
    await take(second, "CancelOrder", urgent=True)


class Caller:
    """Calls the simulated venue in turns, and keeps what it answered."""

    def __init__(self, simulator: TInvestSimulator, limits: Limits, client: RestClient) -> None:
        self._account = simulator.accounts[0]
        self._limits = limits
        self._client = client
        self.answers: list[tuple[str, RestAnswer]] = []

    async def call(self, method: str, *, urgent: bool = False, **fields: str) -> float:
        body = json.dumps({"accountId": self._account} | fields).encode()
        async with self._limits.turn(method, urgent=urgent, timeout_s=30):
            answer = await self._client.post(f"{SERVICE}/{method}", body)
            self._limits.learn(method, answer.headers, answer.status)
        self.answers.append((method, answer))
        return time.monotonic()

    def codes(self, method: str) -> list[str]:
        """Return the errors that were answered to a method."""
        answers = [answer for name, answer in self.answers if name == method]
        return [read_error(answer).code for answer in answers if answer.status != 200]


@pytest.mark.parametrize("header", ["window", "plain"])
async def test_what_the_venue_says_of_a_limit_is_kept_and_a_cancel_goes_meanwhile(header: str) -> None:
    limited = Limited(methods={"GetOrders": Budget(calls=5, seconds=2)}, others=Budget(calls=100), header=header)
    async with TInvestSimulator(limits=limited) as simulator:
        token = {"authorization": f"Bearer {simulator.token}"}
        async with RestClient(simulator.rest_url, headers=token) as client:
            caller = Caller(simulator, limits_of(simulator.rest_url, SecretStr(simulator.token)), client)
            await caller.call("GetOrders")
            began = time.monotonic()
            reads = [asyncio.create_task(caller.call("GetOrders")) for _ in range(6 if header == "window" else 4)]
            await asyncio.sleep(0)
            assert await caller.call("CancelOrder", urgent=True, orderId="1") - began < 1.5
            ends = await asyncio.gather(*reads)
    assert caller.codes("GetOrders") == []
    assert caller.codes("CancelOrder") == ["50005"]
    assert header == "plain" or max(ends) - began > 1
