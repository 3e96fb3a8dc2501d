"""Budgets: pure first, then as a client meets them."""

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.simulators.tinvest import TInvestSimulator
from sandbox.simulators.tinvest.limits import DOCUMENTED, METHODS, Budget, Limits, LimitsError, Meter, read_limits
from tests.sandbox.simulators.tinvest_client import call, code_of, stream, subscribed

LONG = 86_400


@given(
    st.integers(0, 5),
    st.integers(1, 30),
    st.lists(st.tuples(st.sampled_from(["PostOrder", "CancelOrder"]), st.integers(0, 100)), max_size=60),
)
def test_no_window_takes_more_than_its_budget_and_none_refuses_before(
    calls: int, seconds: int, moments: list[tuple[str, int]]
) -> None:
    meter = Meter(Limits(others=Budget(calls=calls, seconds=seconds)))
    taken: Counter[tuple[str, int]] = Counter()
    for method, now_s in sorted(moments, key=lambda moment: moment[1]):
        window = (method, now_s // seconds)
        verdict = meter.call(method, now_s)
        assert verdict.allowed == (taken[window] < calls)
        taken[window] += verdict.allowed
        assert verdict.headers["x-ratelimit-limit"] == str(calls)
        assert verdict.headers["x-ratelimit-remaining"] == str(calls - taken[window])
        assert 0 < int(verdict.headers["x-ratelimit-reset"]) <= seconds


def test_the_whole_has_a_budget_that_all_methods_share_and_a_refusal_tells_of_it() -> None:
    meter = Meter(Limits(others=Budget(calls=10), whole=Budget(calls=2, seconds=1)))
    assert [meter.call(method, 0).allowed for method in ("PostOrder", "GetOrders", "CancelOrder")] == [
        True,
        True,
        False,
    ]
    refused = meter.call("PostOrder", 0.5)
    assert refused.headers == {
        "x-ratelimit-limit": "2",
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": "1",
    }
    assert meter.call("PostOrder", 1).allowed


def test_a_refused_call_uses_up_no_budget() -> None:
    meter = Meter(Limits(others=Budget(calls=2, seconds=60), whole=Budget(calls=1, seconds=1)))
    assert [meter.call("PostOrder", now_s).allowed for now_s in (0, 0.1, 0.2, 1, 2)] == [
        True,
        False,
        False,
        True,
        False,
    ]
    assert meter.call("CancelOrder", 2).headers["x-ratelimit-remaining"] == "1"


def test_without_limits_nothing_is_refused_and_no_header_sent() -> None:
    meter = Meter(Limits())
    assert all(meter.call("PostOrder", 0) == meter.call("GetOrders", 0) for _ in range(1000))
    assert meter.call("PostOrder", 0).headers == {}


def test_every_method_has_a_documented_budget() -> None:
    meter = Meter(DOCUMENTED)
    limits = {method: meter.call(method, 0).headers["x-ratelimit-limit"] for method in METHODS}
    assert limits == dict.fromkeys(METHODS, "100") | {
        "PostOrder": "15",
        "PostOrderAsync": "600",
        "GetOrders": "200",
        "PostStopOrder": "50",
        "GetStopOrders": "60",
        "CancelStopOrder": "50",
    }


@pytest.mark.parametrize(
    "wish",
    [
        "sometimes",
        7,
        {"methods": {"PostWish": {"calls": 1}}},
        {"others": {"calls": -1}},
        {"others": {"calls": 1, "seconds": 0}},
        {"colour": "red"},
    ],
)
def test_limits_that_are_none_are_refused(wish: Any) -> None:
    with pytest.raises(LimitsError):
        read_limits(wish)


async def test_a_spent_budget_is_answered_with_429_its_headers_and_80002(simulator: TInvestSimulator) -> None:
    simulator.limit({"methods": {"GetAccounts": {"calls": 2, "seconds": LONG}}})
    first, second, third = [await call(simulator, "UsersService/GetAccounts", {}) for _ in range(3)]
    assert [answer.headers["x-ratelimit-remaining"] for answer in (first, second, third)] == ["1", "0", "0"]
    assert (first.status, second.status, third.status) == (200, 200, 429)
    assert json.loads(third.body) == {"code": 8, "message": "Request limit exceeded", "description": "80002"}
    assert 0 < int(third.headers["x-ratelimit-reset"]) <= LONG
    assert third.headers["x-tracking-id"]
    assert simulator.stats()["refused_by_limit"] == 1
    other = await call(simulator, "OrdersService/GetOrders", {"accountId": simulator.accounts[0]})
    assert other.status == 200
    assert "x-ratelimit-limit" not in other.headers
    simulator.limit("none")
    assert (await call(simulator, "UsersService/GetAccounts", {})).status == 200


async def test_refusals_of_the_venue_tell_the_budget_too(simulator: TInvestSimulator) -> None:
    simulator.limit("documented")
    answer = await call(simulator, "OrdersService/CancelOrder", {"accountId": simulator.accounts[0], "orderId": "1"})
    assert (code_of(answer), answer.headers["x-ratelimit-limit"]) == ("50005", "100")


async def test_the_limits_header_may_name_its_window_and_the_body_be_missing(simulator: TInvestSimulator) -> None:
    simulator.limit({"others": {"calls": 0}, "header": "window", "shape": "empty"})
    answer = await call(simulator, "UsersService/GetAccounts", {})
    assert (answer.status, answer.body) == (429, b"")
    assert answer.headers["x-ratelimit-limit"] == "0, 0;w=60"


async def test_a_refused_token_costs_no_budget(simulator: TInvestSimulator) -> None:
    simulator.limit({"others": {"calls": 1, "seconds": LONG}})
    assert (await call(simulator, "UsersService/GetAccounts", {}, token="wrong")).status == 401
    assert (await call(simulator, "UsersService/GetAccounts", {})).status == 200


async def test_too_many_streams_are_an_error_of_the_subscription(simulator: TInvestSimulator) -> None:
    simulator.limit({"streams": 1})
    async with stream(simulator) as first:
        assert (await subscribed(first))["status"] == "RESULT_SUBSCRIPTION_STATUS_OK"
        async with stream(simulator) as second:
            answer = await subscribed(second)
            assert answer["error"] == {"code": "80001", "message": "Limit of open streams exceeded"}
            await second.wait_closed()
            assert second.close_code == 4008
