"""Lakes side by side in one driver, filled by the pipeline's own steps, and compared row by row."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from pyspark.sql import SparkSession

from afterbell.config.runtime import Runtime
from afterbell.errors import AfterbellError
from afterbell.ingest.job import ingest
from afterbell.lake.reader import scan
from afterbell.lake.spark import lake_session
from afterbell.quality.job import validate
from afterbell.run.job import StepArgs
from afterbell.run.steps import step_named

CONTENT = (
    "market.bars",
    "market.corporate_actions",
    "market.quarantine",
    "market.evidence",
    "market.instruments",
    "market.reported_actions",
    "market.minute_bars",
    "market.symbols",
    "market.fundamentals",
    "raw.drops",
)
"""The tables that must be the same however the drops came in."""


@dataclass(frozen=True)
class Done:
    """One session's run.

    Attributes:
        session: which.
        ingest: seconds of that step.
        validate: seconds of that step.
        error: what ended it, empty where it went through.
    """

    session: date
    ingest: float
    validate: float
    error: str = ""


def open_lake(home: Path, name: str, *, keep_context: bool = False) -> tuple[Runtime, SparkSession]:
    """The lake ``name`` below ``home``, and a session on it; the one that was open in this process is closed.

    Args:
        home: takes the lake's files.
        name: of the lake, and of the session.
        keep_context: leave Spark's context and its Python workers to the new session. A run that is measured begins
            with new ones, as a driver does; a test has no need of that.
    """
    active = SparkSession.getActiveSession()
    if active is not None and keep_context:
        _take_over(active.newSession())
    elif active is not None:
        active.stop()
    os.environ["AFTERBELL_LAKE_CATALOG"] = f"jdbc:sqlite:{home}/{name}.db"
    os.environ["AFTERBELL_LAKE_WAREHOUSE"] = f"file:{home}/{name}"
    runtime = Runtime.from_env()
    return runtime, lake_session(runtime, name)


def _take_over(session: SparkSession) -> None:
    """Have ``session`` be the one that everybody is given from now on; its catalogs are opened by its own settings."""
    SparkSession._instantiatedSession = SparkSession._activeSession = session  # noqa: SLF001 - no public way replaces them
    session._jvm.SparkSession.setDefaultSession(session._jsparkSession)  # noqa: SLF001
    session._jvm.SparkSession.setActiveSession(session._jsparkSession)  # noqa: SLF001


class Lake:
    """A lake of its own below ``home``; opening one closes the one that was open in this process.

    Attributes:
        runtime: the stores, this lake among them.
        spark: a session on it.
    """

    def __init__(self, home: Path, name: str, *, keep_context: bool = False) -> None:
        self.name = name
        self.runtime, self.spark = open_lake(home, name, keep_context=keep_context)

    def args(self, step: str, session: date, **inputs: object) -> StepArgs[Any]:
        """Arguments of a step of the run of ``session``, with hours to go."""
        parsed = step_named(step).inputs.parse(step, json.dumps(inputs, default=str))
        return StepArgs(step, session, f"{self.name}_{session}", datetime.now(UTC) + timedelta(hours=6), parsed)

    def run(self, session: date) -> Done:
        """Ingest and validate one session."""
        began = time.perf_counter()
        middle = began
        try:
            result = ingest(self.args("ingest", session))
            middle = time.perf_counter()
            validate(self.args("validate", session, branch=result.branch))
        except AfterbellError as error:
            end = time.perf_counter()
            return Done(session, middle - began, end - middle, f"{type(error).__name__}: {error}")
        return Done(session, middle - began, time.perf_counter() - middle)

    def run_all(self, sessions: Sequence[date], on_done: Callable[[Done], None] = lambda _: None) -> list[Done]:
        """Every session on its own, in order; one that fails is left to the next, as on a real day."""
        results = []
        for session in sessions:
            results.append(self.run(session))
            on_done(results[-1])
        return results


def content(runtime: Runtime, table: str) -> pl.DataFrame:
    """All rows of a table, every column, sorted by all of them; read without Spark."""
    rows = pl.DataFrame(pl.from_arrow(scan(runtime, table)))
    return rows.sort(rows.columns, nulls_last=True)


def differences(one: Runtime, other: Runtime) -> dict[str, dict[str, Any]]:
    """Rows of each table in both lakes, and those that only one of them has, counted, with three samples."""
    comparisons = {}
    for table in CONTENT:
        left, right = content(one, table), content(other, table)
        same = left.equals(right)
        keys = left.columns
        extra = left.clear() if same else left.join(right, on=keys, how="anti", nulls_equal=True)
        missing = left.clear() if same else right.join(left, on=keys, how="anti", nulls_equal=True)
        comparisons[table] = {
            "rows": [left.height, right.height],
            "equal": same,
            "only_in": [extra.height, missing.height],
            "samples": [str(row) for frame in (extra, missing) for row in frame.head(3).rows(named=True)],
        }
    return comparisons
