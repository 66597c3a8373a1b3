"""Compute the factor set ``core`` for every session up to --session that lacks it.

Inputs: bars_snapshot, actions_snapshot. Appends to ``features.core`` in one commit, for one session as for a thousand;
a rerun with the same inputs changes nothing. Only the look-back of the missing sessions is read.
"""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - the name everybody gives it

from afterbell.calendar.sessions import Exchange
from afterbell.cluster.job import StepArgs, run_step
from afterbell.config.runtime import Runtime
from afterbell.errors import ValidationFailedError
from afterbell.features.factors import CORE
from afterbell.features.features_spark import align_columns, feature_rows, find_holes
from afterbell.features.grid import CUT_OFF
from afterbell.features.holes import Plan
from afterbell.features.rows_spark import partitions_for
from afterbell.lake.commit import (
    append_once,
    at_snapshot,
    commit_id,
    ensure_table,
    find_commit,
    head,
    snapshot_summary,
)
from afterbell.lake.runs import record_run
from afterbell.lake.spark import lake_session
from afterbell.lake.tables import BARS, CORPORATE_ACTIONS, factor_table

TABLE = factor_table(CORE.name, CORE.names)


def features(args: StepArgs) -> dict[str, Any]:
    """Fill the holes of the factor set, or find that there are none."""
    started = datetime.now(UTC)
    inputs = {name: int(args.require(name)) for name in ("bars_snapshot", "actions_snapshot")}
    exchange = Exchange()
    exchange.require(args.session)
    spark = lake_session(Runtime.from_env(), f"afterbell features {args.session}")
    ensure_table(spark, TABLE)
    wanted = commit_id("features", session=args.session, inputs=inputs, definition_hash=CORE.definition_hash)
    snapshot, sessions = find_commit(spark, TABLE, wanted), 0
    noop = snapshot is not None
    if snapshot is None:
        # Resolved once: the holes are those of this snapshot, whoever commits meanwhile.
        snapshot = head(spark, TABLE)
        stored = at_snapshot(spark, TABLE, snapshot)
        plan = find_holes(at_snapshot(spark, BARS, inputs["bars_snapshot"]), stored, CORE, exchange, args.session)
        noop = plan is None
        if plan is not None:
            snapshot, sessions = _fill(spark, exchange, plan, inputs, wanted), len(plan.wanted)
    rows = 0 if noop else int(snapshot_summary(spark, TABLE, snapshot).get("added-records", 0))
    _require_session(at_snapshot(spark, TABLE, snapshot), args.session, inputs["bars_snapshot"])
    record_run(
        spark,
        args,
        started,
        rows=rows,
        snapshots_in={BARS.name: inputs["bars_snapshot"], CORPORATE_ACTIONS.name: inputs["actions_snapshot"]},
        snapshots_out={TABLE.name: snapshot},
        commit_id=wanted,
        verdict="noop" if noop else "done",
        detail={"definition_hash": CORE.definition_hash, "sessions": sessions},
    )
    return {
        "features_snapshot": snapshot,
        "definition_hash": CORE.definition_hash,
        "factors": len(CORE.factors),
        "sessions": sessions,
        "rows": rows,
        "commit_id": wanted,
        "noop": noop,
    }


def _fill(spark: SparkSession, exchange: Exchange, plan: Plan, inputs: dict[str, int], wanted: str) -> int:
    bars, actions = inputs["bars_snapshot"], inputs["actions_snapshot"]
    partitions = _partitions(spark, exchange, plan, bars)
    print(
        f"features: {len(plan.wanted)} sessions {plan.holes[0]} to {plan.holes[-1]}, reading {plan.read}, "
        f"{len(CORE.factors)} factors in {partitions} partitions",
        flush=True,
    )
    rows = feature_rows(
        at_snapshot(spark, BARS, bars),
        at_snapshot(spark, CORPORATE_ACTIONS, actions),
        CORE,
        exchange,
        plan,
        partitions,
    ).select(
        "*", F.lit(CORE.definition_hash).alias("definition_hash"), F.lit(bars).cast("bigint").alias("input_snapshot")
    )
    snapshot, _ = append_once(align_columns(spark, rows, TABLE), TABLE, wanted)
    return snapshot


def _require_session(stored: DataFrame, session: date, bars_snapshot: int) -> None:
    mine = stored.where((F.col("session") == session) & (F.col("definition_hash") == CORE.definition_hash))
    if mine.isEmpty():
        raise ValidationFailedError(
            f"{TABLE.name} has no row for session {session}: no bar of it in {BARS.name} at snapshot {bars_snapshot} "
            f"was known {CUT_OFF} after the close; rerun ingest and validate once its drop is there"
        )


def _partitions(spark: SparkSession, exchange: Exchange, plan: Plan, bars_snapshot: int) -> int:
    """Partitions for the rows that the plan reads, estimated from the table's own counts and spread of sessions."""
    total = int(snapshot_summary(spark, BARS, bars_snapshot).get("total-records", 0))
    first = at_snapshot(spark, BARS, bars_snapshot).agg(F.min("session").alias("first")).first()
    span = len(exchange.between(first["first"], plan.sessions[-1])) if first else 1
    return partitions_for(total * min(plan.read, span) // max(span, 1), spark.sparkContext.defaultParallelism)


if __name__ == "__main__":
    sys.exit(run_step("features", features))
