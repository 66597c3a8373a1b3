"""What the stand-in for a Mesos master tells over HTTP: frameworks, agents, and both at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.clusters.mesos.http import Answer

if TYPE_CHECKING:
    from tests.clusters.mesos.master import Framework, Master

RUNNING = {"TASK_STAGING", "TASK_RUNNING"}


def pages(master: Master) -> dict[str, Callable[[dict[str, str]], Answer]]:
    """The pages by path, each below ``/master`` too."""

    def frameworks() -> dict[str, Any]:
        with master.lock:
            told = [_framework(each) for each in master.frameworks.values()]
        return {"frameworks": told, "completed_frameworks": []}

    def agents() -> dict[str, Any]:
        return {"slaves": _agents(master), "recovered_slaves": []}

    def state() -> dict[str, Any]:
        return {"version": "1.4.3", "leader": f"master@127.0.0.1:{master.port}", **frameworks(), **agents()}

    found: dict[str, Callable[[], dict[str, Any]]] = {"frameworks": frameworks, "slaves": agents, "state": state}
    return {f"{above}/{name}": _page(body) for above in ("", "/master") for name, body in found.items()}


def _page(body: Callable[[], dict[str, Any]]) -> Callable[[dict[str, str]], Answer]:
    return lambda _query: Answer(200, body())


def _framework(framework: Framework) -> dict[str, Any]:
    tasks, lost = [], []
    for agent, task in framework.tasks.values():
        told = {"id": task.id, "framework_id": framework.id, "executor_id": "", "slave_id": agent.name}
        if task.lost:
            lost.append(told | {"state": "TASK_UNREACHABLE"})
        else:
            tasks.append(told | {"state": task.state})
    connected = framework.out is not None
    return {
        "id": framework.id,
        "name": framework.asked["name"],
        "role": framework.asked["role"],
        "principal": framework.asked["principal"],
        "webui_url": framework.asked["webui_url"],
        "active": connected,
        "connected": connected,
        "tasks": [each for each in tasks if each["state"] in RUNNING],
        "completed_tasks": [each for each in tasks if each["state"] not in RUNNING],
        "unreachable_tasks": lost,
    }


def _agents(master: Master) -> list[dict[str, Any]]:
    return [
        {
            "id": agent.name,
            "hostname": "127.0.0.1",
            "port": agent.server.port,
            "pid": f"slave(1)@127.0.0.1:{agent.server.port}",
            "attributes": agent.attributes,
            "active": True,
            "resources": {"cpus": agent.cpus, "mem": agent.mem},
            "used_resources": {"cpus": agent.used("cpus"), "mem": agent.used("mem")},
        }
        for agent in master.agents.values()
        if agent.registered
    ]
