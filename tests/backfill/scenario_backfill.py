"""Five sessions filled natively and as a range, broken off, overlapped and out of order. Real S3, HDFS and Spark.

Writes what it saw as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import polars as pl

from afterbell.backfill import run as jobs
from afterbell.backfill.__main__ import main as plan_step
from afterbell.backfill.repository import Shelf
from afterbell.config.runtime import Runtime
from afterbell.errors import AfterbellError, StoreUnavailableError
from afterbell.features.job import features
from afterbell.ingest.job import ingest
from afterbell.ingest.write import AUDITED
from afterbell.lake.commit import publish_branch
from afterbell.lake.reader import scan
from afterbell.quality import job as audit
from afterbell.run.job import StepArgs
from afterbell.simulation.feed import deliveries
from afterbell.simulation.market import MarketSpec, simulate
from afterbell.stores.artifacts import ArtifactStore
from afterbell.stores.upload import upload
from bench.lakes import Lake, differences
from tests.steps import call_step, step_args

SETS = ("core", "fundamental")
BEFORE, RANGE, AFTER = 24, 5, 4
"""Sessions that are there already, that are filled, and that come later."""
SPEC = MarketSpec(symbols=40, sessions=BEFORE + RANGE + AFTER, last_session=date(2026, 3, 31))


def stored(lake: Lake, sessions: list[date]) -> dict[str, pl.DataFrame]:
    """Feature rows of some sessions; the snapshot that they were computed from is another in each lake."""
    found = {}
    for name in SETS:
        rows = pl.DataFrame(pl.from_arrow(scan(lake.runtime, f"features.{name}"))).drop("input_snapshot")
        found[name] = rows.filter(pl.col("session").is_in(sessions)).sort("session", "symbol")
    return found


def known_each_evening(lake: Lake, sessions: list[date]) -> list[Any]:
    """What was known of every bar at the end of each session's day."""
    bars = pl.DataFrame(pl.from_arrow(scan(lake.runtime, "market.bars"))).sort("knowledge_time", "revision")
    evenings = []
    for session in sessions:
        end = datetime(session.year, session.month, session.day, tzinfo=UTC) + timedelta(hours=29)
        seen = bars.filter(pl.col("knowledge_time") < end).unique(["symbol", "session"], keep="last")
        values = seen.select("symbol", "session", "open", "high", "low", "close", "volume", "adj_close")
        evenings.append(str(values.sort("symbol", "session").hash_rows(7).sum()) + f" {values.height}")
    return evenings


class Scenario:
    def __init__(self, home: Path) -> None:
        self.home = home
        os.environ["AFTERBELL_FEED_BUCKET"] = "backfill-drops"
        os.environ["AFTERBELL_HDFS_ROOT"] += "/backfill-drops"
        market = simulate(SPEC)
        self.days = list(market.dates)
        self.range = self.days[BEFORE : BEFORE + RANGE]
        runtime = Runtime.from_env()
        upload(deliveries(market), runtime)
        self.store = ArtifactStore(runtime.s3)
        self.store.ensure_bucket()
        self.runs = 0

    def lake(self, name: str) -> Lake:
        """A lake that has the sessions before the range, without features."""
        print(f"scenario: lake {name}", file=sys.stderr, flush=True)
        lake = Lake(self.home, name, keep_context=True)
        self.land(lake, self.days[BEFORE - 1])
        return lake

    def land(self, lake: Lake, session: date, **span: str) -> dict[str, Any]:
        """The first two data steps of a session's run."""
        done = ingest(lake.args("ingest", session, **span))
        return call_step(audit.validate, lake.args("validate", session, branch=done.branch, **span))

    def day(self, lake: Lake, session: date, **span: str) -> None:
        """The data steps of a session's run."""
        heads = self.land(lake, session, **span)
        handed = {name: heads[name] for name in ("bars_snapshot", "actions_snapshot", "filings_snapshot")}
        features(lake.args("features", session, **handed, factor_sets=list(SETS)))

    def args(self, step: str, **inputs: Any) -> StepArgs[Any]:
        deadline = datetime.now(UTC) + timedelta(hours=1)
        return step_args(step, date(2026, 4, 1), f"manual__{self.runs}", deadline, inputs)

    def plan(self, **more: Any) -> dict[str, Any]:
        request = {"first": self.range[0].isoformat(), "last": self.range[-1].isoformat(), "chunk_sessions": 2,
                   "factor_sets": list(SETS)}  # fmt: skip
        told = {"request": request | more, "reason": "the scenario wants them", "asked_by": "tests", "plan_only": False}
        self.runs += 1
        return call_step(plan_step, self.args("backfill_plan", **told))

    def fill(self, planned: dict[str, Any]) -> dict[str, Any]:
        """Both steps, as the DAG runs them; what they return, or the error that ended them."""
        try:
            args = {"backfill_id": planned["backfill_id"]}
            done = {}
            if planned["todo"]["ingest"]:
                done["ingest"] = call_step(jobs.backfill_ingest, self.args("backfill_ingest", **args))
            if planned["todo"]["features"]:
                done["features"] = call_step(jobs.backfill_features, self.args("backfill_features", **args))
        except AfterbellError as error:
            return {"error": f"{type(error).__name__}: {error}"}
        return done

    def native(self) -> Lake:
        """A run for each session of the range."""
        lake = self.lake("native")
        for session in self.range:
            self.day(lake, session)
        return lake

    def as_a_range(self, native: Lake) -> dict[str, Any]:
        """Broken off in its second chunk, gone on with, and asked for once more."""
        lake = self.lake("range")
        planned = self.plan()
        with patch.object(audit, "publish", once_broken(audit.publish, at=2)):
            broken = self.fill(planned)
        state = Shelf(self.store).state(planned["backfill_id"]).model_dump(mode="json")
        again = self.plan()
        went_on = self.fill(again)
        finally_ = self.plan()
        tables = differences(native.runtime, lake.runtime)
        one, other = stored(native, self.range), stored(lake, self.range)
        return {
            "planned": planned,
            "broken": broken,
            "state": state,
            "again": again["todo"],
            "went_on": went_on,
            "finally": finally_["todo"],
            "end": Shelf(self.store).state(planned["backfill_id"]).model_dump(mode="json"),
            "record": Shelf(self.store).record(planned["backfill_id"]).model_dump(mode="json"),
            "ids": [planned["backfill_id"], again["backfill_id"], finally_["backfill_id"]],
            "tables": tables,
            "features": {name: [one[name].height, other[name].height, one[name].equals(other[name])] for name in SETS},
        }

    def overlapped(self) -> dict[str, Any]:
        """A daily run takes in the same sessions between a chunk's audit and its publishing."""
        lake = self.lake("overlap")
        planned = self.plan(steps=["ingest"], chunk_sessions=5)
        looks = []

        def active(*_: object) -> list[str]:
            looks.append(1)
            if len(looks) == 2:
                self.land(lake, self.range[-1])
            return []

        with patch.object(jobs, "active", active):
            done = self.fill(planned)
        bars = pl.DataFrame(pl.from_arrow(scan(lake.runtime, "market.bars")))
        return {
            "done": done,
            "twice": bars.height - bars.unique(["symbol", "session", "revision"]).height,
            "sessions": bars.filter(pl.col("session").is_in(self.range))["session"].n_unique(),
        }

    def out_of_order(self) -> dict[str, Any]:
        """Later sessions first, then the range; beside a lake that had all of them in order."""
        later = self.days[BEFORE + RANGE :]
        lake = self.lake("late")
        self.day(lake, later[-1], since=later[0].isoformat(), until=later[-1].isoformat())
        planned = self.plan()
        done = self.fill(planned)
        late = {"features": stored(lake, self.range), "evenings": known_each_evening(lake, self.range + later)}
        native = Lake(self.home, "native", keep_context=True)
        for session in later:
            self.day(native, session)
        same = {name: late["features"][name].equals(frame) for name, frame in stored(native, self.range).items()}
        return {
            "done": done,
            "stale": {one["name"]: one["stale"] for one in planned["plan"]["features"]},
            "later": [day.isoformat() for day in later],
            "features": same,
            "evenings": [late["evenings"], known_each_evening(native, self.range + later)],
        }


def once_broken(publish: Any, at: int) -> Any:
    """``publish`` that fails at its ``at``-th call, after it has published the first of the tables."""
    calls = []

    def act(*given: Any) -> None:
        calls.append(1)
        if len(calls) == at:
            publish_branch(given[0], AUDITED[0], given[1])
            raise StoreUnavailableError("the catalog went away")
        publish(*given)

    return act


def main() -> None:
    home = Path(sys.argv[1]).parent
    scenario = Scenario(home)
    seen = {"range": scenario.as_a_range(scenario.native()), "overlap": scenario.overlapped()}
    seen["late"] = scenario.out_of_order()
    Path(sys.argv[1]).write_text(json.dumps(seen, default=str), encoding="utf-8")


if __name__ == "__main__":
    main()
