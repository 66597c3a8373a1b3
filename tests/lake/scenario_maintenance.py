"""A lake with a history, a release that names one of its snapshots, and rounds of maintenance on it; JSON of it all."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from afterbell.config.runtime import Runtime
from afterbell.errors import AfterbellError
from afterbell.lake import maintenance
from afterbell.lake.append import append_once
from afterbell.lake.bars import BarsQuery, bar_as_known
from afterbell.lake.commit import at_snapshot, ensure_table, find_commit, has_branch, head
from afterbell.lake.maintenance_named import read_named
from afterbell.lake.maintenance_plan import load_keep
from afterbell.lake.spark import lake_session
from afterbell.lake.tables import BARS, SYMBOLS
from afterbell.stores.artifacts import ArtifactStore
from spark_jobs import maintain as maintaining
from spark_jobs.maintain import maintain
from tests.lake.branches import open_branch
from tests.lake.places import Place, place_of
from tests.steps import call_step, step_args

SESSIONS = [date(2016, 6, day) for day in (23, 24, 27, 28, 29, 30)]
INSTANT = datetime(2016, 6, 30, 12, tzinfo=UTC)
DEADLINE = datetime(2016, 6, 30, 22, tzinfo=UTC)


class Scenario:
    def __init__(self, place: Place) -> None:
        self.place = place
        self.runtime = Runtime.from_env()
        self.spark = lake_session(self.runtime, "scenario")
        self.store = ArtifactStore(self.runtime.s3)
        self.store.ensure_bucket()
        self.started = datetime.now(UTC)
        for table in (BARS, SYMBOLS):
            ensure_table(self.spark, table)
        self.snapshots = [self.append(index) for index in range(len(SESSIONS))]
        self.branch()
        self.publish()

    def append(self, index: int) -> int:
        """One session's bars, and from the second on a restated volume of the session before: one small file each."""
        known = datetime(2016, 6, SESSIONS[index].day, 20, 30, tzinfo=UTC)
        rows = [(symbol, index, 100 + index, 0) for symbol in ("A", "B", "C")]
        rows += [("A", index - 1, 900 + index, 1)] if index else []
        frame = self.spark.createDataFrame(
            [
                (symbol, SESSIONS[day], 10.0, 11.0, 9.0, 10.5, volume, 10.5, known, revision, f"drop-{index}")
                for symbol, day, volume, revision in rows
            ],
            self.spark.table(BARS.full_name).schema,
        )
        return append_once(frame.coalesce(1), BARS, f"commit-{index}")[0]

    def branch(self) -> None:
        open_branch(self.spark, SYMBOLS, "audit_open_1")
        row = ("A", "Alpha", SESSIONS[0], "listed", INSTANT, "drop-0")
        frame = self.spark.createDataFrame([row], self.spark.table(SYMBOLS.full_name).schema)
        append_once(frame, SYMBOLS, "audited", "audit_open_1")

    def publish(self) -> None:
        """A release names the second snapshot, a young run the fourth."""
        manifest = {"release_id": "2016-06-24-aaaaaaaaaaaa", "inputs": {"bars_snapshot": self.snapshots[1]}}
        self.store.put("releases/2016-06-24-aaaaaaaaaaaa/manifest.json", json.dumps(manifest).encode())
        self.store.put("runs/2016-06-28/r/validate.json", json.dumps({"bars_snapshot": self.snapshots[3]}).encode())

    def orphans(self) -> list[str]:
        """Two files that no snapshot names: one five days old, one of an hour ago, as a running job leaves them."""
        folder = self.place.data_files(BARS.name)[0].rpartition("/")[0]
        made = [f"{folder}/old.parquet", f"{folder}/young.parquet"]
        for path, age in zip(made, (timedelta(days=5), timedelta(hours=1)), strict=True):
            self.place.put(path, age)
        return made

    def rows(self) -> list[list[str]]:
        """What each snapshot of the history holds; an error's name where it is gone."""
        found = []
        for snapshot in self.snapshots:
            try:
                found.append(sorted(str(row) for row in at_snapshot(self.spark, BARS, snapshot).collect()))
            except Exception as error:  # noqa: BLE001 - Spark's own, by name
                found.append([type(error).__name__])
        return found

    def as_of(self) -> list[str]:
        """Every bar that was known at the end of the fifth session."""
        asked = [BarsQuery(symbol, session, SESSIONS[4]) for symbol in ("A", "B", "C") for session in SESSIONS]
        found = [bar_as_known(self.runtime, question) for question in asked]
        return [str(bar) for bar in found if bar is not None]

    def job(self, *, dry_run: bool) -> dict[str, Any]:
        inputs = {"now": datetime.now(UTC).isoformat(), "dry_run": dry_run}
        return call_step(maintain, step_args("maintain", SESSIONS[-1], "maintenance__1", DEADLINE, inputs))

    def ahead(self, days: int) -> dict[str, Any]:
        """A round on a machine whose clock is ``days`` ahead."""
        wrong = datetime.now(UTC) + timedelta(days=days)
        right, maintaining._clock = maintaining._clock, lambda: wrong
        try:
            inputs = {"now": wrong.isoformat(), "dry_run": False}
            return call_step(maintain, step_args("maintain", SESSIONS[-1], "maintenance__ahead", DEADLINE, inputs))
        finally:
            maintaining._clock = right

    def later(self, days: int) -> dict[str, Any]:
        """A round as it will be ``days`` from now, orphans apart: Iceberg refuses to look for those of today."""
        keep, now = load_keep(), self.started + timedelta(days=days)
        this = maintenance.Round(now, keep, read_named(self.store, keep.runs_before(now)), dry_run=False)
        orphans, maintenance._remove_orphans = maintenance._remove_orphans, lambda *_: {"orphans": 0}
        try:
            return {table.name: maintenance.tend(self.spark, table, this) for table in (BARS, SYMBOLS)}
        finally:
            maintenance._remove_orphans = orphans

    def look(self) -> dict[str, Any]:
        return {
            "rows": self.rows(),
            "as_of": self.as_of(),
            "files": len(self.place.data_files(BARS.name)),
            "branch": has_branch(self.spark, SYMBOLS, "audit_open_1"),
            "head": head(self.spark, BARS),
        }

    def rerun(self) -> dict[str, Any]:
        """The step that committed the fifth session comes again, its snapshot expired."""
        before = head(self.spark, BARS)
        frame = self.spark.table(BARS.full_name).limit(1)
        snapshot, wrote = append_once(frame, BARS, "commit-4")
        found = {index: find_commit(self.spark, BARS, f"commit-{index}") for index in range(len(SESSIONS))}
        return {
            "wrote": wrote,
            "moved": head(self.spark, BARS) != before,
            "holds_its_rows": at_snapshot(self.spark, BARS, snapshot).where("drop_id = 'drop-4'").count(),
            "own_snapshot": [index for index, at in found.items() if at == self.snapshots[index]],
            "lost": [index for index, at in found.items() if at is None],
        }

    def unreadable(self) -> str:
        """A release whose manifest is broken: nobody knows what it names."""
        self.store.put("releases/2016-06-30-bbbbbbbbbbbb/manifest.json", b"{")
        try:
            self.job(dry_run=False)
        except AfterbellError as error:
            return f"{type(error).__name__}: {error}"
        return "nothing was raised"


def main() -> None:
    maintenance._SPARE_MANIFESTS = 3
    with place_of(os.environ["KIND_OF_WAREHOUSE"]) as place:
        seen = run(Scenario(place))
    Path(sys.argv[1]).write_text(json.dumps(seen, default=str), encoding="utf-8")


def run(scenario: Scenario) -> dict[str, Any]:
    """Rounds now and in ten days, and what they left."""
    made = scenario.orphans()
    seen: dict[str, Any] = {"before": scenario.look()}
    seen["dry"] = scenario.job(dry_run=True)
    seen["after_dry"] = scenario.look()
    seen["first"] = scenario.job(dry_run=False)
    seen["after_first"] = scenario.look() | {"orphans": [scenario.place.exists(path) for path in made]}
    seen["second"] = scenario.job(dry_run=False)
    seen["ahead"] = scenario.ahead(days=30)
    seen["after_ahead"] = scenario.look()
    scenario.place.remove(made[1])
    seen["later"] = scenario.later(10)
    seen["after_later"] = scenario.look()
    seen["later_again"] = scenario.later(10)
    seen["rerun"] = scenario.rerun()
    seen["unreadable"] = scenario.unreadable()
    seen["after_all"] = scenario.look()
    return seen


if __name__ == "__main__":
    main()
