"""The features step: compute factor sets for every session up to that of the run that lacks them.

Inputs: bars_snapshot, actions_snapshot, for sets that read filings filings_snapshot; factor_sets, if they are not those
of the daily models; since, where history is filled: the first session that may be computed (the run's own session then
need not have rows). Appends to ``features.<set>`` in one commit, for one session as for a thousand; a rerun with the
same inputs changes nothing. Only the look-back of the missing sessions is read. If another run fills the same
sessions at the same time, this one plans again. With the input plan_only nothing is computed: the plan is printed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

from pyspark.sql import SparkSession

from afterbell.calendar.sessions import Exchange
from afterbell.config.runtime import Runtime
from afterbell.errors import BaseMovedError, ValidationFailedError
from afterbell.features.declared import declared_sets
from afterbell.features.factors import FactorSet
from afterbell.features.features_spark import (
    FeatureInputs,
    FeatureWork,
    commit,
    compute_files,
    find_work,
    session_is_stored,
    table_of,
)
from afterbell.features.grid import CUT_OFF
from afterbell.features.sets import factor_set
from afterbell.lake.commit import commit_id, ensure_table, find_commit, head, snapshot_summary
from afterbell.lake.files import discard_files
from afterbell.lake.spark import lake_session
from afterbell.lake.tables import BARS
from afterbell.run.contracts.data import FeaturesInputs, FeaturesResult, FilledSet, PlannedSet
from afterbell.run.job import StepArgs
from afterbell.run.record import record_run

_TRIES = 3


def features(args: StepArgs[FeaturesInputs]) -> FeaturesResult:
    """Fill the holes of each factor set, or find that there are none."""
    exchange, runtime = Exchange(), Runtime.from_env()
    exchange.require(args.session)
    given = args.inputs
    sets = [factor_set(name) for name in given.factor_sets or declared_sets()]
    inputs = FeatureInputs(given.bars_snapshot, given.actions_snapshot, exchange, runtime.s3, given.filings_snapshot)
    spark = lake_session(runtime, f"afterbell features {args.session}")
    if given.plan_only:
        planned = tuple(_report_plan(spark, args, inputs, factors) for factors in sets)
        return _result(sets, {}).model_copy(update={"plan": planned})
    return _result(sets, {factors.name: _fill_set(spark, args, inputs, factors) for factors in sets})


def _result(sets: Sequence[FactorSet], filled: dict[str, FilledSet]) -> FeaturesResult:
    return FeaturesResult(
        features_snapshots={name: outcome.snapshot for name, outcome in filled.items()},
        definition_hashes={factors.name: factors.definition_hash for factors in sets},
        sets=filled,
        factors=sum(outcome.factors for outcome in filled.values()),
        sessions=max((outcome.sessions for outcome in filled.values()), default=0),
        rows=sum(outcome.rows for outcome in filled.values()),
        noop=all(outcome.noop for outcome in filled.values()),
    )


def _fill_set(
    spark: SparkSession, args: StepArgs[FeaturesInputs], inputs: FeatureInputs, factors: FactorSet
) -> FilledSet:
    started = datetime.now(UTC)
    table = table_of(factors)
    ensure_table(spark, table)
    read = {table.name: snapshot for table, snapshot in inputs.of(factors).items()}
    since = {} if args.inputs.since is None else {"since": args.inputs.since}
    fill_id = commit_id("features", session=args.session, inputs=read, definition_hash=factors.definition_hash, **since)
    snapshot, sessions, planned = find_commit(spark, table, fill_id), 0, False
    if snapshot is None:
        snapshot, sessions = _fill_holes(spark, args, inputs, factors, fill_id)
        planned = sessions > 0
    rows = int(snapshot_summary(spark, table, snapshot).get("added-records", 0)) if planned else 0
    if not since:
        _require_session(spark, inputs, factors, snapshot, args.session)
    record_run(
        spark,
        args,
        started,
        rows=rows,
        snapshots_in=read,
        snapshots_out={table.name: snapshot},
        commit_id=fill_id,
        verdict="done" if planned else "noop",
        detail={"definition_hash": factors.definition_hash, "sessions": sessions},
    )
    return FilledSet(
        snapshot=snapshot,
        factors=len(factors.names),
        sessions=sessions,
        rows=rows,
        commit_id=fill_id,
        noop=not planned,
    )


def _fill_holes(
    spark: SparkSession, args: StepArgs[FeaturesInputs], inputs: FeatureInputs, factors: FactorSet, fill_id: str
) -> tuple[int, int]:
    """The snapshot that has all that can be computed up to the session, and how many sessions were added for it."""
    table = table_of(factors)
    for attempt in range(1, _TRIES + 1):
        # Resolved once: the holes are those of this snapshot, whoever commits meanwhile.
        base = head(spark, table)
        work = find_work(spark, inputs, factors, base, args.session, args.inputs.since)
        if work is None:
            return base, 0
        print(_format_work(factors, work), flush=True)
        constants = {"definition_hash": factors.definition_hash, "input_snapshot": inputs.bars}
        files = compute_files(spark, inputs, factors, work, constants)
        try:
            return commit(spark, factors, work, files, fill_id, base), len(work.plan.hole_positions)
        except BaseMovedError:
            discard_files(files, inputs.s3)
            if attempt == _TRIES:
                raise
            print(f"features: {factors.name}: another run stored some of these sessions; planning again", flush=True)
    raise AssertionError("the last try returns or raises")


def _format_work(factors: FactorSet, work: FeatureWork) -> str:
    plan = work.plan
    return (
        f"features: {factors.name}, {len(factors.names)} factors: {len(plan.holes)} sessions {plan.holes[0]} to "
        f"{plan.holes[-1]}, reading {plan.read}, about {work.rows_a_session} rows each, in {len(work.tasks)} tasks"
    )


def _report_plan(
    spark: SparkSession, args: StepArgs[FeaturesInputs], inputs: FeatureInputs, factors: FactorSet
) -> PlannedSet:
    table = table_of(factors)
    ensure_table(spark, table)
    work = find_work(spark, inputs, factors, head(spark, table), args.session, args.inputs.since)
    print(
        f"features: {factors.name}: nothing is missing up to {args.session}"
        if work is None
        else _format_work(factors, work)
    )
    return PlannedSet(set=factors.name, sessions=0) if work is None else work.summary(factors)


def _require_session(
    spark: SparkSession, inputs: FeatureInputs, factors: FactorSet, snapshot: int, session: date
) -> None:
    if not session_is_stored(spark, factors, snapshot, session):
        raise ValidationFailedError(
            f"{table_of(factors).name} has no row for session {session}: no bar of it in {BARS.name} at snapshot "
            f"{inputs.bars} was known {CUT_OFF} after the close; rerun ingest and validate once its drop is there"
        )
