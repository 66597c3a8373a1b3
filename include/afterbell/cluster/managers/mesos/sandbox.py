"""The log of a driver on an agent: files of its sandbox, whose place the Mesos master reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict
from urllib.parse import urlencode

from afterbell.cluster.managers.contract import ReadPage
from afterbell.cluster.managers.mesos.agents import Agent, Frameworks, MesosTask, tasks_of


class _FileChunk(TypedDict):
    data: str
    offset: int


@dataclass(frozen=True)
class _Sandbox:
    agent: str
    agent_id: str
    folder: str
    page: str
    read_page: ReadPage

    def read(self, kind: str, longest: int) -> str:
        if not self.agent:
            raise LookupError(
                f"the Mesos master lists no agent {self.agent_id}, which is lost or was removed: the log is below the "
                f"agent's work_dir in slaves/{self.agent_id}{self.folder}, and on the page once the agent is back"
            )
        path = f"{self.folder}/{kind}"
        size = int(self._files(path)["offset"])  # without an offset the agent returns the size alone
        chunk = self._files(path, offset=max(0, size - longest), length=longest)
        return str(chunk["data"])

    def _files(self, path: str, **span: int) -> _FileChunk:
        address = f"{self.agent}/files/read?{urlencode({'path': path, **span})}"
        answer: _FileChunk = self.read_page(address).json()
        return answer


def find_log(master_ui: str, driver: str, read_page: ReadPage) -> _Sandbox:
    """The sandbox of ``driver``, by the pages of the Mesos master.

    Raises:
        LookupError: the master lists no such driver.
    """
    task, framework = _newest_task(read_page(f"{master_ui}/frameworks").json(), driver)
    agents = {entry["id"]: entry for entry in read_page(f"{master_ui}/slaves").json()["slaves"]}
    agent = agents.get(task["slave_id"])
    executor = task.get("executor_id") or task["id"]
    return _Sandbox(
        agent=f"http://{agent['hostname']}:{_port(agent)}" if agent else "",
        agent_id=str(task["slave_id"]),
        folder=f"/frameworks/{framework}/executors/{executor}/runs/latest",
        page=f"{master_ui}/#/agents/{task['slave_id']}/frameworks/{framework}/executors/{executor}",
        read_page=read_page,
    )


def _port(agent: Agent) -> str:
    return str(agent.get("port") or str(agent["pid"]).rsplit(":", 1)[-1])


def _newest_task(state: Frameworks, driver: str) -> tuple[MesosTask, str]:
    """The newest task of ``driver`` (a retry's id carries ``-retry-N``) and its framework."""
    tasks = [
        (task, str(framework["id"]))
        for framework in (*state.get("frameworks", ()), *state.get("completed_frameworks", ()))
        for task in tasks_of(framework)
        if task["id"] == driver or str(task["id"]).startswith(f"{driver}-retry-")
    ]
    if not tasks:
        raise LookupError(f"the Mesos master lists no task {driver}")
    return max(tasks, key=lambda pair: _retry_number(str(pair[0]["id"])))


def _retry_number(task: str) -> int:
    last = task.rsplit("-retry-", 1)[-1]
    return int(last) if "-retry-" in task and last.isdecimal() else 0
