from importlib import import_module

from hypothesis import given
from hypothesis import strategies as st

from sandbox.demo.faults import EVERY_S, FAULTS, FIRST_S, fault_at, faults_of
from sandbox.trader import trader_names

SEEDS = st.integers(min_value=0, max_value=2**32)
ALL = tuple(trader_names())
VENUES = st.lists(st.sampled_from(ALL), min_size=1, unique=True)
ROUND_S = EVERY_S * len(FAULTS)


def made(seed, start, seconds, venues=ALL):
    return [fault for second in range(start, start + seconds) if (fault := fault_at(seed, second, venues))]


@given(SEEDS, st.integers(min_value=0, max_value=50), VENUES)
def test_every_round_has_every_fault_once_at_a_venue_that_can_make_it(seed, turn, venues):
    possible = faults_of(venues)
    round_s = EVERY_S * len(possible)
    faults = made(seed, FIRST_S + turn * round_s, round_s, venues)
    assert sorted(fault.name for fault in faults) == sorted(fault.name for fault in possible)
    assert all(fault.venue in fault.places(venues) for fault in faults if fault.is_the_venues)
    assert all(fault.venue == "" for fault in faults if not fault.is_the_venues)


@given(SEEDS)
def test_nothing_goes_wrong_before_all_runs(seed):
    assert made(seed, 0, FIRST_S) == []


@given(SEEDS)
def test_forty_seconds_show_every_fault(seed):
    assert {fault.name for fault in made(seed, 0, 40)} == {fault.name for fault in FAULTS}


@given(SEEDS, st.integers(min_value=0, max_value=10_000))
def test_the_same_seed_makes_the_same_demo(seed, second):
    assert fault_at(seed, second, ALL) == fault_at(seed, second, ALL)


def test_another_seed_makes_another_demo():
    assert len({tuple(fault.name for fault in made(seed, 0, 40)) for seed in range(10)}) > 1


def test_a_long_demo_lets_something_go_wrong_at_every_venue():
    assert {fault.venue for fault in made(1, 0, 3 * ROUND_S)} >= set(ALL)


def test_every_simulator_knows_the_faults_that_are_its_to_make():
    for fault in FAULTS:
        for venue in fault.places(ALL) if fault.is_the_venues else ():
            import_module(f"sandbox.simulators.{venue}.faults").read_fault({"fault": fault.name, **fault.parameters})
