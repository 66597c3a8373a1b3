"""What every driver does at its start, once over, on a lake that is thrown away: Java notes the classes it loads.

Set-up submits it with a folder as its only argument; the class path that Java had goes to ``class-path.txt`` there.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa

from afterbell.config.runtime import HdfsLocation, LakeLocation, Runtime, S3Location
from afterbell.lake.commit import find_commit, head
from afterbell.lake.scan import plan_files
from afterbell.lake.spark import lake_session
from afterbell.lake.tables import RUNS
from afterbell.run.contracts.base import Inputs
from afterbell.run.job import StepArgs
from afterbell.run.record import record_run


def main(folder: Path) -> None:
    """Open a session, commit to a table, plan its files, run tasks in Python, broadcast, read back."""
    runtime = Runtime(
        S3Location("http://127.0.0.1:9", "us-east-1", "rehearsal-feed", "rehearsal-artifacts"),
        HdfsLocation("http://127.0.0.1:9", "afterbell", "/feed"),
        LakeLocation(f"jdbc:sqlite:{folder}/catalog.db", f"file:{folder}/warehouse"),
        folder,
    )
    os.environ.update(runtime.to_env())
    spark = lake_session(runtime, "afterbell rehearsal")
    day, now = date(2026, 1, 2), datetime(2026, 1, 2, 22, tzinfo=UTC)
    record_run(
        spark,
        StepArgs("rehearsal", day, "rehearsal", now, Inputs()),
        now,
        rows=0,
        snapshots_in={},
        snapshots_out={},
        commit_id="rehearsal",
        verdict="done",
        detail={},
    )
    snapshot = head(spark, RUNS)
    find_commit(spark, RUNS, "rehearsal")
    plan_files(spark, RUNS, snapshot, "session", day, day)
    shared = spark.sparkContext.broadcast({"rows": 1})

    def same(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if shared.value["rows"]:
                yield batch

    frame = spark.range(10, numPartitions=2).mapInArrow(same, "id long")
    frame.groupBy("id").count().orderBy("id").toPandas()
    spark.table(f"lake.{RUNS.name}").toPandas()
    loaded = spark.sparkContext._jvm.java.lang.System.getProperty("java.class.path")  # noqa: SLF001
    (folder / "class-path.txt").write_text(loaded, encoding="utf-8")
    spark.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
