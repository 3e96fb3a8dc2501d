"""What is each member's own of a worker's settings."""

import pytest

from dropcopy.settings import Settings
from processors.members import member_settings


@pytest.mark.parametrize(
    ("worker", "member", "name", "port"),
    [
        ({"worker_id": "a", "metrics_port": 9464}, 0, "a-0", 9464),
        ({"worker_id": "a", "metrics_port": 9464}, 1, "a-1", 9465),
        # Without a name each start has a new one, without a port nothing is answered, and 0 is any port.
        ({}, 1, "", None),
        ({"metrics_port": 0}, 1, "", 0),
    ],
)
def test_names_and_ports_are_a_members_own(worker, member, name, port):
    settings = Settings(processes=2, group_id="desk", **worker)

    own = member_settings(settings, member)

    assert (own.worker_id, own.metrics_port) == (name, port)
    assert own == settings.model_copy(update={"processes": 1, "worker_id": name, "metrics_port": port})
