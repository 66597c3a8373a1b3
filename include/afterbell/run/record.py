"""The record of every step that ran: one row of ``ops.runs`` each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

import polars as pl
import pyarrow as pa
from pyspark.sql import SparkSession

from afterbell.config.runtime import Runtime
from afterbell.lake.commit import ensure_table
from afterbell.lake.files import commit_files, write_files
from afterbell.lake.shape import shape_of
from afterbell.lake.tables import RUNS
from afterbell.run.contracts.base import Inputs
from afterbell.run.job import StepArgs


def record_run(  # noqa: PLR0913 - the row has these columns, and each is named at the call
    spark: SparkSession,
    args: StepArgs[Inputs],
    started: datetime,
    *,
    rows: int,
    snapshots_in: Mapping[str, int],
    snapshots_out: Mapping[str, int],
    commit_id: str,
    verdict: str,
    detail: Mapping[str, object],
) -> None:
    """Append the row of one finished step; it finishes now.

    Args:
        spark: a session on the lake.
        args: the step's arguments.
        started: when the step started, with its zone.
        rows: rows the step wrote.
        snapshots_in: snapshot ids the step read, by table name.
        snapshots_out: snapshot ids the step made, by table name.
        commit_id: the id its commits carry; empty where it made none.
        verdict: one word on the outcome, such as ``done``, ``noop`` or ``publish``.
        detail: further counts and ids; JSON values.
    """
    ensure_table(spark, RUNS)
    finished = datetime.now(UTC)
    row = {
        "run_id": args.run_id,
        "session": args.session,
        "step": args.step,
        "started_at": started,
        "finished_at": finished,
        "seconds": round((finished - started).total_seconds(), 3),
        "rows": rows,
        "snapshots_in": json.dumps(dict(snapshots_in), sort_keys=True),
        "snapshots_out": json.dumps(dict(snapshots_out), sort_keys=True),
        "commit_id": commit_id,
        "verdict": verdict,
        "detail": json.dumps(dict(detail), sort_keys=True, default=str),
    }
    shape, s3 = shape_of(spark, RUNS), Runtime.from_env().s3
    frame = pl.DataFrame(pl.from_arrow(pa.Table.from_pylist([row], schema=shape.schema)))
    commit_files(spark, RUNS, write_files(frame, shape, s3), commit_id)
