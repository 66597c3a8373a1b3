"""How long an experiment may take, by the time of earlier ones; by that of daily runs where no experiment has run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from afterbell.airflow.pages.documents import Documents
from afterbell.airflow.pages.runs import Run
from afterbell.errors import CalendarBoundsError, ConfigError
from afterbell.experiments.check import World
from afterbell.experiments.outline import outline
from afterbell.experiments.request import parse_request
from afterbell.run.contracts.base import Result
from afterbell.run.job import run_slug

COUNT = 5
"""Runs that are read."""
TRAIN = "experiment_train"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
OTHERS = ("experiment_resolve", "features", "experiment_evaluate")


class Timed(Result):
    """The fields of a step's result that an estimate needs: its seconds, whether it did nothing, and its fits."""

    noop: bool = False
    fits: int = 0

    @classmethod
    def of(cls, document: object) -> Timed:
        """Read it from a document; empty if that is missing or not valid."""
        try:
            return cls.read(document or {})
        except ConfigError:
            return cls()


@dataclass(frozen=True)
class Pace:
    """The time that runs took.

    Attributes:
        fit: seconds a fit, Spark's start and the reading of the data among it.
        others: seconds of all other steps together; None where only daily runs are known.
        runs: how many runs that is the median of.
        kind: of those runs.
    """

    fit: float
    others: float | None
    runs: int
    kind: str

    def seconds(self, fits: int) -> float:
        """Expected seconds of this many fits."""
        return fits * self.fit + (self.others or 0.0)


def pace_of_experiments(documents: Documents, runs: Sequence[Run], world: World) -> Pace | None:
    """The pace of the newest experiments that trained something; None where no experiment did."""
    folders = {folder: run for run in runs if run.state == "success" and (folder := _folder(run))}
    keys = {(folder, step): f"{folder}{step}.json" for folder in list(folders)[:COUNT] for step in (TRAIN, *OTHERS)}
    contents = documents.documents(keys.values())
    fits, others = [], []
    for folder, run in folders.items():
        results = {step: Timed.of(contents.get(key)) for (parent, step), key in keys.items() if parent == folder}
        seconds, count = _seconds(results[TRAIN]), _fits(run, world)
        if seconds and count:
            fits.append(seconds / count)
            others.append(sum(_seconds(results[step]) for step in OTHERS))
    return Pace(median(fits), median(others), len(fits), "experiment") if fits else None


def pace_of_daily_runs(documents: Documents, runs: Sequence[Run]) -> Pace | None:
    """The pace of the newest daily runs; None where none trained anything."""
    keys = [f"runs/{run.session}/{run.slug}/train.json" for run in runs if run.session and run.slug][:COUNT]
    contents = documents.documents(keys)
    fits = [
        _seconds(result) / result.fits
        for result in map(Timed.of, contents.values())
        if _seconds(result) and result.fits > 0
    ]
    return Pace(median(fits), None, len(fits), "daily run") if fits else None


def _folder(run: Run) -> str:
    """Where the results of an experiment's run lie; empty for one that was never opened."""
    if not _DAY.fullmatch(run.session) or not run.opened.run_id:
        return ""
    try:
        return f"runs/{run.session}/{run_slug(run.opened.run_id)}/"
    except ConfigError:
        return ""


def _fits(run: Run, world: World) -> int:
    """The number of models that a run fitted; 0 where its request is of another version."""
    try:
        request = parse_request(run.opened.request)
        return outline(request, world.base, len(world.sessions(request.first, request.last))).fits
    except (ConfigError, CalendarBoundsError):
        return 0


def _seconds(result: Timed) -> float:
    """The seconds that a step took; 0 where it did nothing or recorded none."""
    return 0.0 if result.noop else float(result.seconds)
