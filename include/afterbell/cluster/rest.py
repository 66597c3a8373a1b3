"""Drivers on the cluster, by Spark's REST submission protocol: create, ask, kill.

Two servers speak it: the standalone master (port 6066) and Mesos' dispatcher (port 7077). Neither authenticates anyone.
The dispatcher calls every driver that has ended ``FINISHED``, failed and killed ones too: how it ended stands in the
status that Mesos gave, which the answer carries as text.

Source: ``org.apache.spark.deploy.rest`` of Spark 3.5.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import requests
from urllib3.exceptions import NewConnectionError

from afterbell.errors import ClusterUnavailableError, ConfigError, UnknownOutcomeError
from afterbell.stores.retry import Timeouts

TIMEOUTS = Timeouts(connect=5.0, read=30.0)
_DRIVER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,199}")
_TASK_STATE = re.compile(r"^state: TASK_(\w+)$", re.MULTILINE)
_TASK_MESSAGE = re.compile(r'^message: "(.*)"$', re.MULTILINE)
_AGENT = re.compile(r'^slave_id \{\s*value: "([^"]+)"', re.MULTILINE)
_EXIT = re.compile(r"exited with status (\d+)")
_UNSURE = re.compile(r"not alive|not ready", re.IGNORECASE)
_UNAVAILABLE, _SERVER_ERROR, _BAD_REQUEST = 503, 500, 400


class DriverState(StrEnum):
    """What has become of a driver."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    RETRYING = "RETRYING"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"
    LOST = "LOST"
    NOT_FOUND = "NOT_FOUND"
    UNKNOWN = "UNKNOWN"

    @property
    def over(self) -> bool:
        """Whether the cluster will say nothing else about it; a lost driver may run on all the same."""
        return self in _OVER


_OVER = frozenset({DriverState.FINISHED, DriverState.FAILED, DriverState.KILLED, DriverState.LOST})
_STANDALONE = {"SUBMITTED": "QUEUED", "RELAUNCHING": "RETRYING"}
_MESOS = {"FINISHED": "FINISHED", "FAILED": "FAILED", "ERROR": "FAILED", "KILLED": "KILLED"}
"""Mesos' states of a task that has ended; all others of its states mean that the agent or the task is gone."""


@dataclass(frozen=True)
class DriverStatus:
    """One answer about a driver.

    Attributes:
        state: how it is, or how it ended in truth.
        message: what the cluster says to it; empty where it says nothing.
        worker: id of the standalone worker or of the Mesos agent; empty where unknown.
        host: ``host:port`` of the standalone worker; empty where unknown.
        exit_status: of the driver's process, where the cluster tells it.
    """

    state: DriverState
    message: str = ""
    worker: str = ""
    host: str = ""
    exit_status: int | None = None

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "state": self.state.value, "message": self.message, "worker": self.worker, "host": self.host,
            "exit_status": self.exit_status,
        }  # fmt: skip

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> DriverStatus:
        """The status that ``to_json`` wrote."""
        return cls(**dict(found) | {"state": DriverState(found["state"])})


class RestSubmissions:
    """One server of the REST submission protocol; safe to share between threads.

    Args:
        url: ``http://host:port``.
        timeouts: seconds for each call.
    """

    def __init__(self, url: str, timeouts: Timeouts = TIMEOUTS) -> None:
        self.url = url.rstrip("/")
        self._timeouts = timeouts

    def create(self, payload: Mapping[str, Any]) -> str:
        """Launch a driver and return its id.

        Raises:
            ClusterUnavailableError: no driver was launched: the server is not reachable, not ready, or its queue is
                full.
            UnknownOutcomeError: the request was sent and no answer came: there may be a driver, of unknown id.
            ConfigError: the server refused the request as wrong.
        """
        found = self._ask("POST", "create", {"action": "CreateSubmissionRequest", **payload}, once=True)
        if not found.get("success"):
            raise ClusterUnavailableError(f"{self.url} launched no driver: {_text(found) or 'it gives no reason'}")
        return str(found["submissionId"])

    def status(self, driver: str) -> DriverStatus:
        """How the driver is.

        Raises:
            ClusterUnavailableError: the server is not reachable, or not ready to tell (it is restarting).
            ConfigError: this is not the address of such a server.
        """
        found = self._ask("GET", f"status/{_checked(driver)}")
        if not found.get("success") and found.get("driverState") is None and _text(found):
            raise ClusterUnavailableError(f"{self.url} cannot tell of {driver}: {_text(found)}")
        return read_status(found)

    def kill(self, driver: str) -> str:
        """Ask for the driver's end, which comes later; returns what the server says to it.

        Nothing is wrong with a driver that has ended already, or that the server doesn't know.

        Raises:
            ClusterUnavailableError: the server is not reachable, or not ready.
            ConfigError: this is not the address of such a server.
        """
        found = self._ask("POST", f"kill/{_checked(driver)}")
        if not found.get("success") and _UNSURE.search(_text(found)):
            raise ClusterUnavailableError(f"{self.url} cannot kill {driver}: {_text(found)}")
        return _text(found)

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None, once: bool = False) -> dict[str, Any]:
        url = f"{self.url}/v1/submissions/{path}"
        with requests.Session() as session:
            session.trust_env = False  # no proxy stands between the submitter and its cluster
            try:
                answer = session.request(method, url, json=body, timeout=self._timeouts, allow_redirects=False)
                return _read(url, answer, once)
            except requests.RequestException as error:
                if once and not _never_sent(error):
                    raise _unknown(url, str(error)) from error
                raise ClusterUnavailableError(f"{url} did not answer: {error}") from error


def read_status(found: Mapping[str, Any]) -> DriverStatus:
    """The truth in an answer to ``status``, of either server."""
    told, text = str(found.get("driverState") or "NOT_FOUND"), str(found.get("message") or "")
    state = DriverState.__members__.get(_STANDALONE.get(told, told), DriverState.UNKNOWN)
    task, said, agent = _TASK_STATE.search(text), _TASK_MESSAGE.search(text), _AGENT.search(text)
    if task and state == DriverState.FINISHED:
        state = DriverState(_MESOS.get(task[1], "LOST"))
    if told == "ERROR":  # a standalone worker that could not start it says why; one that is gone says nothing
        state = DriverState.FAILED if text else DriverState.LOST
    status = _EXIT.search(said[1]) if said else None
    return DriverStatus(
        state,
        message=said[1] if said else "" if task else _text(found),
        worker=str(found.get("workerId") or (agent[1] if agent else "")),
        host=str(found.get("workerHostPort") or ""),
        exit_status=int(status[1]) if status else None,
    )


def _read(url: str, answer: requests.Response, once: bool) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        found = None
    told = _text(found) if isinstance(found, dict) else answer.text[:200]
    if answer.status_code >= _SERVER_ERROR:
        if once and answer.status_code != _UNAVAILABLE:
            raise _unknown(url, f"HTTP {answer.status_code}: {told}")
        raise ClusterUnavailableError(f"{url} answered HTTP {answer.status_code}: {told}")
    if answer.status_code >= _BAD_REQUEST or not isinstance(found, dict) or "action" not in found:
        raise ConfigError(
            f"{url} answered HTTP {answer.status_code}: {told}. Is this a standalone master's REST port "
            "(spark.master.rest.enabled=true, 6066) or a Mesos dispatcher (7077)? See rest_url in the cluster profile"
        )
    return found


def _text(found: Mapping[str, Any]) -> str:
    """The message of an answer, without the Java stack below it."""
    lines = [line.rstrip() for line in str(found.get("message") or "").splitlines()]
    return " ".join(line for line in lines if line and not line.startswith(("\t", " at ")))[:2000]


def _never_sent(error: requests.RequestException) -> bool:
    if isinstance(error, requests.ConnectTimeout):
        return True
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(reason, NewConnectionError)


def _unknown(url: str, why: str) -> UnknownOutcomeError:
    return UnknownOutcomeError(f"{url}: the driver may or may not have been launched ({why}); its id is not known")


def _checked(driver: str) -> str:
    if not _DRIVER_ID.fullmatch(driver):
        raise ConfigError(f"driver id {driver!r} is not one: expected something like driver-20260630220000-0001")
    return driver
