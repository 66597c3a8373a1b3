"""A try of a step on the cluster, kept in Airflow's task state store: what the next try must know of it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from afterbell.cluster.rest import DriverState, RestSubmissions
from afterbell.errors import ClusterUnavailableError, PermanentError, RetryableError

KEY = "afterbell_driver"
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 10.0
_ENDED = (DriverState.NOT_FOUND,)


@dataclass(frozen=True)
class Attempt:
    """One try.

    Attributes:
        token: names it in the artifact store, and to its driver.
        digest: of all that the driver is told and started from: another try with the same may take the driver over.
        url: of the REST submission server.
        began: ISO instant.
        driver: the driver's id; empty before it is known.
    """

    token: str
    digest: str
    url: str
    began: str
    driver: str = ""

    @classmethod
    def read(cls, store: Any) -> Attempt | None:
        """The newest attempt of this task in this run that nobody has judged yet.

        Args:
            store: the context's ``task_state_store``.
        """
        found = store.get(KEY)
        return cls(**found) if found else None

    def keep(self, store: Any) -> None:
        """Write it down."""
        store.set(KEY, asdict(self))


def forget(store: Any) -> None:
    """The attempt is judged: the task, cleared and run again, begins anew."""
    store.delete(KEY)


def digest_of(request: Mapping[str, Any], arguments: list[str], script: bytes) -> str:
    """SHA-256 over what a driver does: the same digest means the same work on the same inputs."""
    told = [request["sparkProperties"], request["appResource"], arguments, hashlib.sha256(script).hexdigest()]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def create(client: RestSubmissions, request: Mapping[str, Any], seconds: float, say: Callable[[str], None]) -> str:
    """Launch a driver, asking a server that takes none again for up to ``seconds``.

    Raises:
        ClusterUnavailableError: it took none to the end.
        UnknownOutcomeError: there may be a driver; asked no more.
        ConfigError: the server refused.
    """
    until, pause = time.monotonic() + seconds, _FIRST_PAUSE
    while True:
        try:
            return client.create(request)
        except ClusterUnavailableError as error:
            if time.monotonic() + pause > until:
                raise
            say(f"{error}; trying again in {pause:.1f} s")
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def end(client: RestSubmissions, driver: str, seconds: float) -> str:
    """Kill a driver and see it end; returns why it may still be running, empty where it isn't.

    Args:
        client: the server.
        driver: its id.
        seconds: how long its end is waited for; one that does not come must hold nobody up.
    """
    until, pause, asked = time.monotonic() + seconds, _FIRST_PAUSE, False
    trouble = ""
    while True:
        try:
            if not asked:
                client.kill(driver)
                asked = True
            state = client.status(driver).state
            trouble = f"it was told to end, and is {state.value} after {seconds:.0f} s"
            if state.over or state in _ENDED:
                return ""
        except (RetryableError, PermanentError) as error:
            trouble = str(error)
        if time.monotonic() + pause > until:
            return trouble
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
