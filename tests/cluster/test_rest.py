"""The REST submission protocol: answers as a standalone master and a Mesos dispatcher of Spark 3.5.9 gave them."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from afterbell.cluster.driver_status import DriverState, DriverStatus
from afterbell.cluster.rest import RestSubmissions
from afterbell.errors import ClusterUnavailableError, ConfigError, UnknownOutcomeError
from tests.cluster.rest_server import frozen_server

DRIVER = "driver-20260630220000-0001"
STATUS, KILL, CREATE = (
    f"GET /v1/submissions/status/{DRIVER}",
    f"POST /v1/submissions/kill/{DRIVER}",
    "POST /v1/submissions/create",
)
WORKER = {"workerHostPort": "127.0.0.1:37399", "workerId": "worker-20260630210000-127.0.0.1-37399"}
TASK = """task_id {{
  value: "driver-20260630220000-0001"
}}
state: TASK_{state}
message: "{message}"
slave_id {{
  value: "c6a4b2d0-7e5f-4f4e-a9b0-0d5f1e3c2a11-S0"
}}
timestamp: 1.7682624E9
source: SOURCE_EXECUTOR
"""


def _answer(**fields):
    return {"action": "SubmissionStatusResponse", "serverSparkVersion": "3.5.9", "submissionId": DRIVER} | fields


def _mesos(told, state="", message=""):
    text = TASK.format(state=state, message=message) if state else None
    return _answer(driverState=told, success=True, message=text)


@pytest.fixture
def server():
    with frozen_server() as found:
        yield found


@pytest.fixture
def client(server):
    return RestSubmissions(server.url)


@pytest.mark.parametrize(
    ("told", "state", "over"),
    [
        ("SUBMITTED", "QUEUED", False),
        ("RUNNING", "RUNNING", False),
        ("RELAUNCHING", "RETRYING", False),
        ("UNKNOWN", "UNKNOWN", False),
        ("SOMETHING_NEW", "UNKNOWN", False),
        ("FINISHED", "FINISHED", True),
        ("FAILED", "FAILED", True),
        ("ERROR", "LOST", True),
        ("KILLED", "KILLED", True),
    ],
)
def test_a_standalone_masters_states_mean_what_they_say(server, client, told, state, over):
    server.say(STATUS, _answer(driverState=told, success=True, **WORKER))
    found = client.status(DRIVER)
    assert (found.state, found.state.over) == (DriverState(state), over)
    assert (found.worker, found.host) == (WORKER["workerId"], WORKER["workerHostPort"])


def test_a_standalone_driver_that_could_not_be_started_failed_and_says_why(server, client):
    text = "Exception from the cluster:\njava.io.FileNotFoundException: /share/ingest.py\n\tat x.Y(Z.scala:1)"
    server.say(STATUS, _answer(driverState="ERROR", success=True, message=text, **WORKER))
    found = client.status(DRIVER)
    assert found.state == DriverState.FAILED
    assert found.message == "Exception from the cluster: java.io.FileNotFoundException: /share/ingest.py"


@pytest.mark.parametrize(
    ("task", "message", "state", "exit_status"),
    [
        ("FINISHED", "Command exited with status 0", "FINISHED", 0),
        ("FAILED", "Command exited with status 3", "FAILED", 3),
        ("FAILED", "Command exited with status 64", "FAILED", 64),
        ("FAILED", "Command exited with status 137", "FAILED", 137),
        ("ERROR", "Task uses invalid resources", "FAILED", None),
        ("KILLED", "Command terminated with signal Terminated", "KILLED", None),
        ("LOST", "health check timed out", "LOST", None),
        ("UNREACHABLE", "", "LOST", None),
        ("GONE", "", "LOST", None),
        ("DROPPED", "", "LOST", None),
    ],
)
def test_the_dispatcher_says_finished_and_the_truth_is_in_its_message(
    server, client, task, message, state, exit_status
):
    server.say(STATUS, _mesos("FINISHED", task, message))
    found = client.status(DRIVER)
    assert (found.state, found.message, found.exit_status) == (DriverState(state), message, exit_status)
    assert found.worker == "c6a4b2d0-7e5f-4f4e-a9b0-0d5f1e3c2a11-S0"


def test_a_message_that_quotes_another_state_does_not_count(server, client):
    server.say(STATUS, _mesos("FINISHED", "FAILED", r"see\nstate: TASK_FINISHED\nexited with status 1"))
    assert client.status(DRIVER).state == DriverState.FAILED


@pytest.mark.parametrize(("told", "state"), [("QUEUED", "QUEUED"), ("RETRYING", "RETRYING"), ("RUNNING", "RUNNING")])
def test_a_driver_of_the_dispatcher_that_has_not_ended_has_no_task_yet(server, client, told, state):
    server.say(STATUS, _mesos(told))
    assert client.status(DRIVER) == DriverStatus(DriverState(state))


def test_a_running_driver_of_the_dispatcher_runs_though_its_task_is_in_its_message(server, client):
    server.say(STATUS, _mesos("RUNNING", "RUNNING"))
    assert client.status(DRIVER).state == DriverState.RUNNING


@pytest.mark.parametrize(
    "answer",
    [
        _answer(success=False),
        _answer(success=False, driverState="NOT_FOUND"),
        _answer(success=True, driverState="NOT_FOUND"),
    ],
    ids=["standalone", "dispatcher", "dispatcher that calls it success"],
)
def test_an_unknown_driver_is_not_found(server, client, answer):
    server.say(STATUS, answer)
    assert client.status(DRIVER).state == DriverState.NOT_FOUND


@pytest.mark.parametrize(
    "message",
    [
        "Exception from the cluster:\nException: Current state is not alive: RECOVERING\n\tat x(Master.scala:1)",
        "Scheduler is not ready to take requests",
    ],
    ids=["standalone", "dispatcher"],
)
def test_a_server_that_is_starting_again_does_not_pass_for_one_that_lost_the_driver(server, client, message):
    server.say(STATUS, _answer(success=False, message=message))
    with pytest.raises(ClusterUnavailableError, match="cannot report on driver-20260630220000-0001") as caught:
        client.status(DRIVER)
    assert "Master.scala" not in str(caught.value)


def test_a_created_driver_is_known_by_its_id_and_the_request_is_the_protocols(server, client):
    server.say(CREATE, {"action": "CreateSubmissionResponse", "submissionId": DRIVER, "success": True})
    assert client.create({"mainClass": "x", "appArgs": ["a b", "$(id)"]}) == DRIVER
    assert server.requests == [
        (
            "POST /v1/submissions/create",
            {"action": "CreateSubmissionRequest", "mainClass": "x", "appArgs": ["a b", "$(id)"]},
        )
    ]


@pytest.mark.parametrize(
    "message",
    [
        "Already reached maximum submission size",
        "Current state is not alive: STANDBY. Can only accept driver submissions",
    ],
)
def test_a_full_queue_or_a_standby_master_launches_nothing_and_is_tried_again(server, client, message):
    server.say(CREATE, {"action": "CreateSubmissionResponse", "success": False, "message": message})
    with pytest.raises(ClusterUnavailableError, match=f"launched no driver: {message}"):
        client.create({})


def test_a_server_that_is_down_launches_nothing():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
        client = RestSubmissions(f"http://127.0.0.1:{taken.getsockname()[1]}")
        for ask in (lambda: client.create({}), lambda: client.status(DRIVER), lambda: client.kill(DRIVER)):
            with pytest.raises(ClusterUnavailableError, match="did not answer"):
                ask()


def test_a_request_without_an_answer_may_have_launched_a_driver(server, client):
    server.say(CREATE, None)
    with pytest.raises(UnknownOutcomeError, match="may or may not have been launched"):
        client.create({})


def test_an_error_inside_the_server_may_have_launched_a_driver(server, client):
    server.say(CREATE, {"action": "ErrorResponse", "message": "Internal server error: timed out"}, status=500)
    with pytest.raises(UnknownOutcomeError, match="HTTP 500: Internal server error"):
        client.create({})
    assert server.count(CREATE) == 1


def test_a_status_without_an_answer_is_asked_again_by_whoever_waits(server, client):
    server.say(STATUS, None)
    with pytest.raises(ClusterUnavailableError, match="did not answer"):
        client.status(DRIVER)


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (400, {"action": "ErrorResponse", "message": "Malformed request: spark.app.name is missing\n\tat x.Y(Z:1)"}),
        (468, {"action": "ErrorResponse", "message": "Unknown protocol version 'v1'"}),
        (200, "<html>Spark Master</html>"),
        (404, "no such page"),
        (302, ""),
    ],
)
def test_what_is_no_such_server_or_refuses_the_request_is_a_wrong_setting(server, client, status, answer):
    server.say(CREATE, answer, status=status)
    with pytest.raises(ConfigError, match="rest_url") as caught:
        client.create({})
    assert "x.Y(Z" not in str(caught.value)


def test_a_kill_tells_what_the_server_says(server, client):
    server.say(
        KILL,
        {"action": "KillSubmissionResponse", "success": True, "message": f"Kill request for {DRIVER} submitted"},
        {"action": "KillSubmissionResponse", "success": False, "message": f"Driver {DRIVER} has already finished"},
        {"action": "KillSubmissionResponse", "success": False, "message": "Scheduler is not ready to take requests"},
    )
    assert client.kill(DRIVER).endswith("submitted")
    assert client.kill(DRIVER).endswith("already finished")
    with pytest.raises(ClusterUnavailableError, match="cannot kill"):
        client.kill(DRIVER)


@pytest.mark.parametrize("driver", ["", "../x", "a/b", "driver x", "x\n", "$(id)", "x" * 201, "x?y"])
def test_what_is_no_driver_id_never_becomes_an_address(server, client, driver):
    with pytest.raises(ConfigError, match="is not valid"):
        client.status(driver)
    assert server.requests == []


def test_a_status_survives_being_stored(server, client):
    server.say(STATUS, _mesos("FINISHED", "FAILED", "Command exited with status 3"))
    found = client.status(DRIVER)
    assert DriverStatus.from_json(found.to_json()) == found


RECORDED = Path(__file__).parent / "answers"


@pytest.mark.parametrize(
    ("answer", "state", "exit_status"),
    [
        ("standalone/status_submitted", "QUEUED", None),
        ("standalone/status_running", "RUNNING", None),
        ("standalone/status_recovered", "RUNNING", None),
        ("standalone/status_finished", "FINISHED", None),
        ("standalone/status_failed", "FAILED", None),
        ("standalone/status_sigkill", "FAILED", None),
        ("standalone/status_killed", "KILLED", None),
        ("standalone/status_killed_submitted", "KILLED", None),
        ("standalone/status_worker_lost", "LOST", None),
        ("standalone/status_unknown", "NOT_FOUND", None),
        ("mesos/status_queued", "QUEUED", None),
        ("mesos/status_running", "RUNNING", None),
        ("mesos/status_retrying", "RETRYING", None),
        ("mesos/status_finished", "FINISHED", 0),
        ("mesos/status_failed", "FAILED", 3),
        ("mesos/status_failed_permanent", "FAILED", 64),
        ("mesos/status_sigkill", "FAILED", None),
        ("mesos/status_killed", "KILLED", None),
        ("mesos/status_killed_queued", "NOT_FOUND", None),
        ("mesos/status_lost", "LOST", None),
        ("mesos/status_unknown", "NOT_FOUND", None),
        ("mesos/status_after_restart", "NOT_FOUND", None),
    ],
)
def test_what_real_servers_said_is_read_as_it_was(server, client, answer, state, exit_status):
    server.say(STATUS, json.loads((RECORDED / f"{answer}.json").read_text()))
    found = client.status(DRIVER)
    assert (found.state, found.exit_status) == (DriverState(state), exit_status)


@pytest.mark.parametrize("name", ["kill", "kill_ended", "kill_queued", "kill_retrying", "kill_unknown"])
def test_a_real_dispatchers_answer_to_a_kill_is_no_error(server, client, name):
    server.say(KILL, json.loads((RECORDED / "mesos" / f"{name}.json").read_text()))
    assert client.kill(DRIVER)


def test_a_real_dispatchers_full_queue_launches_nothing(server, client):
    server.say(CREATE, json.loads((RECORDED / "mesos" / "create_queue_full.json").read_text()))
    with pytest.raises(ClusterUnavailableError, match="Already reached maximum submission size"):
        client.create({})
