"""Train the candidates of a session: every family, horizon and fold as a Spark task of its own.

Inputs: bars_snapshot, actions_snapshot, features_snapshot, definition_hash. Writes the out-of-sample
predictions to ``predictions.out_of_sample`` and the models to ``candidates/<candidate id>/``,
``candidate.json`` last. The candidate's id is made of what went in, so a rerun with the same inputs changes
nothing.
"""

from __future__ import annotations

import sys
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
from pyspark.sql import SparkSession

from afterbell.calendar.sessions import Exchange
from afterbell.cluster.job import StepArgs, run_step
from afterbell.config.runtime import Runtime
from afterbell.errors import PermanentError, StaleInputError
from afterbell.lake.commit import append_once, ensure_table, find_commit
from afterbell.lake.runs import record_run
from afterbell.lake.spark import lake_session
from afterbell.lake.tables import OUT_OF_SAMPLE
from afterbell.stores.artifacts import ArtifactStore
from afterbell.training.assemble import assemble
from afterbell.training.candidate import (
    SNAPSHOTS,
    candidate_id,
    candidate_key,
    describe,
    read_candidate,
    upload,
)
from afterbell.training.collect import read_bars, read_features, read_labels, to_polars
from afterbell.training.fits import FitResult, plan, settle
from afterbell.training.matrix import Matrix, check_features
from afterbell.training.spark_fits import out_of_sample_frame, run_fits, ship
from afterbell.training.spec import ModelSpec, load_spec


def train(args: StepArgs) -> dict[str, Any]:
    """Train one candidate, or find that it is there already."""
    started = datetime.now(UTC)
    runtime = Runtime.from_env()
    spec, store = load_spec(), ArtifactStore(runtime.s3)
    inputs = {name: int(args.require(name)) for name in SNAPSHOTS}
    definition_hash = str(args.require("definition_hash"))
    wanted = candidate_id(args.session, inputs, definition_hash, spec)
    spark = lake_session(runtime, f"afterbell train {args.session}")
    ensure_table(spark, OUT_OF_SAMPLE)
    written = find_commit(spark, OUT_OF_SAMPLE, wanted)
    noop = written is not None and store.exists(candidate_key(wanted))
    if noop and written is not None:
        content, snapshot = read_candidate(store, wanted), written
        print(f"train: candidate {wanted} is there already", flush=True)
    else:
        content, snapshot = _make(spark, runtime, args, spec, inputs | {"definition_hash": definition_hash}, wanted)
    record_run(
        spark,
        args,
        started,
        rows=content["train_rows"],
        snapshots_in=inputs,
        snapshots_out={OUT_OF_SAMPLE.name: snapshot},
        commit_id=wanted,
        verdict="noop" if noop else "done",
        detail={"fits": content["fits"], "skipped": content["skipped"]},
    )
    return {
        "candidate_id": wanted,
        "fits": content["fits"],
        "skipped": content["skipped"],
        "horizons": content["spec"]["horizons"],
        "families": sorted({model["family"] for model in content["models"]}),
        "oos_snapshot": snapshot,
        "train_rows": content["train_rows"],
        "noop": noop,
    }


def _make(
    spark: SparkSession,
    runtime: Runtime,
    args: StepArgs,
    spec: ModelSpec,
    inputs: dict[str, Any],
    wanted: str,
) -> tuple[dict[str, Any], int]:
    scratch = runtime.home / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="train-", dir=scratch) as folder:
        matrix = ship(spark, _collect(spark, args, spec, inputs), Path(folder))
        fits, skipped = plan(spec, len(matrix.grid))
        print(f"train: {matrix.sessions.size} rows x {len(matrix.names)} features, {len(fits)} fits", flush=True)

        def progress(done: int, result: FitResult) -> None:
            said = result.reason or f"{result.rows} rows in {result.seconds:.1f} s"
            print(f"train: {done}/{len(fits)} {result.fit.name}: {said}", flush=True)

        outcome = settle(run_fits(spark, fits, spec, progress), skipped)
        content = describe(wanted, args.session, spec, matrix, outcome, inputs)
        rows = out_of_sample_frame(spark, wanted, outcome.folds)
        snapshot, _ = append_once(rows, OUT_OF_SAMPLE, wanted)
        upload(ArtifactStore(runtime.s3), content, outcome)
    return content, snapshot


def _collect(spark: SparkSession, args: StepArgs, spec: ModelSpec, inputs: dict[str, Any]) -> Matrix:
    exchange = Exchange()
    exchange.require(args.session)
    stored = read_features(
        spark, spec.feature_set, inputs["features_snapshot"], inputs["definition_hash"], args.session
    )
    features = to_polars(stored)
    if features.is_empty():
        raise StaleInputError(
            f"features.{spec.feature_set} has no row of definition {inputs['definition_hash']} up to {args.session} at "
            f"snapshot {inputs['features_snapshot']}: rerun the step `features`"
        )
    first: date = features.select(pl.col("session").min()).item()
    grid = exchange.between(first, args.session)
    labels = to_polars(read_labels(spark, inputs, exchange, args.session, spec))
    bars = to_polars(read_bars(spark, inputs["bars_snapshot"], exchange, grid))
    if labels.is_empty() or bars.is_empty():
        raise PermanentError(
            f"there are {labels.height} labels and {bars.height} bars for the sessions {first} to {args.session}; "
            "expected some of both: check the steps `ingest` and `validate`"
        )
    matrix = assemble(features, labels, bars, grid, spec)
    check_features(matrix, spec.optional_features)
    return matrix


if __name__ == "__main__":
    sys.exit(run_step("train", train))
