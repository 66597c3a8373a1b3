"""The models of what the pages show: frozen, and the same for people (templates) as for programs (JSON).

A module of its own below all pages: their models derive from this base, and what several pages show stands here.
"""

from __future__ import annotations

from pydantic import JsonValue

from afterbell.config.loader import Strict
from afterbell.run.contracts.base import ALIASES


class View(Strict):
    """The base of what a page shows; what a page does not set is not part of its JSON."""

    model_config = ALIASES

    def to_json(self) -> dict[str, JsonValue]:
        """JSON values of what was set."""
        return self.model_dump(mode="json", exclude_unset=True)


class FailureView(View):
    """Why a task failed: the kind of the error, what happened, where, and what to do."""

    kind: str
    what: str
    where: str
    do: str
    task: str = ""


class RunLine(View):
    """A run in a list: its ids, Airflow's state and kind of it, its start (ISO instant) and how long it took."""

    run_id: str
    session: str
    state: str
    kind: str
    started: str | None
    seconds: float | None
