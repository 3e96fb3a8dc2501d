from hypothesis import given
from hypothesis import strategies as st

from sandbox.demo.faults import EVERY_S, FAULTS, FIRST_S, fault_at
from sandbox.simulators.tinvest.faults import read_fault

SEEDS = st.integers(min_value=0, max_value=2**32)
ROUND_S = EVERY_S * len(FAULTS)


def faults_of(seed, start, seconds):
    return [fault for second in range(start, start + seconds) if (fault := fault_at(seed, second))]


@given(SEEDS, st.integers(min_value=0, max_value=50))
def test_every_round_has_every_fault_once(seed, turn):
    names = [fault.name for fault in faults_of(seed, FIRST_S + turn * ROUND_S, ROUND_S)]
    assert sorted(names) == sorted(fault.name for fault in FAULTS)


@given(SEEDS)
def test_nothing_goes_wrong_before_all_runs(seed):
    assert faults_of(seed, 0, FIRST_S) == []


@given(SEEDS)
def test_forty_seconds_show_every_fault(seed):
    assert {fault.name for fault in faults_of(seed, 0, 40)} == {fault.name for fault in FAULTS}


@given(SEEDS, st.integers(min_value=0, max_value=10_000))
def test_the_same_seed_makes_the_same_demo(seed, second):
    assert fault_at(seed, second) == fault_at(seed, second)


def test_another_seed_makes_another_demo():
    assert len({tuple(fault.name for fault in faults_of(seed, 0, 40)) for seed in range(10)}) > 1


def test_the_simulator_knows_every_fault_that_is_its_to_make():
    for fault in FAULTS:
        if fault.is_the_venues:
            read_fault({"fault": fault.name, **fault.parameters})
