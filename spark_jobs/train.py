"""Train the candidates of a session: every family, horizon and fold as a Spark task of its own.

Inputs: bars_snapshot, actions_snapshot, features_snapshots, definition_hashes. Writes the out-of-sample predictions to
``predictions.out_of_sample`` and the models to ``candidates/<candidate id>/``, ``candidate.json`` last. The candidate's
id is made of what went in, so a rerun with the same inputs changes nothing. The training matrix lies in
``AFTERBELL_HOME/matrices``: another model specification on the same rows finds it there.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from afterbell.calendar.sessions import Exchange
from afterbell.cluster.job import StepArgs, run_step
from afterbell.config.runtime import Runtime
from afterbell.lake.commit import append_once, ensure_table, find_commit
from afterbell.lake.runs import record_run
from afterbell.lake.spark import lake_session
from afterbell.lake.tables import OUT_OF_SAMPLE
from afterbell.stores.artifacts import ArtifactStore
from afterbell.training.assemble import build
from afterbell.training.candidate import candidate_id, candidate_key, describe, read_candidate, upload
from afterbell.training.collect import read_inputs
from afterbell.training.fits import FitResult, plan, settle
from afterbell.training.handed import Handed
from afterbell.training.matrix import Matrix, check_features
from afterbell.training.shelf import made_from, matrix_folder, matrix_key
from afterbell.training.spark_fits import out_of_sample_frame, run_fits, ship
from afterbell.training.spec import ModelSpec, load_spec


def train(args: StepArgs) -> dict[str, Any]:
    """Train one candidate, or find that it is there already."""
    started = datetime.now(UTC)
    runtime = Runtime.from_env()
    spec, store = load_spec(), ArtifactStore(runtime.s3)
    handed = Handed.of(args, spec.feature_sets)
    wanted = candidate_id(args.session, handed, spec)
    spark = lake_session(runtime, f"afterbell train {args.session}")
    ensure_table(spark, OUT_OF_SAMPLE)
    written = find_commit(spark, OUT_OF_SAMPLE, wanted)
    noop = written is not None and store.exists(candidate_key(wanted))
    if noop and written is not None:
        content, snapshot = read_candidate(store, wanted), written
        print(f"train: candidate {wanted} is there already", flush=True)
    else:
        content, snapshot = _make(spark, runtime, args, spec, handed, wanted)
    record_run(
        spark,
        args,
        started,
        rows=content["train_rows"],
        snapshots_in=handed.by_table(),
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
    spark: SparkSession, runtime: Runtime, args: StepArgs, spec: ModelSpec, handed: Handed, wanted: str
) -> tuple[dict[str, Any], int]:
    exchange = Exchange()
    exchange.require(args.session)
    origin = made_from(args.session, exchange.name, handed, spec)

    def make(folder: Path) -> None:
        started = datetime.now(UTC)
        rows = build(read_inputs(spark, runtime.s3, handed, exchange, args.session, spec), spec, folder, origin)
        seconds = (datetime.now(UTC) - started).total_seconds()
        print(f"train: matrix {matrix_key(origin)} of {rows} rows made in {seconds:.1f} s", flush=True)

    with matrix_folder(runtime.home / "matrices", matrix_key(origin), make) as folder:
        matrix, shipped = Matrix.load(folder), ship(spark, folder)
        check_features(matrix, spec.optional_features)
        fits, skipped = plan(spec, len(matrix.grid))
        print(f"train: {matrix.sessions.size} rows x {len(matrix.names)} features, {len(fits)} fits", flush=True)

        def progress(done: int, result: FitResult) -> None:
            said = result.reason or f"{result.rows} rows in {result.seconds:.1f} s"
            print(f"train: {done}/{len(fits)} {result.fit.name}: {said}", flush=True)

        outcome = settle(run_fits(spark, shipped, fits, spec, progress), skipped)
        content = describe(wanted, args.session, spec, matrix, outcome, handed)
        rows = out_of_sample_frame(spark, shipped, wanted, outcome.folds)
        snapshot, _ = append_once(rows, OUT_OF_SAMPLE, wanted)
        upload(ArtifactStore(runtime.s3), content, outcome)
    return content, snapshot


if __name__ == "__main__":
    sys.exit(run_step("train", train))
