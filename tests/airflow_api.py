"""Airflow's REST API for tests: signing in, starting runs, waiting for their end, asking what became of them."""

from __future__ import annotations

import copy
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests

DAG = "daily_retraining"
ENDED = frozenset({"success", "failed"})
_PAUSE = threading.Event()  # never set: waiting on it is a pause between questions, not a guess at a duration
_ANSWER = 180.0
"""Seconds that one answer may take on a machine that does much else."""
_RETRIED = 30.0
"""The same where the question can be asked again: what hangs on a server that died is given up early."""
_AWAY = 900.0
"""Seconds that a server which was killed may be away."""
_LIMIT = 1500.0
"""Seconds after which a run hangs."""


def sign_in(url: str, password: str, user: str = "admin") -> requests.Response:
    """The answer to a name and a password: 201 with a token, or a refusal."""
    return requests.post(f"{url}/auth/token", json={"username": user, "password": password}, timeout=_ANSWER)


def password_of(home: Path) -> str:
    """The password of ``admin`` that the embedded Airflow below ``home`` has made."""
    return str(json.loads((home / "airflow" / "passwords.json").read_text(encoding="utf-8"))["admin"])


class AirflowApi:
    """The API as ``admin`` uses it; runs and tasks are those of one DAG.

    Attributes:
        url: where Airflow is.
        dag: the DAG.
    """

    def __init__(self, url: str, password: str, dag: str = DAG, *, killed: bool = False) -> None:
        """Sign in.

        Args:
            url: where Airflow is.
            password: of ``admin``.
            dag: the DAG.
            killed: the test kills the server or its database: what only reads is asked again until it is back.
        """
        answer = sign_in(url, password)
        assert answer.status_code == 201, f"nobody is signed in at {url}: {answer.status_code} {answer.text[:600]}"
        self.url = url
        self.dag = dag
        self._killed = killed
        self._head = {"Authorization": f"Bearer {answer.json()['access_token']}", "Accept": "application/json"}

    def of(self, dag: str) -> AirflowApi:
        """The same for another DAG."""
        found = copy.copy(self)
        found.dag = dag
        return found

    def at(self, run: str, *names: str) -> str:
        """The path of a run, or of what ``names`` say of it; quoted, for a run's id may hold a plus sign."""
        return "/".join([f"/dags/{self.dag}/dagRuns", *(quote(name, safe="") for name in (run, *names))])

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None, **params: Any) -> Any:
        """What the API answers to a path below ``/api/v2``.

        Raises:
            requests.HTTPError: it refuses; the message is what it says, ``response`` the whole answer.
        """
        url = f"{self.url}/api/v2{path}"
        if self._killed and method == "GET":  # anything else may have been done before its answer was lost
            return self._again(url, params)
        return self._once(method, url, _ANSWER, json=body, params=params)

    def afterbell(self, page: str) -> Any:
        """One of our pages, as JSON."""
        return self._once("GET", f"{self.url}/afterbell/{page}", _ANSWER, params={"format": "json"})

    def trigger(self, conf: dict[str, Any] | None = None, **named: Any) -> str:
        """Ask for a run as the form in the page does; its id. ``named`` are further fields, such as an id."""
        body = {"conf": conf or {}, "logical_date": None} | named
        return str(self.ask("POST", f"/dags/{self.dag}/dagRuns", body)["dag_run_id"])

    def connect(self, name: str, address: str) -> None:
        """Make a connection of the type http, as people do under Admin."""
        self.ask("POST", "/connections", {"connection_id": name, "conn_type": "http", "host": address})

    def state(self, run: str) -> str:
        """The state of a run."""
        return str(self.ask("GET", self.at(run))["state"])

    def tasks(self, run: str) -> dict[str, dict[str, Any]]:
        """All about the tasks of a run, by name."""
        found = self.ask("GET", self.at(run, "taskInstances"))["task_instances"]
        return {task["task_id"]: task for task in found}

    def states(self, run: str) -> dict[str, str | None]:
        """The state of each task of a run; None for one whose turn has not come."""
        return {name: task["state"] for name, task in self.tasks(run).items()}

    def wait(self, run: str, seconds: float) -> str:
        """The state of a run once it has ended, or whatever it is after ``seconds``."""
        _within(seconds, lambda: self.state(run) in ENDED)
        return self.state(run)

    def ended(self, run: str, seconds: float = _LIMIT) -> tuple[str, dict[str, str | None]]:
        """The state of a run and of its tasks, once it has ended."""
        state, tasks = self.wait(run, seconds), self.states(run)
        assert state in ENDED, f"run {run} of {self.dag} is still {state} after {seconds:.0f} s; its tasks: {tasks}"
        return state, tasks

    def resumes(self, run: str, seconds: float = _LIMIT) -> None:
        """Wait until a run that had ended goes on, since a task of it was cleared."""
        resumed = _within(seconds, lambda: self.state(run) not in ENDED)
        assert resumed, f"run {run} of {self.dag} did not go on within {seconds:.0f} s"

    def reaches(self, run: str, task: str, *states: str, seconds: float = _LIMIT) -> None:
        """Wait until a task of a run is in one of ``states``; a run that has ended is not waited for."""
        seen: dict[str, str | None] = {}

        def settled() -> bool:
            over = self.state(run) in ENDED  # asked first: what is seen of its tasks afterwards is the last word
            seen.update(self.states(run))
            return over or seen.get(task) in states

        _within(seconds, settled)
        assert seen.get(task) in states, f"{task} of run {run} did not become {' or '.join(states)}: {seen}"

    def result(self, run: str, task: str) -> dict[str, Any]:
        """What a task returned."""
        path = self.at(run, "taskInstances", task, "xcomEntries", "return_value")
        found: dict[str, Any] = self.ask("GET", path)["value"]
        return found

    def log(self, run: str, task: str, attempt: int = 1) -> str:
        """The log of one try of a task."""
        found = self.ask("GET", self.at(run, "taskInstances", task, "logs", str(attempt)))
        return "\n".join(json.dumps(line) for line in found["content"])

    def events(self, run: str, task: str, attempt: int) -> str:
        """What Airflow itself noted about one try of a task."""
        found = self.ask(
            "GET", "/eventLogs", dag_id=self.dag, run_id=run, task_id=task, try_number=attempt, limit=100
        )["event_logs"]  # fmt: skip
        return "\n".join(f"{each['event']}: {each['extra']}" for each in found)

    def _again(self, url: str, params: dict[str, Any]) -> Any:
        end = time.monotonic() + _AWAY
        while True:
            try:
                return self._once("GET", url, _RETRIED, params=params)
            except requests.RequestException as error:
                if error.response is not None and error.response.status_code < 500:
                    raise
                if time.monotonic() > end:
                    raise AssertionError(f"{url}: no answer for {_AWAY:.0f} s; the last trouble: {error}") from error
            _PAUSE.wait(1)

    def _once(self, method: str, url: str, seconds: float, **asked: Any) -> Any:
        answer = requests.request(method, url, headers=self._head, timeout=seconds, **asked)
        if not answer.ok:
            message = f"{method} {answer.url}: {answer.status_code} {answer.text[:2000]}"
            raise requests.HTTPError(message, response=answer)
        return answer.json()


def _within(seconds: float, holds: Callable[[], bool]) -> bool:
    """Whether it holds before ``seconds`` are over; asked until then, once at least."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        _PAUSE.wait(0.5)
    return True
