"""The end of a driver's log, from the node that the driver ran on.

A standalone worker serves it on its own page, whose address the master's page shows; a Mesos agent serves the files of
a sandbox, whose place the Mesos master reports. Python's output, tracebacks included, is in ``stdout`` on both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import requests

from afterbell.stores.http import http_session
from afterbell.stores.retry import Timeouts

_TASKS = ("tasks", "completed_tasks", "unreachable_tasks")
"""Where a Mesos master lists a framework's tasks: those of a lost agent under the last."""
LONGEST = 32 * 1024
"""Bytes of each of stdout and stderr."""
_TIMEOUTS = Timeouts(connect=5.0, read=15.0)
_ESCAPE = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[@-Z\\-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_HEADING = re.compile(r"\A==== Bytes \d+-\d+ of \d+ of [^\n]* ====\n(Launch Command: [^\n]*\n=+\n)?")
"""What a standalone worker puts before the text: its own line, and the command line of the driver."""


@dataclass(frozen=True)
class DriverLog:
    """The part of a driver's log that could be read.

    Attributes:
        page: the page that shows all of it; empty where unknown.
        tails: the end of ``stdout`` and ``stderr``, free of control characters; those that could be read.
        trouble: why one could not be read; empty otherwise.
    """

    page: str = ""
    tails: dict[str, str] = field(default_factory=dict)
    trouble: str = ""


def driver_log(manager: str, master_ui: str, driver: str, secrets: Iterable[str] = ()) -> DriverLog:
    """The log of ``driver``; never raises: an unreadable log is no failure of the driver.

    Args:
        manager: ``standalone`` or ``mesos``.
        master_ui: address of the standalone master's page, or of the Mesos master.
        driver: its id.
        secrets: values that must not be shown.
    """
    if not master_ui:
        return DriverLog(trouble="master_ui is not set in the cluster profile")
    page = ""
    try:
        place = _find_place(manager, master_ui, driver)
        page = place.page
        tails = {kind: clean(place.read(kind), secrets) for kind in ("stdout", "stderr")}
    except (requests.RequestException, LookupError, TypeError, ValueError) as error:
        return DriverLog(page, trouble=f"{type(error).__name__}: {error}")
    return DriverLog(page, tails)


def driver_page(manager: str, master_ui: str, driver: str) -> str:
    """The page with the log of ``driver``; empty while the cluster does not report it, or cannot be reached."""
    try:
        return _find_place(manager, master_ui, driver).page if master_ui else ""
    except (requests.RequestException, LookupError, TypeError, ValueError):
        return ""


def clean(text: str, secrets: Iterable[str] = ()) -> str:
    """``text`` without terminal sequences, control characters and the values of ``secrets``."""
    shown = _CONTROL.sub("", _ESCAPE.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))
    for secret in secrets:
        if secret:
            shown = shown.replace(secret, "***")
    return shown


def _find_place(manager: str, master_ui: str, driver: str) -> _Worker | _Sandbox:
    return (_on_mesos if manager == "mesos" else _on_standalone)(master_ui.rstrip("/"), driver)


@dataclass(frozen=True)
class _Worker:
    url: str
    driver: str

    @property
    def page(self) -> str:
        return f"{self.url}/logPage/?{urlencode({'driverId': self.driver, 'logType': 'stdout'})}"

    def read(self, kind: str) -> str:
        query = urlencode({"driverId": self.driver, "logType": kind, "byteLength": LONGEST})
        return _HEADING.sub("", _get(f"{self.url}/log/?{query}").text)


def _on_standalone(master_ui: str, driver: str) -> _Worker:
    state = _get(f"{master_ui}/json/").json()
    mine = [entry for entry in (*state["activedrivers"], *state["completeddrivers"]) if entry["id"] == driver]
    if not mine:
        raise LookupError(f"{master_ui} does not list {driver}")
    workers = {worker["id"]: worker["webuiaddress"] for worker in state["workers"]}
    if mine[0].get("worker") not in workers:
        raise LookupError(f"{master_ui} does not list the worker of {driver} ({mine[0].get('worker')})")
    return _Worker(workers[mine[0]["worker"]].rstrip("/"), driver)


@dataclass(frozen=True)
class _Sandbox:
    agent: str
    agent_id: str
    folder: str
    page: str

    def read(self, kind: str) -> str:
        if not self.agent:
            raise LookupError(
                f"the Mesos master lists no agent {self.agent_id}, which is lost or was removed: the log is below the "
                f"agent's work_dir in slaves/{self.agent_id}{self.folder}, and on the page once the agent is back"
            )
        path = f"{self.folder}/{kind}"
        size = int(self._files(path)["offset"])  # without an offset the agent returns the size alone
        chunk = self._files(path, offset=max(0, size - LONGEST), length=LONGEST)
        return str(chunk["data"])

    def _files(self, path: str, **span: int) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = _get(f"{self.agent}/files/read?{urlencode({'path': path, **span})}").json()
        return answer


def _on_mesos(master_ui: str, driver: str) -> _Sandbox:
    task, framework = _newest_task(_get(f"{master_ui}/frameworks").json(), driver)
    agents = {entry["id"]: entry for entry in _get(f"{master_ui}/slaves").json()["slaves"]}
    agent = agents.get(task["slave_id"])
    executor = task.get("executor_id") or task["id"]
    return _Sandbox(
        agent=f"http://{agent['hostname']}:{_port(agent)}" if agent else "",
        agent_id=str(task["slave_id"]),
        folder=f"/frameworks/{framework}/executors/{executor}/runs/latest",
        page=f"{master_ui}/#/agents/{task['slave_id']}/frameworks/{framework}/executors/{executor}",
    )


def _port(agent: Mapping[str, Any]) -> str:
    return str(agent.get("port") or str(agent["pid"]).rsplit(":", 1)[-1])


def _newest_task(state: Mapping[str, Any], driver: str) -> tuple[Mapping[str, Any], str]:
    """The newest task of ``driver`` (a retry's id carries ``-retry-N``) and its framework."""
    tasks = [
        (task, str(framework["id"]))
        for framework in (*state.get("frameworks", ()), *state.get("completed_frameworks", ()))
        for kind in _TASKS
        for task in framework.get(kind) or ()
        if task["id"] == driver or str(task["id"]).startswith(f"{driver}-retry-")
    ]
    if not tasks:
        raise LookupError(f"the Mesos master lists no task {driver}")
    return max(tasks, key=lambda pair: _retry_number(str(pair[0]["id"])))


def _retry_number(task: str) -> int:
    last = task.rsplit("-retry-", 1)[-1]
    return int(last) if "-retry-" in task and last.isdecimal() else 0


def _get(url: str) -> requests.Response:
    with http_session(_TIMEOUTS, proxies=False, redirects=True) as session:
        answer = session.get(url)
        answer.raise_for_status()
        return answer
