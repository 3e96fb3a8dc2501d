"""Turns under the real clock, and what a venue's headers say."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from dropcopy.errors import UsageError
from producers.gateways.limits import SECOND_NS, LimitError, Limits, Plan, read_told
from producers.gateways.pacing import Budget, Told
from producers.rest import NotSent, RestClient

WINDOW_S = 0.3


def budget(calls: int, kept_percent: int = 0, window_s: float = WINDOW_S) -> Budget:
    return Budget(calls=calls, window_ns=int(window_s * SECOND_NS), kept_percent=kept_percent)


def limits(address: int = 100, **budgets: Budget) -> Limits:
    methods = {"Post": "post", "Cancel": "cancel"}
    known = {"post": budget(100), "cancel": budget(100), "other": budget(100)} | budgets
    return Limits(
        Plan(venue="test", budgets=known, methods=methods, other="other", address=budget(address, kept_percent=20))
    )


async def call(of: Limits, method: str = "Post", *, urgent: bool = False, timeout_s: float = 10) -> float:
    async with of.turn(method, urgent=urgent, timeout_s=timeout_s):
        return time.monotonic()


async def test_calls_within_the_budget_go_at_once_and_the_next_a_window_later() -> None:
    of = limits(post=budget(3))
    began = time.monotonic()
    went = [at - began for at in await asyncio.gather(*(call(of) for _ in range(7)))]
    assert went[2] < WINDOW_S <= went[3]
    assert went[5] < 2 * WINDOW_S <= went[6]


async def test_a_turn_tells_how_long_it_took() -> None:
    of = limits(post=budget(1))
    async with of.turn("package.Service/Post", timeout_s=1) as waited_s:
        assert waited_s < WINDOW_S
    async with of.turn("Post", timeout_s=1) as waited_s:
        assert waited_s >= WINDOW_S * 0.9


async def test_a_call_that_would_wait_too_long_is_refused_at_once() -> None:
    of = limits(post=budget(1, window_s=60))
    await call(of)
    labels = {"venue": "test", "method": "Post"}
    refusals = REGISTRY.get_sample_value("dropcopy_gateway_limit_refused_total", labels) or 0
    with pytest.raises(LimitError) as refused:
        await asyncio.wait_for(call(of, timeout_s=5), 1)
    assert isinstance(refused.value, NotSent)
    assert isinstance(refused.value, UsageError)
    assert (refused.value.code, refused.value.exit_status) == ("LIMIT", 2)
    text = "Post would have to wait 60 s for the budget post of test (1 calls in 60 s), and 5 s is the most"
    assert refused.value.message == text
    assert "Nothing was sent" in refused.value.hint
    assert REGISTRY.get_sample_value("dropcopy_gateway_limit_refused_total", labels) == refusals + 1


async def test_a_call_whose_turn_does_not_come_in_time_leaves_the_line() -> None:
    of = limits(post=budget(1, window_s=0.1))
    async with of.turn("Post", timeout_s=1):
        with pytest.raises(LimitError, match=r"Post has waited for the budget post .* and 0\.15 s is the most"):
            await call(of, timeout_s=0.15)
    assert await call(of, timeout_s=1)
    assert REGISTRY.get_sample_value("dropcopy_gateway_limit_waiting", {"venue": "test"}) == 0


async def test_a_line_that_stands_is_logged_once_and_counted_as_long_as_it_stands() -> None:
    of = limits(post=budget(1, window_s=1.2))
    await call(of)
    with capture_logs() as logs:
        waiting = [asyncio.create_task(call(of)) for _ in range(3)]
        await asyncio.sleep(0)
        assert REGISTRY.get_sample_value("dropcopy_gateway_limit_waiting", {"venue": "test"}) == 3
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    assert [(log["event"], log["method"], log["budget"]) for log in logs] == [("waits_for_limit", "Post", "post")]
    assert REGISTRY.get_sample_value("dropcopy_gateway_limit_waiting", {"venue": "test"}) == 0


async def test_no_time_at_all_is_enough_when_there_is_room() -> None:
    of = limits(post=budget(1))
    assert await call(of, timeout_s=0)
    with pytest.raises(LimitError):
        await call(of, timeout_s=0)


async def test_a_cancel_goes_while_new_orders_wait() -> None:
    of = limits(address=10)
    began = time.monotonic()
    orders = [asyncio.create_task(call(of)) for _ in range(40)]
    await asyncio.sleep(0)
    cancels = await asyncio.gather(*(call(of, "Cancel", urgent=True) for _ in range(2)))
    assert max(cancels) - began < WINDOW_S
    assert max(await asyncio.gather(*orders)) - began >= 4 * WINDOW_S


async def test_a_task_that_is_cancelled_gives_its_place_back() -> None:
    of = limits(post=budget(1))
    await call(of)
    waiting = [asyncio.create_task(call(of)) for _ in range(3)]
    await asyncio.sleep(0)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    began = time.monotonic()
    assert await call(of) - began < 3 * WINDOW_S


async def test_a_task_cancelled_as_its_turn_comes_gives_the_turn_back() -> None:
    of = limits(post=budget(1, window_s=60))
    held = of.turn("Post", timeout_s=1)
    await held.__aenter__()
    taker = asyncio.create_task(call(of, "Cancel"))
    await taker
    waiting = asyncio.create_task(call(of, timeout_s=300))
    await asyncio.sleep(0)
    # Granted and cancelled before its task runs again.
    of.learn("Post", {"x-ratelimit-limit": "2, 2;w=60"}, 200)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await call(of, timeout_s=0)
    await held.__aexit__(None, None, None)


async def test_a_failed_call_has_taken_its_turn_all_the_same() -> None:
    of = limits(post=budget(1, window_s=60))
    with pytest.raises(RuntimeError):
        async with of.turn("Post", timeout_s=1):
            raise RuntimeError
    with pytest.raises(LimitError):
        await call(of, timeout_s=1)


def test_budgets_outlive_an_event_loop() -> None:
    of = limits(post=budget(2, window_s=60))
    assert asyncio.run(call(of))
    assert asyncio.run(call(of))
    with pytest.raises(LimitError):
        asyncio.run(call(of, timeout_s=1))


@pytest.fixture
async def venue() -> AsyncIterator[str]:
    """A server that takes 5 calls in each 1 s window of its own, and says so."""
    state = {"began": 0.0, "count": 0}

    async def answer(_: web.Request) -> web.Response:
        now = time.monotonic()
        if now - state["began"] >= 1:
            state.update(began=now, count=0)
        state["count"] += 1
        left = 5 - state["count"]
        headers = {
            "x-ratelimit-limit": "5, 5;w=1",
            "x-ratelimit-remaining": str(max(0, left)),
            "x-ratelimit-reset": "1",
        }
        return web.Response(status=429 if left < 0 else 200, headers=headers)

    app = web.Application()
    app.router.add_post("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_what_a_venue_says_is_learned_and_obeyed(venue: str) -> None:
    of = limits(post=budget(100, window_s=60))
    async with RestClient(venue, headers={}) as client:

        async def post() -> int:
            async with of.turn("Post", timeout_s=10):
                answer = await client.post("Service/Post", b"{}")
                of.learn("Post", answer.headers, answer.status)
                return answer.status

        # One call tells the limit; what another process takes is seen in what remains.
        assert await post() == 200
        for _ in range(2):
            assert (await client.post("Service/Post", b"{}")).status == 200
        statuses = await asyncio.gather(*(post() for _ in range(12)))
    # Only the two whose room another took, after the venue had last told what remained, can be refused.
    assert statuses.count(429) <= 2
    assert statuses.count(200) >= 10


async def test_a_429_holds_calls_up_until_the_reset() -> None:
    of = limits()
    async with of.turn("Post", timeout_s=1):
        with capture_logs() as logs:
            of.learn("Post", {"x-ratelimit-reset": "1"}, 429)
    assert [log["event"] for log in logs] == ["limit_exhausted"]
    with pytest.raises(LimitError):
        await call(of, timeout_s=0.5)
    assert await call(of, "Cancel", timeout_s=0)


NOW = 5 * SECOND_NS


def told(calls: int | None, left: int | None, reset_s: int | None, window_s: int | None) -> Told:
    return Told(
        calls=calls,
        left=left,
        resets_ns=None if reset_s is None else NOW + reset_s * SECOND_NS,
        window_ns=None if window_s is None else window_s * SECOND_NS,
    )


HEADERS = {
    "as the venue sends them": ("300, 300;w=60", "299", "55", 200, told(300, 299, 55, 60)),
    "a limit by the second": ("2, 2;w=1", "0", "1", 200, told(2, 0, 1, 1)),
    "several windows": ("15, 15;w=1, 900;w=60", "14", "1", 200, told(15, 14, 1, 1)),
    "no window": ("100", "99", "60", 200, told(100, 99, 60, None)),
    "a refusal, maybe by another budget": ("50, 50;w=1", "0", "1", 429, told(None, 0, 1, None)),
    "a refusal without headers": (None, None, None, 429, told(None, 0, None, None)),
    "no headers": (None, None, None, 200, told(None, None, None, None)),
    "a refusal that is not for lack of room": ("100, 100;w=60", "7", "3", 429, told(None, 7, 3, None)),
    "what is no number": ("many", "-1", "soon", 200, told(None, None, None, None)),
    "a window of nothing": ("5, 5;w=0", "1", "0", 200, told(5, 1, 0, None)),
    "a reset in the far future": ("5, 5;w=60", "1", "999999", 200, told(5, 1, 3600, 60)),
    "more digits than there can be": ("9" * 30, "9" * 30, "9" * 30, 200, told(None, None, None, None)),
    "digits of another script": ("٣", "٣", "٣", 200, told(None, None, None, None)),
}


@pytest.mark.parametrize("case", HEADERS)
def test_what_headers_say_of_a_limit_is_read_as_far_as_it_can_be(case: str) -> None:
    limit, remaining, reset, status, expected = HEADERS[case]
    values = {"x-ratelimit-limit": limit, "x-ratelimit-remaining": remaining, "x-ratelimit-reset": reset}
    headers = {name: value for name, value in values.items() if value is not None}
    assert read_told(headers, status, NOW) == expected


@pytest.mark.parametrize(
    ("headers", "status", "reset_s"),
    [
        ({"retry-after": "7"}, 429, 7),
        ({"retry-after": "0"}, 429, 0),
        ({"retry-after": "7", "x-ratelimit-reset": "2"}, 429, 2),
        ({"retry-after": "-1"}, 429, None),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, 429, None),
        ({"retry-after": "7"}, 503, None),
    ],
)
def test_a_refusal_may_name_its_end_in_https_own_header(
    headers: dict[str, str], status: int, reset_s: int | None
) -> None:
    left = 0 if status == 429 else None
    assert read_told(headers, status, NOW) == told(None, left, reset_s, None)


@given(st.dictionaries(st.sampled_from(["limit", "remaining", "reset"]), st.text()), st.integers(100, 599))
def test_whatever_the_headers_hold_calls_go_on(texts: dict[str, str], status: int) -> None:
    said = read_told({f"x-ratelimit-{name}": text for name, text in texts.items()}, status, NOW)
    assert said.resets_ns is None or said.resets_ns >= NOW
