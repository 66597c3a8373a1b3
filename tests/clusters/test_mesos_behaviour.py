"""What was seen on a real Mesos 1.11, and holds for the stand-in: without it, tests before it would prove nothing.

Each test is one line of that list. A framework is a socket here; the last tests have Spark's own dispatcher.
"""

from __future__ import annotations

import json
import socket
import struct
from contextlib import closing

import pytest
import requests

from afterbell.cluster.diagnosis import find_place_cause
from afterbell.cluster.profile import ClusterProfile
from tests.clusters.dispatcher import dispatcher
from tests.clusters.mesos.agent import Agent
from tests.clusters.mesos.master import Master
from tests.clusters.payloads import mesos_request
from tests.clusters.programs import programs, until
from tests.clusters.rest import get
from tests.patience import LONG

pytestmark = pytest.mark.services
FLAGS = {"JAVA_HOME": "/opt/java"}
OWN = {"PATH", "JAVA_HOME", "MESOS_SANDBOX", "MESOS_DIRECTORY", "MESOS_TASK_ID", "MESOS_FRAMEWORK_ID"}
SHELL = {"PWD", "SHLVL", "OLDPWD", "_"}


class Framework:
    """A scheduler that says and hears lines of JSON, as ``MesosSchedulerDriver.java`` does."""

    def __init__(self, master, secret="", failover=0.0):
        self.line = socket.create_connection(("127.0.0.1", master.port), timeout=LONG)
        self.stream = self.line.makefile("rwb")
        self.stream.write(b"POST /stand-in HTTP/1.0\r\n\r\n")
        self.say("register", name="test", id="", failover_seconds=failover, webui_url="", role="*", principal="p",
                 secret=secret)  # fmt: skip

    def say(self, call, **what):
        self.stream.write(json.dumps({"call": call, **what}).encode() + b"\n")
        self.stream.flush()

    def hear(self, event):
        for text in self.stream:
            found = json.loads(text)
            if found["event"] == event:
                return found
        return None

    def launch(self, command, name="task-1", **env):
        return self.accept(self.hear("offers")["offers"][0], command, name, **env)

    def accept(self, offer, command, name="task-1", **env):
        info = {"id": name, "name": name, "agent": offer["agent"], "command": command, "image": "", "env": env,
                "uris": [], "cpus": 1, "mem": 100}  # fmt: skip
        self.say("launch", offers=[offer["id"]], tasks=[info])
        return offer["agent"]

    def close(self):
        self.stream.close()
        self.line.close()

    def reset(self):
        """End as a process does that is killed with something unread."""
        self.line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()


@pytest.fixture
def mesos(tmp_path, monkeypatch):
    """A master with an agent, both started where a variable is exported that no task may see."""
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.setenv("EXPORTED_FOR_THE_AGENT", "yes")
    with programs(tmp_path) as keeper:
        agent = Agent("agent-1", tmp_path / "agent-1", keeper, FLAGS, cpus=2, mem=1000)
        master = Master([agent])
        yield master
        master.close()
        if agent.alive:
            agent.server.close()


@pytest.fixture
def framework(mesos):
    with closing(Framework(mesos)) as found:
        yield found


def _environment_of(mesos, framework, **env):
    framework.launch("env", **env)
    until("the task has ended", lambda: mesos.task("task-1")[1].state == "TASK_FINISHED")
    agent, task = mesos.task("task-1")
    lines = (agent.sandbox(task.framework, task.id) / "stdout").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


def test_a_task_gets_what_the_flag_names_and_nothing_that_was_exported_for_the_agent(mesos, framework):
    found = _environment_of(mesos, framework, OF_THE_TASK="1")
    assert set(found) - SHELL == OWN | {"OF_THE_TASK"}
    assert found["JAVA_HOME"] == "/opt/java"


def test_libmesos_in_the_agents_library_folder_is_named_to_tasks_and_the_tasks_own_word_wins(mesos, framework):
    mesos.agents["agent-1"].libmesos = "/usr/lib/libmesos-1.11.0.so"
    found = _environment_of(mesos, framework, JAVA_HOME="/opt/other")
    assert found["MESOS_NATIVE_JAVA_LIBRARY"] == "/usr/lib/libmesos-1.11.0.so"
    assert found["JAVA_HOME"] == "/opt/other"


def test_a_framework_with_a_wrong_secret_hears_why_and_is_not_registered(mesos):
    mesos._secret = "canary-secret"
    with closing(Framework(mesos, secret="wrong")) as refused:
        assert refused.hear("error")["message"] == "Master refused authentication"
    assert get(f"{mesos.server.address}/frameworks")["frameworks"] == []


def _frameworks(mesos):
    return get(f"{mesos.server.address}/frameworks")["frameworks"]


def _agents(mesos):
    return [each["id"] for each in get(f"{mesos.server.address}/slaves")["slaves"]]


def test_the_tasks_of_a_lost_agent_are_unreachable_and_it_is_not_listed_until_it_is_back(mesos, framework):
    framework.launch("sleep 600")
    until("it runs", lambda: mesos.task("task-1")[1].program)
    mesos.lose("agent-1")
    told = framework.hear("status")
    while told["state"] == "TASK_RUNNING":
        told = framework.hear("status")
    assert (told["state"], told["message"]) == ("TASK_LOST", "health check timed out")
    (own,) = _frameworks(mesos)
    assert [(each["id"], each["state"]) for each in own["unreachable_tasks"]] == [("task-1", "TASK_UNREACHABLE")]
    assert own["tasks"] == own["completed_tasks"] == []
    assert _agents(mesos) == []
    mesos.find("agent-1")
    assert _agents(mesos) == ["agent-1"]
    agent, task = mesos.task("task-1")
    path = f"/frameworks/{task.framework}/executors/task-1/runs/latest/stdout"
    assert get(f"{agent.server.address}/files/read?path={path}") == {"data": "", "offset": 0}


def test_the_offers_of_a_framework_that_is_killed_go_to_the_others(mesos):
    killed = Framework(mesos)
    killed.hear("offers")
    killed.reset()
    with closing(Framework(mesos)) as another:
        assert another.hear("offers")["offers"][0]["agent"] == "agent-1"


def test_a_task_on_the_offer_of_an_agent_that_was_lost_since_is_lost(mesos, framework):
    offer = framework.hear("offers")["offers"][0]
    mesos.lose("agent-1")
    framework.accept(offer, "sleep 600")
    told = framework.hear("status")
    assert (told["state"], told["message"]) == ("TASK_LOST", "Task launched with invalid offers")


def test_a_restarted_master_has_forgotten_frameworks_and_hears_nothing_of_them(mesos, framework):
    framework.hear("registered")
    mesos.restart()
    assert framework.hear("anything") is None  # the line is dead, and libmesos doesn't ask again
    assert _frameworks(mesos) == []


def test_agents_return_to_a_restarted_master_and_their_tasks_run_on(mesos, framework):
    framework.launch("sleep 600")
    process = until("it runs", lambda: mesos.task("task-1")[1].program)
    mesos.restart()
    assert _agents(mesos) == []
    mesos.agents_return()
    assert _agents(mesos) == ["agent-1"]
    assert not process.ended.is_set()
    with closing(Framework(mesos)) as another:
        assert another.hear("offers")["offers"][0]["cpus"] == 1  # of two


def test_files_of_a_sandbox_are_read_in_pieces_and_a_missing_one_is_404(mesos, framework):
    framework.launch("printf 0123456789")
    until("the task has ended", lambda: mesos.task("task-1")[1].state == "TASK_FINISHED")
    agent, task = mesos.task("task-1")
    path = f"/frameworks/{task.framework}/executors/task-1/runs/latest"
    assert get(f"{agent.server.address}/files/read?path={path}/stdout") == {"data": "", "offset": 10}
    assert get(f"{agent.server.address}/files/read?path={path}/stdout&offset=3&length=4")["data"] == "3456"
    assert requests.get(f"{agent.server.address}/files/read?path={path}/nothing", timeout=30).status_code == 404


# ---- with Spark's own dispatcher


def test_a_dispatcher_whose_master_was_restarted_queues_for_ever_and_a_new_start_heals_it(tmp_path):
    with dispatcher(tmp_path, agents=1) as cluster:
        profile = ClusterProfile(master=cluster.address, deploy_mode="cluster", master_ui=cluster.master_ui,
                                 driver_memory="1g")  # fmt: skip

        def launch():
            request = mesos_request(cluster.address, tmp_path, "quick.py", "exit", "0")
            return cluster.rest.create(request)["submissionId"]

        first = launch()
        until("it has ended", lambda: cluster.rest.status(first)["driverState"] == "FINISHED")
        _, task = cluster.task(first)
        assert task.info["mem"] == 512 + 384 + 384  # the heap of the payload, and the overhead twice
        assert not find_place_cause(profile, {}).unregistered

        cluster.mesos.restart()
        cluster.mesos.agents_return()
        second = launch()
        assert cluster.rest.status(second)["driverState"] == "QUEUED"
        assert cluster.frameworks() == []
        cause = find_place_cause(profile, {})
        assert cause.never
        assert "Restart the dispatcher" in cause.text

        cluster.kill()
        cluster.start()
        assert cluster.rest.status(second)["driverState"] == "NOT_FOUND"
        third = launch()
        until("it has ended", lambda: cluster.rest.status(third)["driverState"] == "FINISHED")
        assert "state: TASK_FINISHED" in cluster.rest.status(third)["message"]
