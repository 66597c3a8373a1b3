"""The task that waits for the drops of a session, and decides what a late or missing drop means for the run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException
from pydantic import JsonValue

from afterbell.airflow import arrivals
from afterbell.airflow.arrivals import Sighting, awaited, cut_off, look, outstanding, runtime_of, stores_of
from afterbell.airflow.connections import store_environment
from afterbell.airflow.drops_trigger import DropsEvent, DropsTrigger
from afterbell.airflow.failures import condense_failures
from afterbell.airflow.forecasting import forecast_at_end, forecast_at_start
from afterbell.airflow.outage import StoreAwayError, wait_for_stores
from afterbell.calendar.sessions import Exchange
from afterbell.config.s3_keys import ARTIFACTS, keys_of
from afterbell.errors import PermanentError
from afterbell.run.contracts.data import ArrivedDrop, AwaitedDrops, LateDrop, MissingDrop
from afterbell.run.contracts.opened import OpenedRun
from afterbell.sources.source import Source
from afterbell.stores.artifacts import ArtifactStore

EARLIEST = timedelta(hours=2)
"""How long before the closing bell a run may be started: a wait must end within the time limit of the run."""
GRACE = timedelta(minutes=5)
"""How long after the last cut-off to wait for a triggerer that does not answer."""
_HELD = "The champion is kept, nothing is published, and the later steps do not run."


class AwaitDropsOperator(BaseOperator):
    """Wait for the session's drops of every source up to its cut-off, without a worker slot.

    Args:
        run: result of the task that opened the run.
    """

    template_fields: Sequence[str] = ("run",)

    def __init__(self, *, run: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.run = run

    @condense_failures
    def execute(self, context: Context) -> dict[str, JsonValue]:  # noqa: ARG002
        """Look once; where waiting can help, leave it to the triggerer.

        Returns:
            ``AwaitedDrops`` as JSON.

        Raises:
            AirflowFailException: a required drop is missing, or a store refused, or did not answer up to the
                deadline.
            AirflowException: a store did not answer after the deadline; the task's retries apply.
        """
        return wait_for_stores(self.opened, self.task_id, self.log, self._look).to_json()

    def _look(self) -> AwaitedDrops:
        try:
            sources, session = awaited(), self.opened.session
            now = arrivals.now()
            self._require_near(sources, session, now)
            due = max((source.knowledge_time(session) for source in sources), default=None)
            forecast_at_start(self.opened, self.task_id, self.log, drops_due=due)
            sightings = look(sources, session, stores_of(store_environment()), now)
            waiting = outstanding(sources, sightings, session, now)
        except PermanentError as error:
            raise AirflowFailException(f"{type(error).__name__}: {error}") from error
        if waiting:
            last = max(cut_off(source, session) for source in waiting)
            names = ", ".join(f"{source.name} until {_utc(cut_off(source, session))}" for source in waiting)
            self.log.info("waiting for the drops of session %s: %s", session, names)
            for sighting in sightings:
                for reason in dict.fromkeys(sighting.reasons):
                    self.log.info("%s is not complete yet: %s", sighting.source, reason)
            self.defer(
                trigger=DropsTrigger(session.isoformat(), [source.name for source in sources]),
                method_name="resume",
                timeout=last - now + GRACE,
            )
        return self._judge(sources, sightings, now)

    @condense_failures
    def resume(self, context: Context, event: DropsEvent) -> dict[str, JsonValue]:  # noqa: ARG002
        """Judge what the trigger saw; result and errors are those of ``execute``."""
        if "failed" in event:
            raise AirflowFailException(str(event["failed"]))
        sightings = [Sighting.from_json(document) for document in event["sightings"]]
        try:
            sources = awaited([sighting.source for sighting in sightings])
        except PermanentError as error:
            raise AirflowFailException(f"{type(error).__name__}: {error}") from error
        judge = partial(self._judge, sources, sightings, arrivals.now())
        return wait_for_stores(self.opened, self.task_id, self.log, judge, self._look).to_json()

    @property
    def opened(self) -> OpenedRun:
        """The run, as the task that opened it described it."""
        return OpenedRun.read(self.run)

    def _require_near(self, sources: Sequence[Source], session: date, now: datetime) -> None:
        for exchange in {source.exchange for source in sources}:
            close = Exchange(exchange).close(session)
            if now < close - EARLIEST:
                raise AirflowFailException(
                    f"session {session} of {exchange} closes at {_utc(close)}: start its run at "
                    f"{_utc(close - EARLIEST)} or later"
                )

    def _published_before(self) -> bool:
        """Whether an earlier run of this session published: then its drops may be gone, and the ledger lists them.

        ``ingest`` reads the ledger, and fails if they are not in it.
        """
        environment = store_environment()
        store = ArtifactStore(runtime_of(environment).s3, keys=keys_of(ARTIFACTS, environment))
        try:
            objects = store.list(f"runs/{self.opened.session}/")
        except PermanentError as error:
            raise AirflowFailException(f"{type(error).__name__}: {error}") from error
        return any(item.key.endswith("/validate.json") for item in objects)

    def _judge(self, sources: Sequence[Source], sightings: Sequence[Sighting], now: datetime) -> AwaitedDrops:
        session, by_source = self.opened.session, {sighting.source: sighting for sighting in sightings}
        not_listed = [sighting for sighting in sightings if sighting.trouble and not sighting.arrived]
        if not_listed:
            raise StoreAwayError("; ".join(f"source {sighting.source}: {sighting.trouble}" for sighting in not_listed))
        missing = [source for source in sources if not by_source[source.name].arrived]
        for source in missing:
            text = missing_text(source, by_source[source.name], session, now)
            if source.arrival.late == "fail" and not self._published_before():
                raise AirflowFailException(
                    f"MissingDropsError: {text} {_HELD} Run the session again once the drop has arrived."
                )
            self.log.warning("going on without it: %s", text)
        arrived = [source for source in sources if source not in missing]
        deliveries = [lateness(source, by_source[source.name], session) for source in arrived]
        # The drops of a session long past were put in the store long after it: that says nothing about the vendor.
        late = [delivery for delivery in deliveries if delivery.late_minutes > 0 and not self.opened.replayed]
        for drop in late:
            self.log.warning(
                "source %s: its drop came %.0f minutes late, at %s", drop.source, drop.late_minutes, drop.at
            )
        forecast_at_end(self.opened, self.task_id, self.log)
        return AwaitedDrops(
            arrived_drops=tuple(ArrivedDrop(source=drop.source, keys=drop.keys, at=drop.at) for drop in deliveries),
            late_drops=tuple(late),
            missing_drops=tuple(
                MissingDrop(source=source.name, where=source.where, cut_off=cut_off(source, session).isoformat())
                for source in missing
            ),
        )


def lateness(source: Source, sighting: Sighting, session: date) -> LateDrop:
    """When the drop came, and how many minutes after the source's own time for it (0: in time)."""
    minutes = 0.0
    if sighting.modified:
        after = datetime.fromisoformat(sighting.modified) - source.knowledge_time(session)
        minutes = round(max(0.0, after.total_seconds() / 60), 1)
    return LateDrop(source=source.name, keys=sighting.complete, at=sighting.modified, late_minutes=minutes)


def missing_text(source: Source, sighting: Sighting, session: date, now: datetime) -> str:
    """Which drop was expected, where and until when, how late it is, and what the store holds instead."""
    until, due = cut_off(source, session), source.knowledge_time(session)
    stored = f"{sighting.drops} drops, the newest of {sighting.newest}" if sighting.drops else "no drop at all"
    unfinished = ", ".join(sighting.incomplete)
    reasons = "; ".join(dict.fromkeys(reason for reason in sighting.reasons if reason))
    state = f"the upload of {unfinished} is not complete ({reasons})" if unfinished else "no drop is there"
    return (
        f"source {source.name}: {state} for session {session} in {source.where}; it was due at {_utc(due)} "
        f"({_format_span(now - due)} ago), and the cut-off was {_utc(until)} ({_format_span(now - until)} ago). "
        f"There are {stored}; expected a key like {source.key_pattern}."
    )


def _utc(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _format_span(span: timedelta) -> str:
    minutes = max(0, int(span.total_seconds() // 60))
    days, rest = divmod(minutes, 24 * 60)
    return f"{days} d {rest // 60} h" if days else f"{minutes} min"
