"""Waits for drops in the triggerer, where a wait holds no worker slot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import date
from typing import TypedDict

from airflow.triggers.base import BaseTrigger, TriggerEvent
from pydantic import JsonValue

from afterbell.airflow import arrivals
from afterbell.airflow.arrivals import Sighting, awaited, cut_off, look, outstanding, stores_of
from afterbell.airflow.connections import store_environment
from afterbell.errors import PermanentError
from afterbell.sources.source import Source


class DropsEvent(TypedDict, total=False):
    """The payload of the trigger's event: ``sightings``, one a source, or ``failed``, why looking again can't help."""

    sightings: list[dict[str, JsonValue]]
    failed: str


class DropsTrigger(BaseTrigger):
    """Ends when the drops of a session are all there, or when waiting for them is over.

    Its arguments are stored in Airflow's database: they name the session and the sources and nothing else. Stores and
    their keys come from the connections, read again by the triggerer that runs it.

    Args:
        session: ISO date.
        sources: names of the sources.
    """

    def __init__(self, session: str, sources: Sequence[str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.session = session
        self.sources = list(sources)

    def serialize(self) -> tuple[str, dict[str, str | list[str]]]:
        """The class and its arguments."""
        kind = type(self)
        return f"{kind.__module__}.{kind.__qualname__}", {"session": self.session, "sources": self.sources}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look, pause, and look again.

        Yields:
            One event, a ``DropsEvent``.
        """
        try:
            # Everything that may block (connections, calendar, listings) runs in threads, never on the event loop.
            sources = await asyncio.to_thread(awaited, self.sources)
            latest: dict[str, Sighting] = {}
            while True:
                pause = await asyncio.to_thread(self._look, sources, latest)
                if pause is None:
                    yield _event({"sightings": [sighting.to_json() for sighting in latest.values()]})
                    return
                await asyncio.sleep(pause)
        except PermanentError as error:
            yield _event({"failed": f"{type(error).__name__}: {error}"})

    def _look(self, sources: Sequence[Source], latest: dict[str, Sighting]) -> float | None:
        """Look for the drops that have not arrived yet; the seconds until the next look, None once the wait is over."""
        session = date.fromisoformat(self.session)
        missing = [source for source in sources if source.name not in latest or not latest[source.name].arrived]
        sightings = look(missing, session, stores_of(store_environment()), arrivals.now())
        for sighting in sightings:
            if sighting.trouble:
                self.log.warning("%s could not be listed, and will be again: %s", sighting.source, sighting.trouble)
            latest[sighting.source] = sighting
        now = arrivals.now()
        waiting = outstanding(sources, list(latest.values()), session, now)
        if not waiting:
            return None
        until = min(cut_off(source, session) for source in waiting)
        pause = min(float(source.arrival.poll_seconds) for source in waiting)
        return max(0.0, min(pause, (until - now).total_seconds()))


def _event(payload: DropsEvent) -> TriggerEvent:
    return TriggerEvent(payload)  # type: ignore[no-untyped-call]
