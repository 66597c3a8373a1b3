"""The end of a driver's log: from a worker's page or a Mesos sandbox, bounded, and free of what must not be shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from afterbell.cluster.driver_log import LONGEST, clean, driver_log, driver_page
from afterbell.cluster.managers import MANAGERS
from tests.cluster.rest_server import frozen_server

DRIVER = "driver-20261125154351-0003"
HEAD = "==== Bytes 0-196 of 196 of /work/driver-20261125154351-0003/{kind} ====\n"
LAUNCH = 'Launch Command: "/usr/bin/java" "-cp" "a.jar"\n========================================\n\n'
FRAMEWORKS = json.loads((Path(__file__).parent / "answers" / "mesos" / "frameworks.json").read_text())


@pytest.fixture
def server():
    with frozen_server() as found:
        yield found


def _standalone(server, state="completeddrivers"):
    worker = {"id": "worker-1", "webuiaddress": server.url}
    drivers = {"activedrivers": [], "completeddrivers": []} | {state: [{"id": DRIVER, "worker": "worker-1"}]}
    server.say("GET /json/", {"workers": [worker], **drivers})


def test_a_standalone_workers_page_gives_the_end_of_both_files(server):
    _standalone(server)
    for kind, text in (("stdout", "it ran\n"), ("stderr", f"{LAUNCH}WARN x\n")):
        asked = f"GET /log/?driverId={DRIVER}&logType={kind}&byteLength={LONGEST}"
        server.say(asked, HEAD.format(kind=kind) + text)
    found = driver_log(MANAGERS["standalone"], server.url, DRIVER)
    assert found.tails == {"stdout": "it ran\n", "stderr": "\nWARN x\n"}
    assert found.page == f"{server.url}/logPage/?driverId={DRIVER}&logType=stdout"
    assert driver_page(MANAGERS["standalone"], server.url, DRIVER) == found.page


def test_a_mesos_sandbox_gives_its_last_bytes(server):
    framework = FRAMEWORKS["frameworks"][0]
    driver, agent = framework["completed_tasks"][0]["id"], framework["completed_tasks"][0]["slave_id"]
    host, port = server.url.removeprefix("http://").split(":")
    server.say("GET /frameworks", FRAMEWORKS)
    server.say("GET /slaves", {"slaves": [{"id": agent, "hostname": host, "pid": f"slave(1)@10.0.0.1:{port}"}]})
    path = f"%2Fframeworks%2F{framework['id']}%2Fexecutors%2F{driver}%2Fruns%2Flatest%2F"
    for kind in ("stdout", "stderr"):
        server.say(f"GET /files/read?path={path}{kind}", {"data": "", "offset": 100_000})
        asked = f"GET /files/read?path={path}{kind}&offset={100_000 - LONGEST}&length={LONGEST}"
        server.say(asked, {"data": f"the end of {kind}", "offset": 100_000 - LONGEST})
    found = driver_log(MANAGERS["mesos"], server.url, driver)
    assert found.tails == {"stdout": "the end of stdout", "stderr": "the end of stderr"}
    assert found.page == f"{server.url}/#/agents/{agent}/frameworks/{framework['id']}/executors/{driver}"


def test_the_newest_of_a_supervised_drivers_tasks_is_read(server):
    tasks = [
        {"id": name, "slave_id": "a", "executor_id": ""} for name in (DRIVER, f"{DRIVER}-retry-2", f"{DRIVER}-retry-10")
    ]
    server.say("GET /frameworks", {"frameworks": [{"id": "f", "tasks": [], "completed_tasks": tasks}]})
    server.say("GET /slaves", {"slaves": [{"id": "a", "hostname": "h", "port": 5051}]})
    assert driver_page(MANAGERS["mesos"], server.url, DRIVER).endswith(f"/executors/{DRIVER}-retry-10")


def _lost(server, agents):
    tasks = [{"id": DRIVER, "slave_id": "S1", "executor_id": "", "state": "TASK_UNREACHABLE"}]
    lost = {"id": "f", "tasks": [], "completed_tasks": [], "unreachable_tasks": tasks}
    server.say("GET /frameworks", {"frameworks": [lost]})
    server.say("GET /slaves", {"slaves": agents})
    return driver_log(MANAGERS["mesos"], server.url, DRIVER)


def test_a_lost_drivers_log_is_read_once_its_agent_is_back(server):
    host, port = server.url.removeprefix("http://").split(":")
    server.say("GET /files/read", {"data": "", "offset": 0}, {"data": "the end", "offset": 0})
    found = _lost(server, [{"id": "S1", "hostname": host, "port": int(port)}])
    assert found.tails["stdout"] == "the end"
    assert found.page == f"{server.url}/#/agents/S1/frameworks/f/executors/{DRIVER}"


def test_a_lost_drivers_log_is_named_while_its_agent_is_away(server):
    found = _lost(server, [])
    assert found.page == f"{server.url}/#/agents/S1/frameworks/f/executors/{DRIVER}"
    assert "the Mesos master lists no agent S1, which is lost or was removed" in found.trouble
    assert f"slaves/S1/frameworks/f/executors/{DRIVER}/runs/latest" in found.trouble


def test_the_tasks_of_a_framework_that_is_gone_are_looked_through_as_well(server):
    tasks = [{"id": DRIVER, "slave_id": "S1", "executor_id": ""}]
    server.say("GET /frameworks", {"frameworks": [], "completed_frameworks": [{"id": "f", "unreachable_tasks": tasks}]})
    server.say("GET /slaves", {"slaves": []})
    assert driver_page(MANAGERS["mesos"], server.url, DRIVER).endswith(f"/frameworks/f/executors/{DRIVER}")


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        ({"workers": [], "activedrivers": [], "completeddrivers": []}, "does not list"),
        ({"workers": [], "activedrivers": [{"id": DRIVER, "worker": "gone"}], "completeddrivers": []}, "the worker of"),
        ({"status": "STANDBY"}, "KeyError"),
        ("<html>", "JSONDecodeError"),
        (None, "ConnectionError"),
    ],
)
def test_a_log_that_cannot_be_read_is_said_and_fails_nothing(server, answer, trouble):
    server.say("GET /json/", answer)
    assert trouble in driver_log(MANAGERS["standalone"], server.url, DRIVER).trouble
    assert driver_page(MANAGERS["standalone"], server.url, DRIVER) == ""


def test_without_the_address_of_the_page_there_is_no_log():
    assert driver_log(MANAGERS["standalone"], "", DRIVER).trouble == "master_ui is not set in the cluster profile"
    assert driver_page(MANAGERS["mesos"], "", DRIVER) == ""


def test_terminal_sequences_control_characters_and_secrets_do_not_reach_the_tasks_log():
    text = "\x1b[31mred\x1b[0m \x1b]0;title\x07plain\x00\x08 key=canary-secret\r\nnext\rover\ttab \x9bC1"
    assert clean(text, ["canary-secret", ""]) == "red plain key=***\nnext\nover\ttab C1"
