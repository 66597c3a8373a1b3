"""Drivers on the cluster, by Spark's REST submission protocol: create, status, kill.

Two servers speak it: the standalone master (port 6066) and Mesos' dispatcher (port 7077). Neither authenticates anyone.
The dispatcher calls every driver that has ended ``FINISHED``, failed and killed ones too: how it ended is in the
status that Mesos gave, which the answer carries as text.

Source: ``org.apache.spark.deploy.rest`` of Spark 3.5.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import requests
from urllib3.exceptions import NewConnectionError

from afterbell.cluster.driver_status import DriverState, DriverStatus
from afterbell.errors import ClusterUnavailableError, ConfigError, UnknownOutcomeError
from afterbell.stores.http import http_session
from afterbell.stores.retry import Timeouts

TIMEOUTS = Timeouts(connect=5.0, read=30.0)
_DRIVER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,199}")
_TASK_STATE = re.compile(r"^state: TASK_(\w+)$", re.MULTILINE)
_TASK_MESSAGE = re.compile(r'^message: "(.*)"$', re.MULTILINE)
_AGENT = re.compile(r'^slave_id \{\s*value: "([^"]+)"', re.MULTILINE)
_EXIT = re.compile(r"exited with status (\d+)")
_UNSURE = re.compile(r"not alive|not ready", re.IGNORECASE)
_UNAVAILABLE, _SERVER_ERROR, _BAD_REQUEST = 503, 500, 400
_STANDALONE = {"SUBMITTED": "QUEUED", "RELAUNCHING": "RETRYING"}
_MESOS = {"FINISHED": "FINISHED", "FAILED": "FAILED", "ERROR": "FAILED", "KILLED": "KILLED"}
"""Mesos' states of a task that has ended; all others of its states mean that the agent or the task is gone."""


class RestSubmissions:
    """One server of the REST submission protocol; safe to share between threads.

    Args:
        url: ``http://host:port``.
        timeouts: seconds for each call.
    """

    def __init__(self, url: str, timeouts: Timeouts = TIMEOUTS) -> None:
        self.url = url.rstrip("/")
        self._timeouts = timeouts

    def create(self, payload: Mapping[str, object]) -> str:
        """Launch a driver and return its id.

        Raises:
            ClusterUnavailableError: no driver was launched: the server is not reachable, not ready, or its queue is
                full.
            UnknownOutcomeError: the request was sent and no answer came: there may be a driver, of unknown id.
            ConfigError: the server refused the request as wrong.
        """
        answer = self._send("POST", "create", {"action": "CreateSubmissionRequest", **payload}, once=True)
        if not answer.get("success"):
            raise ClusterUnavailableError(f"{self.url} launched no driver: {_message_of(answer) or 'no reason given'}")
        return str(answer["submissionId"])

    def status(self, driver: str) -> DriverStatus:
        """The state of the driver.

        Raises:
            ClusterUnavailableError: the server is not reachable, or not ready to answer (it is restarting).
            ConfigError: this is not the address of such a server.
        """
        answer = self._send("GET", f"status/{_check_id(driver)}")
        if not answer.get("success") and answer.get("driverState") is None and _message_of(answer):
            raise ClusterUnavailableError(f"{self.url} cannot report on {driver}: {_message_of(answer)}")
        return read_status(answer)

    def kill(self, driver: str) -> str:
        """Ask for the driver's end, which comes later; returns the server's message.

        A driver that has ended already, or that the server doesn't know, is no error.

        Raises:
            ClusterUnavailableError: the server is not reachable, or not ready.
            ConfigError: this is not the address of such a server.
        """
        answer = self._send("POST", f"kill/{_check_id(driver)}")
        if not answer.get("success") and _UNSURE.search(_message_of(answer)):
            raise ClusterUnavailableError(f"{self.url} cannot kill {driver}: {_message_of(answer)}")
        return _message_of(answer)

    def _send(
        self, method: str, path: str, body: Mapping[str, object] | None = None, once: bool = False
    ) -> Mapping[str, object]:
        url = f"{self.url}/v1/submissions/{path}"
        # No proxy stands between the submitter and its cluster.
        with http_session(self._timeouts, proxies=False, redirects=False) as session:
            try:
                answer = session.request(method, url, json=body)
                return _parse_answer(url, answer, once)
            except requests.RequestException as error:
                if once and not _never_sent(error):
                    raise _unknown(url, str(error)) from error
                raise ClusterUnavailableError(f"{url} did not answer: {error}") from error


def read_status(answer: Mapping[str, object]) -> DriverStatus:
    """The real state of a driver, from either server's answer to ``status``."""
    reported, text = str(answer.get("driverState") or "NOT_FOUND"), str(answer.get("message") or "")
    state = DriverState.__members__.get(_STANDALONE.get(reported, reported), DriverState.UNKNOWN)
    task_state, reason, agent = _TASK_STATE.search(text), _TASK_MESSAGE.search(text), _AGENT.search(text)
    if task_state and state == DriverState.FINISHED:
        state = DriverState(_MESOS.get(task_state[1], "LOST"))
    if reported == "ERROR":  # a standalone worker that could not start it gives the reason; one that is gone gives none
        state = DriverState.FAILED if text else DriverState.LOST
    exit_code = _EXIT.search(reason[1]) if reason else None
    return DriverStatus(
        state,
        message=reason[1] if reason else "" if task_state else _message_of(answer),
        worker=str(answer.get("workerId") or (agent[1] if agent else "")),
        host=str(answer.get("workerHostPort") or ""),
        exit_status=int(exit_code[1]) if exit_code else None,
    )


def _parse_answer(url: str, answer: requests.Response, once: bool) -> Mapping[str, object]:
    try:
        content = answer.json()
    except ValueError:
        content = None
    reason = _message_of(content) if isinstance(content, dict) else answer.text[:200]
    if answer.status_code >= _SERVER_ERROR:
        if once and answer.status_code != _UNAVAILABLE:
            raise _unknown(url, f"HTTP {answer.status_code}: {reason}")
        raise ClusterUnavailableError(f"{url} answered HTTP {answer.status_code}: {reason}")
    if answer.status_code >= _BAD_REQUEST or not isinstance(content, dict) or "action" not in content:
        raise ConfigError(
            f"{url} answered HTTP {answer.status_code}: {reason}. Is this a standalone master's REST port "
            "(spark.master.rest.enabled=true, 6066) or a Mesos dispatcher (7077)? See rest_url in the cluster profile"
        )
    return content


def _message_of(answer: Mapping[str, object]) -> str:
    """The message of an answer, without the Java stack below it."""
    lines = [line.rstrip() for line in str(answer.get("message") or "").splitlines()]
    return " ".join(line for line in lines if line and not line.startswith(("\t", " at ")))[:2000]


def _never_sent(error: requests.RequestException) -> bool:
    if isinstance(error, requests.ConnectTimeout):
        return True
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(reason, NewConnectionError)


def _unknown(url: str, why: str) -> UnknownOutcomeError:
    return UnknownOutcomeError(f"{url}: the driver may or may not have been launched ({why}); its id is not known")


def _check_id(driver: str) -> str:
    if not _DRIVER_ID.fullmatch(driver):
        raise ConfigError(f"driver id {driver!r} is not valid: expected something like driver-20260630220000-0001")
    return driver
