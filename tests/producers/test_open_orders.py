"""Which orders were last seen open."""

from hypothesis import given
from hypothesis import strategies as st

from producers.feeds.venue import OrderSeen
from producers.open_orders import OpenOrders


def opened(name: str, request_id: str = "") -> OrderSeen:
    return OrderSeen(request_id, name, True)


def ended(name: str, request_id: str = "") -> OrderSeen:
    return OrderSeen(request_id, name, False)


def ids(orders: OpenOrders) -> list[str]:
    return [order.request_id or order.venue_order_id for order in orders.all()]


SEEN = st.builds(OrderSeen, st.just(""), st.sampled_from("abcde"), st.sampled_from([True, False, None]))


@given(st.lists(SEEN))
def test_an_order_is_here_when_the_last_that_was_told_of_it_was_that_it_is_open(seen: list[OrderSeen]):
    orders = OpenOrders()
    for order in seen:
        orders.take(order)
    last = {order.venue_order_id: order.is_open for order in seen if order.is_open is not None}
    assert sorted(ids(orders)) == sorted(name for name, is_open in last.items() if is_open)


@given(st.lists(SEEN), st.integers(1, 3))
def test_no_more_are_kept_than_the_limit_and_those_heard_of_last(seen: list[OrderSeen], limit: int):
    orders, all_of_them = OpenOrders(limit), OpenOrders()
    for order in seen:
        orders.take(order)
        all_of_them.take(order)
        assert len(orders.all()) <= limit
        if order.is_open:
            assert orders.all()[-1] == order
    assert set(ids(orders)) <= set(ids(all_of_them))


def test_an_order_without_an_id_is_none():
    orders = OpenOrders()
    orders.take(OrderSeen("", "", True))
    assert orders.all() == ()


def test_the_exchanges_number_takes_the_place_of_the_brokers_own_id_and_is_not_lost_again():
    orders = OpenOrders()
    for name in ("internal", "7123", ""):
        orders.take(opened(name, request_id="r"))
    assert orders.all() == (opened("7123", request_id="r"),)


def test_an_order_is_told_of_by_either_of_its_ids():
    orders = OpenOrders()
    for order in (opened("1", "r1"), opened("2", "r2"), opened("3"), opened("4", "r4")):
        orders.take(order)
    told = [OrderSeen("", "1", True), OrderSeen("r2", "", None), OrderSeen("", "3", True)]
    assert orders.untold(orders.all(), told) == [opened("4", "r4")]


def test_an_order_that_ended_or_came_while_the_venue_was_asked_is_not_left_out():
    orders = OpenOrders()
    orders.take(opened("1"))
    orders.take(opened("2"))
    before = orders.all()
    orders.take(ended("1"))
    orders.take(opened("3"))
    assert orders.untold(before, []) == [opened("2")]


def test_a_postponed_order_comes_after_the_others_and_one_that_ended_does_not_come_back():
    orders = OpenOrders()
    for name in "abc":
        orders.take(opened(name))
    orders.postpone(opened("a"))
    orders.take(ended("b"))
    orders.postpone(opened("b"))
    assert ids(orders) == ["c", "a"]


def test_a_forgotten_order_is_gone():
    orders = OpenOrders()
    orders.take(opened("a"))
    orders.forget(opened("a"))
    orders.forget(opened("b"))
    assert orders.all() == ()
