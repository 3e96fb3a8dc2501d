"""How often Ripio is called."""

import asyncio

import pytest
from pydantic import SecretStr

from producers.gateways.limits import LimitError
from producers.venues.ripio.limits import limits_of, plan

SECOND_NS = 1_000_000_000


@pytest.mark.parametrize(
    ("calls_per_s", "calls", "window_ns"),
    [(1, 1, SECOND_NS), (3.5, 3, SECOND_NS), (0.5, 1, 2 * SECOND_NS), (1000, 1000, SECOND_NS)],
)
def test_no_second_has_more_calls_than_the_rate_allows(calls_per_s: float, calls: int, window_ns: int):
    budget = plan(calls_per_s).address
    assert (budget.calls, budget.window_ns) == (calls, window_ns)
    assert budget.calls * SECOND_NS <= calls_per_s * budget.window_ns


def test_all_who_call_with_a_token_at_an_address_share_its_turns():
    token, other = SecretStr("one"), SecretStr("other")
    assert limits_of("https://a/v4", token, 1) is limits_of("https://a/v4/", token, 1)
    assert limits_of("https://a/v4", token, 1) is not limits_of("https://a/v4", other, 1)


async def test_a_refusal_holds_for_a_second():
    limits = limits_of("https://refusing/v4", SecretStr("one"), 1000)
    async with limits.turn("GetUserOrders", timeout_s=0):
        limits.learn("GetUserOrders", {}, 429)
    with pytest.raises(LimitError):
        async with limits.turn("GetUserOrders", timeout_s=0.5):
            pass
    async with asyncio.timeout(5), limits.turn("GetUserOrders", timeout_s=1.5) as waited_s:
        assert waited_s > 0.5
