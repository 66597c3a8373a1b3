"""What a try of a step writes down about its driver is read by the next try, whichever release wrote it."""

from __future__ import annotations

import pytest

from afterbell.airflow.attempt import KEY, DriverAttempt
from afterbell.airflow.driver_trigger import DriverTrigger
from afterbell.cluster.rest import RestSubmissions
from afterbell.errors import ConfigError
from tests.airflow.cluster_world import TaskState

WITHOUT = {
    "token": "t1",
    "digest": "d1",
    "url": "http://m1:6066",
    "began": "2026-06-30T20:00:00+00:00",
    "driver": "d-1",
}
"""As releases wrote it that knew managers of the REST submission protocol alone."""
NOTES = {"session": "2026-06-30", "run_id": "r1", "step": "ingest", "token": "t1"}
LIMITS = {
    "began": "2026-06-30T20:00:00+00:00", "deadline": "2026-06-30T22:00:00+00:00", "overtime": None,
    "queued": 180.0, "outage": 600.0, "missing": 120.0,
}  # fmt: skip


@pytest.mark.parametrize("named", [{}, {"manager": "standalone"}, {"manager": "mesos"}])
def test_the_next_try_speaks_to_the_server_of_the_driver(named):
    attempt = DriverAttempt.read(TaskState({KEY: WITHOUT | named}))
    assert attempt.driver == "d-1"
    assert isinstance(attempt.server, RestSubmissions)
    assert attempt.server.url == "http://m1:6066"


def test_an_attempt_is_read_as_it_was_written():
    store, attempt = TaskState(), DriverAttempt(**WITHOUT, manager="mesos")
    attempt.keep(store)
    assert DriverAttempt.read(store) == attempt


def test_a_driver_of_a_manager_that_is_gone_is_spoken_to_by_nobody():
    attempt = DriverAttempt(**WITHOUT, manager="yarn")
    with pytest.raises(
        ConfigError, match="cluster manager 'yarn' is not known; expected one of local, standalone, mesos"
    ):
        _ = attempt.server


@pytest.mark.parametrize("named", [{}, {"manager": "mesos"}])
def test_a_trigger_is_made_again_of_what_airflow_stored(named):
    stored = {"url": "http://m1:6066", "driver": "d-1", "notes": NOTES, "limits": LIMITS} | named
    _, arguments = DriverTrigger(**stored).serialize()
    assert arguments == {"manager": ""} | stored
    assert DriverTrigger(**arguments).serialize()[1] == arguments
