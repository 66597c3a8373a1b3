"""Waits for a driver on the cluster in the triggerer, where a wait holds no worker slot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TypedDict

from airflow.triggers.base import BaseTrigger, TriggerEvent

from afterbell.airflow.connections import store_environment
from afterbell.airflow.results import AttemptNotes
from afterbell.cluster.driver_status import DriverStatus, StatusDocument
from afterbell.cluster.driver_watch import DriverLimits, DriverWatch, Ending, LimitsDocument
from afterbell.cluster.launch import submissions_at
from afterbell.cluster.managers.contract import Submissions
from afterbell.errors import ClusterUnavailableError, PermanentError, RetryableError


class DriverEvent(TypedDict):
    """The payload of the trigger's event.

    Attributes:
        ending: the value of an ``Ending``.
        status: of the driver, the newest known, as ``DriverStatus.to_json`` writes it.
        trouble: why the last request failed; empty if it succeeded.
    """

    ending: str
    status: StatusDocument
    trouble: str


class DriverTrigger(BaseTrigger):
    """Ends when the driver has ended, or when waiting for it is over.

    Its arguments are stored in Airflow's database: addresses, names and instants, no secret. The stores' keys come from
    the connections, read again by the triggerer that runs it.

    Args:
        url: of the server that launches drivers.
        driver: id of the driver.
        notes: the attempt, as a mapping of ``AttemptNotes``.
        limits: how long to wait, as ``DriverLimits.to_json`` writes it.
        manager: the cluster manager's name, as ``submissions_at`` takes it.
    """

    def __init__(
        self, url: str, driver: str, notes: Mapping[str, str], limits: LimitsDocument, manager: str = ""
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.url = url
        self.driver = driver
        self.notes = AttemptNotes(**notes)
        self.limits = DriverLimits.from_json(limits)
        self.manager = manager

    def serialize(self) -> tuple[str, dict[str, object]]:
        """The class and its arguments."""
        kind = type(self)
        arguments: dict[str, object] = {
            "url": self.url, "driver": self.driver, "notes": asdict(self.notes), "limits": self.limits.to_json(),
            "manager": self.manager,
        }  # fmt: skip
        return f"{kind.__module__}.{kind.__qualname__}", arguments

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Ask the cluster for the driver's status, pause, and ask again.

        Yields:
            One event, a ``DriverEvent``.
        """
        client, watch = submissions_at(self.url, self.manager), DriverWatch(self.limits)
        while True:
            # Everything that may block runs in threads, never on the event loop.
            ending, trouble = await asyncio.to_thread(self._look, client, watch)
            if ending is not None:
                yield _event({"ending": ending.value, "status": watch.status.to_json(), "trouble": trouble})
                return
            await asyncio.sleep(watch.pause(_now()))

    def _look(self, client: Submissions, watch: DriverWatch) -> tuple[Ending | None, str]:
        before = watch.status.state
        try:
            status = client.status(self.driver)
        except (ClusterUnavailableError, PermanentError) as error:  # a proxy before a server that restarts answers 404
            self.log.warning("asking for driver %s goes on: %s", self.driver, error)
            return watch.missed(_now()), str(error)
        ending = watch.saw(status, _now())
        if watch.absent and ending is None and self._ended_unseen():
            ending = Ending.MISSING
        if status.state != before:
            self._log_status(status)
        return ending, ""

    def _ended_unseen(self) -> bool:
        """Whether a driver that the cluster has forgotten left a result or a reason."""
        try:
            environment = store_environment()
            return any(read(environment) is not None for read in (self.notes.result, self.notes.failure))
        except RetryableError as error:
            self.log.warning("the result of driver %s could not be looked for: %s", self.driver, error)
            return False

    def _log_status(self, status: DriverStatus) -> None:
        where = f" on {status.worker or status.host}" if status.worker or status.host else ""
        message = f": {status.message}" if status.message else ""
        self.log.info("driver %s is %s%s%s", self.driver, status.state.value, where, message)

    async def on_kill(self) -> None:
        """A person cleared the task or set its state: its driver is no longer needed."""
        await asyncio.to_thread(self._kill)

    def _kill(self) -> None:
        # The kill comes first: a store that does not answer must not keep the driver alive.
        try:
            answer = submissions_at(self.url, self.manager).kill(self.driver)
            self.log.info("driver %s is killed with its task: %s", self.driver, answer)
        except (RetryableError, PermanentError) as error:
            self.log.error(  # noqa: TRY400 - the traceback adds nothing
                "driver %s could not be killed and may continue; if two drivers of a step run, only one commits. Kill "
                "it on the cluster's page: %s", self.driver, error,
            )  # fmt: skip
        try:
            self.notes.mark_killed(store_environment())
        except (RetryableError, PermanentError) as error:
            self.log.warning("driver %s could not be marked as killed: %s", self.driver, error)


def _now() -> datetime:
    return datetime.now(UTC)


def _event(payload: DriverEvent) -> TriggerEvent:
    return TriggerEvent(payload)  # type: ignore[no-untyped-call]
