"""A try of a step on the cluster, kept in Airflow's task state store for the try after it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from afterbell.cluster.driver_status import DriverState
from afterbell.cluster.launch import submissions_at
from afterbell.cluster.managers.contract import Submissions
from afterbell.errors import ClusterUnavailableError, PermanentError, RetryableError

KEY = "afterbell_driver"
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 10.0
_ENDED = (DriverState.NOT_FOUND,)


@dataclass(frozen=True)
class DriverAttempt:
    """One try.

    Attributes:
        token: its name, in the artifact store and for its driver.
        digest: of the driver's arguments and all that it starts from: a try with the same may take the driver over.
        url: of the server that launches drivers.
        began: when it began, as an ISO instant.
        driver: the driver's id; empty until it is known.
        manager: the cluster manager's name, as ``submissions_at`` takes it.
    """

    token: str
    digest: str
    url: str
    began: str
    driver: str = ""
    manager: str = ""

    @property
    def server(self) -> Submissions:
        """The client of the server at ``url``."""
        return submissions_at(self.url, self.manager)

    @classmethod
    def read(cls, store: Any) -> DriverAttempt | None:
        """The newest attempt of this task in this run that nobody has judged yet.

        Args:
            store: the context's ``task_state_store``.
        """
        document = store.get(KEY)
        return cls(**document) if document else None

    def keep(self, store: Any) -> None:
        """Write the attempt to the store."""
        store.set(KEY, asdict(self))


def forget(store: Any) -> None:
    """Delete the attempt once it is judged: the task, cleared and run again, then starts from the beginning."""
    store.delete(KEY)


def digest_of(request: Mapping[str, object], arguments: list[str], script: bytes) -> str:
    """SHA-256 over what a driver does: the same digest means the same work on the same inputs."""
    parts = [request["sparkProperties"], request["appResource"], arguments, hashlib.sha256(script).hexdigest()]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def create(client: Submissions, request: Mapping[str, object], seconds: float, log: Callable[[str], None]) -> str:
    """Launch a driver; while the server accepts none, ask it again for up to ``seconds``.

    Raises:
        ClusterUnavailableError: it accepted none in that time.
        UnknownOutcomeError: there may be a driver; the server is not asked again.
        ConfigError: the server refused.
    """
    give_up_at, pause = time.monotonic() + seconds, _FIRST_PAUSE
    while True:
        try:
            return client.create(request)
        except ClusterUnavailableError as error:
            if time.monotonic() + pause > give_up_at:
                raise
            log(f"{error}; trying again in {pause:.1f} s")
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def end(client: Submissions, driver: str, seconds: float) -> str:
    """Kill a driver and wait for its end; returns why it may still be running, empty once it has ended.

    Args:
        client: the server.
        driver: its id.
        seconds: how long to wait for its end; a driver that does not end must not block the caller.
    """
    give_up_at, pause, kill_sent = time.monotonic() + seconds, _FIRST_PAUSE, False
    trouble = ""
    while True:
        try:
            if not kill_sent:
                client.kill(driver)
                kill_sent = True
            state = client.status(driver).state
            trouble = f"it was asked to end, and is {state.value} after {seconds:.0f} s"
            if state.over or state in _ENDED:
                return ""
        except (RetryableError, PermanentError) as error:
            trouble = str(error)
        if time.monotonic() + pause > give_up_at:
            return trouble
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
