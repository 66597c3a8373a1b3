"""Ingest and validate against real S3, HDFS and Spark: in bulk, day by day, and with what goes wrong.

Writes what it saw as JSON. Each lake is a folder of its own; the stores are shared by all of them.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from afterbell.config.runtime import Runtime
from afterbell.errors import AfterbellError
from afterbell.ingest.write import AUDITED
from afterbell.lake.commit import has_branch, publish_branch
from afterbell.lake.tables import BARS, DROPS, RUNS
from afterbell.stores.factory import drop_store
from spark_jobs.ingest import ingest
from tests import lakes
from tests.ingest import world

LAST = len(world.DAYS) - 1
CONTENT = ("market.bars", "market.corporate_actions", "market.symbols", "market.fundamentals", "market.quarantine")


class Lake(lakes.Lake):
    """One lake, and the runs on it; a session is told by its number."""

    def ingest(self, session: int, run: str = "") -> dict[str, Any]:
        return super().ingest(world.day(session), run or str(session))

    def validate(self, session: int, branch: str, run: str = "") -> dict[str, Any]:
        return super().validate(world.day(session), branch, run or str(session))

    def run(self, session: int, run: str = "") -> dict[str, Any]:
        return super().run(session, run)

    def rows(self, table: str) -> list[list[str]]:
        frame = self.spark.table(f"lake.{table}")
        return sorted([str(value) for value in row] for row in frame.collect())

    def content(self) -> dict[str, list[list[str]]]:
        return {table: self.rows(table) for table in CONTENT}

    def ledger(self) -> list[list[str]]:
        frame = self.spark.table(DROPS.full_name).selectExpr("key", "state", "coalesce(reason, '')")
        return sorted(list(row) for row in frame.collect())


class Scenario:
    def __init__(self, home: Path) -> None:
        self.home = home
        os.environ["AFTERBELL_FEED_BUCKET"] = "ingest-drops"
        os.environ["AFTERBELL_HDFS_ROOT"] += "/ingest-drops"
        runtime = Runtime.from_env()
        self.stores = {kind: drop_store(kind, runtime) for kind in ("s3", "hdfs")}
        self.stores["s3"].ensure_bucket()  # type: ignore[attr-defined]
        for (store, key), body in world.deliveries().items():
            self.stores[store].put(key, body)

    def deliver(self, number: int, body: bytes) -> None:
        self.stores["s3"].put(world.prices_key(world.day(number)), body)

    def bulk(self) -> tuple[Lake, dict[str, Any]]:
        lake = Lake(self.home, "bulk")
        seen = {"first": lake.run(LAST), "ledger": lake.ledger(), "content": lake.content(), "heads": lake.heads()}
        seen["files"] = lake.spark.table(f"{BARS.full_name}.files").count()
        seen["again"] = lake.run(LAST)
        seen["heads_again"] = lake.heads()
        seen["verdicts"] = [
            list(row) for row in lake.spark.table(RUNS.full_name).selectExpr("step", "verdict").collect()
        ]
        return lake, seen

    def later(self, lake: Lake) -> dict[str, Any]:
        """On top of the bulk: a session too thin, its good delivery, other bytes, the same bytes, too much rubbish."""
        seen: dict[str, Any] = {}
        before, at = lake.heads(), LAST + 1
        seen["missing"] = lake.run(at, "early")
        self.deliver(at, world.prices(at, world.SYMBOLS[:10]))
        seen["thin"] = lake.run(at, "thin")
        seen["unmoved"] = before == lake.heads()
        seen["main_rows"] = len(lake.rows("raw.drops"))
        self.deliver(at, world.prices(at))
        seen["good"] = lake.run(at, "good")
        changed = [world.HEADER, *(world.line(symbol, n, at) for symbol in world.SYMBOLS for n in (at, at - 1))]
        changed = [line.replace(",32.", ",33.") if line.startswith("S11,") else line for line in changed]
        self.deliver(at, world.packed(changed))
        first_report = world.reports_key(world.day(1))
        self.stores["hdfs"].put(first_report, world.deliveries()["hdfs", first_report])
        seen["revised"] = lake.run(at, "revised")
        seen["revisions"] = [
            row for row in lake.rows("market.bars") if row[0] == "S11" and row[1] == str(world.day(at))
        ]
        rubbish = [f"S{n:02d},{world.day(at + 1)},N/A,1.00,1.00,1.00,1,1.00" for n in range(25)]
        rows = [world.line(symbol, n, at + 1) for symbol in world.SYMBOLS for n in (at + 1, at)]
        self.deliver(at + 1, world.packed([world.HEADER, *rows, *rubbish]))
        heads = lake.heads()
        seen["rubbish"] = lake.run(at + 1, "rubbish")
        seen["unmoved_again"] = heads == lake.heads()
        return seen

    def crash(self, lake: Lake) -> dict[str, Any]:
        """Publishing broke off after the bars: validate goes on with the rest; then ingest has nothing to do."""
        at = LAST + 2
        self.deliver(at, world.prices(at))
        first = lake.ingest(at, "crash")
        publish_branch(lake.spark, BARS, first["branch"])
        seen = {"validate": lake.validate(at, first["branch"], "crash"), "again": lake.ingest(at, "after")}
        seen["left"] = [table.name for table in AUDITED if has_branch(lake.spark, table, first["branch"])]
        return seen

    def daily(self) -> dict[str, Any]:
        """A first run up to session 7, then day by day; the session whose drop is empty fails on its own day."""
        lake = Lake(self.home, "daily")
        seen: dict[str, Any] = {number: lake.run(number) for number in (7, world.EMPTY, 9, LAST)}
        return {"runs": seen, "content": lake.content()}

    def corrupt(self) -> dict[str, Any]:
        lake = Lake(self.home, "corrupt")
        seen = {"own": lake.run(world.CORRUPT), "rows": len(lake.rows("raw.drops"))}
        os.environ["AFTERBELL_FEED_BUCKET"] = "ingest-empty"
        empty = drop_store("s3", Runtime.from_env())
        empty.ensure_bucket()  # type: ignore[attr-defined]
        seen["no_drops"] = lake.run(3)
        try:
            ingest(lake.args("ingest", world.HOLIDAY, "holiday"))
        except AfterbellError as error:
            seen["holiday"] = f"{type(error).__name__}: {error}"
        return seen


def main() -> None:
    scenario = Scenario(Path(sys.argv[1]).parent)
    seen: dict[str, Any] = {"daily": scenario.daily()}
    lake, seen["bulk"] = scenario.bulk()
    seen["later"] = scenario.later(lake)
    seen["crash"] = scenario.crash(lake)
    seen["corrupt"] = scenario.corrupt()
    Path(sys.argv[1]).write_text(json.dumps(seen, default=str), encoding="utf-8")


if __name__ == "__main__":
    main()
