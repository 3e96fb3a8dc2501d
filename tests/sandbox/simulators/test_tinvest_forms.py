"""A request that is not of its method's form is refused, so that a client's slip in a name or a type is seen."""

import json
from typing import Any

import httpx
import pytest

from producers.rest import RestClient
from sandbox.simulators.tinvest import TInvestSimulator
from sandbox.simulators.tinvest.forms import FORMS, check_form
from sandbox.simulators.tinvest.limits import METHODS
from sandbox.simulators.tinvest.refusals import Refusal
from tests.sandbox.simulators.tinvest_client import CONTRACT, an_order, post, post_stop


def test_every_method_has_its_form() -> None:
    assert FORMS.keys() == set(METHODS)


@pytest.mark.parametrize(
    "changes",
    [
        {"expirationtype": 1},
        {"time_in_forces": 1},
        {"stopPrice": {"units": "1", "nano": 0}},
        {"price": {"units": "300", "nanos": 500000000}},
        {"accountId": 2000000001},
        {"orderId": 7},
        {"confirmMarginTrade": "true"},
    ],
    ids=str,
)
async def test_a_name_or_a_type_that_the_contract_has_not_is_no_request(
    simulator: TInvestSimulator, changes: dict[str, Any]
) -> None:
    answer = await post(simulator, **changes)
    assert (answer.status, json.loads(answer.body)["code"]) == (400, 3)
    assert simulator.orders() == []


async def test_names_may_be_those_of_the_proto(simulator: TInvestSimulator) -> None:
    answer = await post_stop(simulator, expirationType=None, expiration_type=1, confirm_margin_trade=True)
    assert answer.status == 200


def test_a_part_of_a_part_is_of_its_form_too() -> None:
    with pytest.raises(Refusal, match=r"PostStopOrder\.trailingData\.indent has no field 'unit'"):
        check_form("PostStopOrder", {"trailingData": {"indent": {"unit": "1"}}})


async def test_a_token_that_is_no_text_opens_nothing(simulator: TInvestSimulator) -> None:
    url = f"{simulator.rest_url}/{CONTRACT}.UsersService/GetAccounts"
    async with httpx.AsyncClient() as client:
        assert (await client.post(url, headers={"authorization": b"Bearer \xff"}, content=b"{}")).status_code == 401


@pytest.mark.parametrize("scheme", ["", "Basic ", "bearer", "Bearer  "])
async def test_a_token_that_does_not_stand_behind_bearer_opens_nothing(
    simulator: TInvestSimulator, scheme: str
) -> None:
    headers = {"authorization": f"{scheme}{simulator.token}"}
    async with RestClient(simulator.rest_url, headers=headers) as client:
        body = json.dumps(an_order(simulator)).encode()
        answer = await client.post(f"{CONTRACT}.OrdersService/PostOrder", body)
    assert answer.status == 401
    assert simulator.orders() == []
