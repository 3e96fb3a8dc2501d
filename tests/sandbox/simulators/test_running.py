"""A simulated venue as a process of its own: what it is asked for and can't be."""

import pytest

from dropcopy.errors import UsageError
from sandbox.simulators.running import run_simulator, simulator_names


def run(venue, **options):
    run_simulator(venue, port=0, accounts="1", seed=None, speed=1, certificate=None, key=None, **options)


@pytest.mark.parametrize("venue", simulator_names())
def test_limits_that_a_venue_has_not_are_refused_by_their_name(venue):
    with pytest.raises(UsageError, match=r"--limits 'tight' can't be used: \S") as refused:
        run(venue, limits="tight")

    assert "none" in refused.value.hint


def test_that_the_documents_tell_no_limits_is_said_and_not_advised():
    with pytest.raises(UsageError, match="tell no limits") as refused:
        run("outpoll", limits="documented")

    assert "where the venue's documents tell any" in refused.value.hint
