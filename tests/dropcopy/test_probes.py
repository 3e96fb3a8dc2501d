"""What a process answers to probes, on a real socket."""

import asyncio
import socket

import httpx
import pytest

from dropcopy.errors import SettingsError
from dropcopy.probes import Probes, serve
from dropcopy.settings import Settings

ANY_PORT = Settings(metrics_port=0)


def test_a_process_is_alive_before_its_first_beat_but_not_ready():
    probes = Probes("feed")

    assert probes.health(1000.0) == (True, {})
    assert probes.readiness(1000.0) == (False, {"loop": "it is starting"})


@pytest.mark.parametrize(("now_s", "well"), [(100.0, True), (129.9, True), (130.0, False), (500.0, False)])
def test_a_loop_that_has_stood_still_for_the_limit_is_not_alive(now_s, well):
    probes = Probes("feed", still_limit_s=30)
    probes.beat(100.0)

    assert probes.health(now_s).well is well
    assert probes.readiness(now_s).well is well


def test_a_role_is_ready_when_no_check_has_anything_against_it():
    probes = Probes("processor")
    probes.beat(0.0)
    found: dict[str, str | None] = {"partitions": "none are assigned yet", "sink": None}
    for name in found:
        probes.check(name, lambda name=name: found[name])

    assert probes.readiness(0.0) == (False, {"partitions": "none are assigned yet"})
    found["partitions"] = None
    assert probes.readiness(0.0) == (True, {})


def test_a_later_check_of_a_name_takes_the_place_of_the_first():
    probes = Probes("feed")
    probes.beat(0.0)
    probes.check("tinvest", lambda: "it is starting")
    probes.check("tinvest", lambda: None)

    assert probes.readiness(0.0).well


async def test_one_port_answers_metrics_health_and_readiness():
    probes = Probes("feed")
    problem: list[str | None] = ["the subscription is not confirmed"]
    probes.check("tinvest", lambda: problem[0])
    pulse = asyncio.create_task(probes.pulse())
    with serve(ANY_PORT, probes) as url:
        async with httpx.AsyncClient(base_url=url) as client:
            health, unready, metrics, lost = [
                await client.get(path) for path in ("/healthz", "/readyz", "/metrics", "/elsewhere")
            ]
            problem[0] = None
            ready = await client.get("/readyz")
    pulse.cancel()

    assert (health.status_code, health.json()) == (200, {"status": "ok", "role": "feed", "problems": {}})
    assert unready.status_code == 503
    assert unready.json()["problems"] == {"tinvest": "the subscription is not confirmed"}
    assert (ready.status_code, ready.json()["status"]) == (200, "ok")
    assert 'dropcopy_build_info{role="feed"' in metrics.text
    assert lost.status_code == 404


def test_without_a_port_nothing_is_served():
    with serve(Settings(), Probes("feed")) as url:
        assert url is None


def test_after_the_block_nothing_listens_any_more():
    with serve(ANY_PORT, Probes("feed")) as url:
        pass

    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/healthz")


def test_a_port_that_is_taken_is_named_as_the_setting_it_is():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with (
            pytest.raises(SettingsError, match=f"DROPCOPY_METRICS_PORT={port} can't be listened on at 127.0.0.1"),
            serve(Settings(metrics_port=port), Probes("feed")),
        ):
            pass
