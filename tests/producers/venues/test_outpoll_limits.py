"""How often Outpoll is called."""

import pytest

from producers.venues.outpoll.limits import limits_of, plan
from tests.producers.venues.test_outpoll_signing import settings


@pytest.mark.parametrize(
    ("call", "budget"),
    [
        ("history-orders", "history"),
        ("active-orders", "history"),
        ("history-trades", "history"),
        ("/api/history/orders", "history"),
        ("/api/history/deals/active-orders", "history"),
        ("/api/history/trades", "history"),
        ("tpsl-orders", "orders"),
        ("orders/limit", "orders"),
        ("orders/market", "orders"),
        ("orders/tpsl", "orders"),
    ],
)
def test_the_services_have_budgets_of_their_own(call: str, budget: str):
    assert plan(5).budget_of(call) == budget


def test_cancels_keep_a_part_of_the_calls_of_a_key():
    address = plan(5).address
    assert (address.open_to(urgent=False), address.open_to(urgent=True)) == (4, 5)


def test_all_who_use_a_key_in_a_process_share_its_limits():
    assert limits_of(settings()) is limits_of(settings(ACCOUNT="other"))
    assert limits_of(settings()) is not limits_of(settings(API_KEY="op_k_other"))
