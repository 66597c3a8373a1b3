"""A real embedded Airflow on a small simulated market: started, asked for runs, asked what became of them."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).resolve().parents[2]
SYMBOLS, SESSIONS = 100, 170
DAG = "daily_retraining"
ENDED = {"success", "failed"}
_PAUSE = threading.Event()  # never set: waiting on it is a pause between questions


@dataclass(frozen=True)
class CommandLine:
    """``./afterbell`` with a home of its own."""

    home: Path

    def __call__(self, *args: str) -> Any:
        kept = {name: text for name, text in os.environ.items() if not name.startswith(("AWS_", "AIRFLOW"))}
        found = subprocess.run(
            [str(ROOT / "afterbell"), *args, "--json"],
            env=kept | {"AFTERBELL_HOME": str(self.home)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if found.returncode:
            raise AssertionError(f"afterbell {' '.join(args)}: {found.stderr or found.stdout}")
        return json.loads(found.stdout)


class Api:
    """Airflow's REST API, asked again while its server is away."""

    def __init__(self, command: CommandLine, url: str) -> None:
        self._root = f"{url}/api/v2"
        self._url = f"{self._root}/dags/{DAG}/dagRuns"
        password = json.loads((command.home / "airflow" / "passwords.json").read_text())["admin"]
        login = {"username": "admin", "password": password}
        token = requests.post(f"{url}/auth/token", json=login, timeout=60).json()["access_token"]
        self._head = {"Authorization": f"Bearer {token}", "Accept": "application/json"}

    def trigger(self, session: date) -> str:
        """Ask for a run of ``session``; its id."""
        body = {"conf": {"session": session.isoformat()}, "logical_date": None, "dag_run_id": f"chaos_{session}"}
        answer = requests.post(self._url, json=body, headers=self._head, timeout=60)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["dag_run_id"])

    def ask(self, path: str = "", **params: Any) -> Any:
        """What the API answers about runs, once it does."""
        return self._get(f"{self._url}{path}", **params)

    def _get(self, url: str, **params: Any) -> Any:
        for _ in range(600):
            try:
                answer = requests.get(url, params=params, headers=self._head, timeout=30)
                if answer.status_code == 200:
                    return answer.json()
            except requests.RequestException:
                pass
            _PAUSE.wait(1)
        raise AssertionError(f"{url}: no answer for ten minutes")

    def states(self) -> dict[str, str]:
        """The state of each run."""
        return {run["dag_run_id"]: run["state"] for run in self.ask(limit=100)["dag_runs"]}

    def wait(self, runs: list[str], seconds: float) -> dict[str, str]:
        """Wait until ``runs`` have ended; their states, whatever they are, after ``seconds``."""
        for _ in range(int(seconds / 5)):
            states = self.states()
            if all(states[run] in ENDED for run in runs):
                break
            _PAUSE.wait(5)
        return self.states()

    def tasks(self, run: str) -> dict[str, dict[str, Any]]:
        """The tasks of a run."""
        return {task["task_id"]: task for task in self.ask(f"/{run}/taskInstances")["task_instances"]}

    def result(self, run: str, task: str) -> dict[str, Any]:
        """What a task returned."""
        found: dict[str, Any] = self.ask(f"/{run}/taskInstances/{task}/xcomEntries/return_value")["value"]
        return found

    def log(self, run: str, task: str, attempt: int) -> str:
        """The log of one try of a task."""
        found = self.ask(f"/{run}/taskInstances/{task}/logs/{attempt}")
        return "\n".join(json.dumps(line) for line in found["content"])

    def events(self, run: str, task: str, attempt: int) -> str:
        """What Airflow itself noted about one try of a task."""
        asked = {"dag_id": DAG, "run_id": run, "task_id": task, "try_number": attempt, "limit": 100}
        found = self._get(f"{self._root}/eventLogs", **asked)["event_logs"]
        return "\n".join(f"{each['event']}: {each['extra']}" for each in found)
