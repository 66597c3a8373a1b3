"""A lake in a folder of its own, and the steps of a run on it; for scenarios, which are Spark drivers."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from afterbell.errors import AfterbellError
from afterbell.ingest.job import ingest
from afterbell.ingest.write import AUDITED
from afterbell.lake.commit import head
from afterbell.quality.job import validate
from afterbell.run.job import StepArgs
from bench.lakes import open_lake
from tests.steps import call_step, step_args


class Lake:
    """One lake, and the runs on it; opening one closes the one that was open in this process."""

    def __init__(self, home: Path, name: str) -> None:
        self.name = name
        self.runtime, self.spark = open_lake(home, name, keep_context=True)

    def args(self, step: str, session: date, run: str, **inputs: object) -> StepArgs[Any]:
        return step_args(step, session, f"{self.name}_{run}", datetime.now(UTC) + timedelta(minutes=20), inputs)

    def ingest(self, session: date, run: str) -> dict[str, Any]:
        return call_step(ingest, self.args("ingest", session, run))

    def validate(self, session: date, branch: str, run: str) -> dict[str, Any]:
        return call_step(validate, self.args("validate", session, run, branch=branch))

    def run(self, session: date, run: str) -> dict[str, Any]:
        """Both steps: their results, or the error that ended them."""
        try:
            first = self.ingest(session, run)
            return {"ingest": first, "validate": self.validate(session, first["branch"], run)}
        except AfterbellError as error:
            return {"error": f"{type(error).__name__}: {error}"}

    def heads(self) -> dict[str, int]:
        return {table.name: head(self.spark, table) for table in AUDITED}
