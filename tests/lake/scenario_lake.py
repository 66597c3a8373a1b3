"""Commits, branches, as-of reads and the record of runs on a lake of its own; writes what it saw as JSON."""

from __future__ import annotations

import json
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
from pyspark.sql import DataFrame

from afterbell.config.runtime import Runtime
from afterbell.errors import AfterbellError
from afterbell.lake import append
from afterbell.lake.append import append_once
from afterbell.lake.commit import (
    added_rows,
    at_snapshot,
    ensure_table,
    find_commit,
    has_branch,
    head,
    publish_branch,
)
from afterbell.lake.files import commit_files, write_files
from afterbell.lake.scan import plan_files, read_files
from afterbell.lake.shape import shape_of
from afterbell.lake.snapshots import ancestry
from afterbell.lake.spark import lake_session
from afterbell.lake.tables import ALL, BARS, MINUTE_BARS, RUNS, SYMBOLS
from afterbell.run.contracts.data import IngestInputs
from afterbell.run.job import StepArgs
from afterbell.run.record import record_run
from tests.lake.branches import open_branch

SESSION = date(2016, 6, 29)
# volume, knowledge time, revision: restated the next evening, and once more a week later
KNOWN = [
    (100, datetime(2016, 6, 29, 20, 30, tzinfo=UTC), 0),
    (120, datetime(2016, 6, 30, 20, 30, tzinfo=UTC), 1),
    (130, datetime(2016, 7, 6, 20, 30, tzinfo=UTC), 2),
    (131, datetime(2016, 7, 6, 20, 30, tzinfo=UTC), 3),
]


class Scenario:
    def __init__(self) -> None:
        self.spark = lake_session(Runtime.from_env(), "scenario")
        for table in ALL:
            ensure_table(self.spark, table)
            ensure_table(self.spark, table)

    def bars(self, *known: tuple[int, datetime, int], symbol: str = "AA") -> DataFrame:
        rows = [
            (symbol, SESSION, 10.0, 11.0, 9.0, 10.5, volume, 10.5, at, revision, f"drop-{revision}")
            for volume, at, revision in known
        ]
        return self.spark.createDataFrame(rows, self.spark.table(BARS.full_name).schema)

    def volumes(self, frame: DataFrame | None) -> list[int] | None:
        return None if frame is None else sorted(row.volume for row in frame.collect())

    def commits(self) -> dict[str, Any]:
        first, wrote = append_once(self.bars(KNOWN[0]), BARS, "one")
        again, wrote_again = append_once(self.bars(KNOWN[0]), BARS, "one")
        return {
            "wrote": [wrote, wrote_again],
            "same_snapshot": first == again == head(self.spark, BARS),
            "volumes": self.volumes(self.spark.table(BARS.full_name)),
            "unknown": find_commit(self.spark, BARS, "nothing"),
        }

    def branches(self) -> dict[str, Any]:
        spark, main = self.spark, head(self.spark, BARS)
        open_branch(spark, BARS, "audit_x")
        untouched = added_rows(spark, BARS, "audit_x")
        append_once(self.bars(KNOWN[1]), BARS, "two", "audit_x", clustered=True)
        seen = {
            "untouched": self.volumes(untouched),
            "main_while_auditing": self.volumes(spark.table(BARS.full_name)),
            "branch": self.volumes(spark.read.option("branch", "audit_x").table(BARS.full_name)),
            "added": self.volumes(added_rows(spark, BARS, "audit_x")),
        }
        # The audit failed; the next try opens the branch anew, and the commit of the first isn't taken for its own.
        open_branch(spark, BARS, "audit_x")
        seen["abandoned"] = find_commit(spark, BARS, "two", "audit_x")
        _, seen["wrote_again"] = append_once(self.bars(KNOWN[1]), BARS, "two", "audit_x")
        published = publish_branch(spark, BARS, "audit_x")
        seen["published"] = self.volumes(spark.table(BARS.full_name))
        seen["head_is_published"] = published == head(spark, BARS)
        seen["branch_left"] = has_branch(spark, BARS, "audit_x")
        seen["old_snapshot"] = self.volumes(at_snapshot(spark, BARS, main))
        open_branch(spark, SYMBOLS, "audit_x")  # the first branch of an empty table, with nothing on it
        seen["empty_published"] = publish_branch(spark, SYMBOLS, "audit_x") == head(spark, SYMBOLS)
        return seen

    def races(self) -> dict[str, Any]:
        open_branch(self.spark, BARS, "audit_slow")
        append_once(self.bars(KNOWN[2]), BARS, "slow", "audit_slow")
        append_once(self.bars(KNOWN[2], KNOWN[3]), BARS, "fast")
        seen: dict[str, Any] = {}
        for name, act in (("audit", added_rows), ("publish", publish_branch), ("missing", head)):
            branch = "audit_none" if name == "missing" else "audit_slow"
            try:
                act(self.spark, BARS, branch)
            except AfterbellError as error:
                seen[name] = [type(error).__name__, str(error)]
        seen["main"] = self.volumes(self.spark.table(BARS.full_name))
        return seen

    def rivals(self) -> dict[str, Any]:
        """Another writer appends between what this one has written and its landing: the same commit, or another."""
        seen: dict[str, Any] = {}
        for name, theirs in (("same", "both"), ("other", "theirs")):
            before, real = self.volumes(self.spark.table(BARS.full_name)), append._write

            def with_rival(*args: Any, theirs: str = theirs, real: Any = real, **kwargs: Any) -> None:
                real(*args, **kwargs)
                append._write = real
                append_once(self.bars(KNOWN[0], symbol="RR"), BARS, theirs)

            append._write = with_rival
            snapshot, wrote = append_once(self.bars(KNOWN[0], symbol="RR"), BARS, "both" if name == "same" else "mine")
            after = self.volumes(self.spark.table(BARS.full_name))
            seen[name] = {
                "wrote": wrote,
                "added": len(after or ()) - len(before or ()),
                "on_main": snapshot in {at for at, _ in ancestry(self.spark, BARS, head(self.spark, BARS))},
                "rows_at_snapshot": self.volumes(at_snapshot(self.spark, BARS, snapshot)) == after,
            }
        refs = self.spark.table(f"{BARS.full_name}.refs").collect()
        return seen | {"branches": sorted(row["name"] for row in refs if row["name"].startswith("audit_append"))}

    def files(self) -> dict[str, Any]:
        """Files written without Spark: what Spark makes of them, and which of them a question opens."""
        runtime, at = Runtime.from_env(), datetime(2016, 3, 13, 6, 59, 59, 123456, tzinfo=UTC)
        days = [date(2015, 12, 31), date(2016, 1, 4), date(2016, 2, 29)]
        rows = pl.DataFrame(
            [
                {"symbol": "AB", "session": day, "at": at, "open": None, "volume": 2**40, "revision": 3, "drop_id": "ü"}
                for day in days
            ]
        ).with_columns(pl.lit(1.5).alias(name) for name in ("high", "low", "close", "adj_close"))
        made = {}
        for table, rest in ((BARS, rows.rename({"at": "knowledge_time"})), (MINUTE_BARS, rows)):
            before, shape = head(self.spark, table), shape_of(self.spark, table)
            frame = rest if table is BARS else rest.with_columns(knowledge_time="at")
            files = write_files(frame, shape, runtime.s3)
            snapshot = commit_files(self.spark, table, files, "by hand")
            found = self.spark.read.option("start-snapshot-id", before).table(table.full_name)
            told = found.selectExpr(
                "session", "unix_micros(knowledge_time) AS at", "open", "volume", "revision", "drop_id"
            )
            opened = plan_files(self.spark, table, snapshot, "session", days[1], days[1])
            made[table.name] = {
                "files": sorted(file.partition for file in files),
                "rows": sorted([str(value) for value in row] for row in told.collect()),
                "opened": [file.partition for file in opened if file.path in {new.path for new in files}],
                "commit": find_commit(self.spark, table, "by hand") == snapshot,
                "read": read_files(opened, shape, runtime.s3, pl.col("session") == days[1]).height,
            }
        return made | {"micros": int(at.timestamp() * 1_000_000)}

    def runs(self) -> dict[str, Any]:
        args = StepArgs("ingest", SESSION, "manual__1", datetime(2016, 6, 29, 22, tzinfo=UTC), IngestInputs())
        started = datetime(2016, 6, 29, 20, 30, tzinfo=UTC)
        record_run(
            self.spark, args, started, rows=7, snapshots_in={"raw.drops": 1}, snapshots_out={"market.bars": 2},
            commit_id="c", verdict="done", detail={"note": "ok"},
        )  # fmt: skip
        (row,) = self.spark.table(RUNS.full_name).selectExpr("*", "unix_seconds(started_at) AS began").collect()
        return row.asDict() | {"began_right": row.began == int(started.timestamp())}


def main() -> None:
    scenario = Scenario()
    seen = {
        "commits": scenario.commits(),
        "branches": scenario.branches(),
        "races": scenario.races(),
        "rivals": scenario.rivals(),
        "runs": scenario.runs(),
        "files": scenario.files(),
    }
    Path(sys.argv[1]).write_text(json.dumps(seen, default=str), encoding="utf-8")


if __name__ == "__main__":
    main()
