"""A table that gets a file a commit, folded on the way; writes what a reader saw as JSON."""

from __future__ import annotations

import json
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from afterbell.config.runtime import Runtime
from afterbell.lake import compact_small_files as folding
from afterbell.lake.commit import at_snapshot, ensure_table, find_commit, head, publish_branch
from afterbell.lake.compact_small_files import fold
from afterbell.lake.files import commit_files, write_files
from afterbell.lake.scan import plan_files, read_files
from afterbell.lake.shape import shape_of
from afterbell.lake.snapshots import live, summary
from afterbell.lake.spark import lake_session
from afterbell.lake.tables import BARS, SYMBOLS, Table
from afterbell.quality.branch import BranchReader

FEW, COMMITS = 3, 9
START = datetime(2016, 6, 1, 20, 30, tzinfo=UTC)


class Scenario:
    def __init__(self) -> None:
        folding.FEW = FEW
        self.runtime = Runtime.from_env()
        self.spark = lake_session(self.runtime, "scenario")
        for table in (SYMBOLS, BARS):
            ensure_table(self.spark, table)
            live(self.spark, table).updateProperties().remove("commit.manifest.min-count-to-merge").commit()
            ensure_table(self.spark, table)

    def branch(self, table: Table, number: int, name: str) -> None:
        """What an ingest does: fold, then add two rows."""
        shape, at, known = shape_of(self.spark, table), head(self.spark, table), START + timedelta(days=number)
        rows = pl.DataFrame(
            {"symbol": [f"B{number}", f"A{number}"], "knowledge_time": known, "drop_id": f"drop-{number}"}
        )
        rows = rows.with_columns(session=date(2016, 6, 1))
        lacking = [name for name in shape.schema.names if name not in rows.columns]
        rows = rows.with_columns(pl.lit(None).alias(name) for name in lacking)
        files = write_files(rows, shape, self.runtime.s3)
        fold(self.spark, table, shape, self.runtime.s3, name, at)
        commit_files(self.spark, table, files, f"commit-{number}", name, at)

    def look(self, table: Table, branch: str) -> dict[str, Any]:
        """The branch as an audit sees it, and main beside it."""
        reader, main = BranchReader(self.spark, self.runtime.s3, branch), head(self.spark, table)
        there = head(self.spark, table, branch)
        return {
            "added": sorted(reader.added(table)["symbol"].to_list()),
            "added_on_spark": sorted(row.symbol for row in reader.added_on_spark(table).collect()),
            "files": len(plan_files(self.spark, table, there)),
            "main": [len(self.symbols(table, main)), int(summary(self.spark, table, main)["total-records"])],
        }

    def symbols(self, table: Table, snapshot: int) -> list[str]:
        files = plan_files(self.spark, table, snapshot)
        found = read_files(files, shape_of(self.spark, table), self.runtime.s3)
        return sorted(found["symbol"].to_list())

    def history(self) -> dict[str, Any]:
        seen: dict[str, Any] = {"looks": [], "heads": []}
        for number in range(COMMITS):
            self.branch(SYMBOLS, number, "audit_x")
            seen["looks"].append(self.look(SYMBOLS, "audit_x"))
            publish_branch(self.spark, SYMBOLS, "audit_x")
            seen["heads"].append(head(self.spark, SYMBOLS))
        seen["rows"] = [self.symbols(SYMBOLS, at) for at in seen["heads"]]
        spark_rows = at_snapshot(self.spark, SYMBOLS, seen["heads"][-1]).collect()
        seen["spark_rows"] = sorted(row.symbol for row in spark_rows)
        seen["commits"] = [find_commit(self.spark, SYMBOLS, f"commit-{number}") for number in range(COMMITS)]
        return seen

    def given_up(self) -> dict[str, Any]:
        """A branch that folded and was never published goes, and its snapshots expire."""
        for number in range(COMMITS, COMMITS + FEW):
            self.branch(SYMBOLS, number, "audit_x")
            files = self.look(SYMBOLS, "audit_x")["files"]
            if files == 2:  # the folded one and the new one
                break
            publish_branch(self.spark, SYMBOLS, "audit_x")
        main, gone = head(self.spark, SYMBOLS), head(self.spark, SYMBOLS, "audit_x")
        table = live(self.spark, SYMBOLS)
        own = [gone, int(table.snapshot(gone).parentId())]
        before = self.symbols(SYMBOLS, main)
        table.manageSnapshots().removeBranch("audit_x").commit()
        ids = ", ".join(map(str, own))
        self.spark.sql(
            f"CALL lake.system.expire_snapshots(table => '{SYMBOLS.name}', snapshot_ids => ARRAY({ids}), "
            "older_than => TIMESTAMP '1970-01-01 00:00:00')"
        ).collect()
        left = [live(self.spark, SYMBOLS).snapshot(at) is not None for at in own]
        return {"files": files, "left": left, "same": self.symbols(SYMBOLS, main) == before, "rows": len(before)}

    def partitioned(self) -> int:
        for number in range(FEW + 2):
            self.branch(BARS, number, "audit_x")
            publish_branch(self.spark, BARS, "audit_x")
        return len(plan_files(self.spark, BARS, head(self.spark, BARS)))


def main() -> None:
    scenario = Scenario()
    seen = {
        "properties": str(live(scenario.spark, SYMBOLS).properties().get("commit.manifest.min-count-to-merge")),
        "history": scenario.history(),
        "given_up": scenario.given_up(),
        "partitioned": scenario.partitioned(),
    }
    Path(sys.argv[1]).write_text(json.dumps(seen, default=str), encoding="utf-8")


if __name__ == "__main__":
    main()
