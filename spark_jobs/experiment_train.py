"""Train the candidate of an experiment: a search among settings, its fits as Spark tasks.

Inputs: experiment, request, bars_snapshot, actions_snapshot, features_snapshots, definition_hashes. Writes the
out-of-sample predictions of the chosen settings to ``experiments.out_of_sample`` and the models to
``experiments/<id>/candidates/<candidate id>/``; nothing of the daily run is touched. A rerun with the same inputs
changes nothing. Until then results of fits lie in ``fits/`` of the artifact bucket: a driver that is killed and comes
back repeats none of them. A search for which the time before the deadline is too short ends with what it has, and says
what it left out.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from functools import partial

from pyspark.sql import SparkSession

from afterbell.cluster.environment_check import require_alike
from afterbell.config.runtime import Runtime
from afterbell.evaluation.settings import load_gate
from afterbell.evaluation.trial_scores import TrialJudge, describe_search
from afterbell.experiments.request import ExperimentRequest, root_of
from afterbell.experiments.resolve import asked
from afterbell.lake.append import append_once
from afterbell.lake.commit import ensure_table, find_commit, head
from afterbell.lake.spark import lake_session
from afterbell.lake.tables import EXPERIMENTS
from afterbell.run.contracts.experiments import ExperimentTrainInputs, ExperimentTrainResult
from afterbell.run.job import StepArgs, run_step
from afterbell.run.record import record_run
from afterbell.run.steps import EXPERIMENT_TRAIN
from afterbell.stores.artifacts import ArtifactStore
from afterbell.training.candidate import candidate_id, candidate_key, describe, read_candidate, upload
from afterbell.training.candidate_document import CandidateDocument
from afterbell.training.deadline_policy import ends_at, seconds_left, until
from afterbell.training.fit_records import FitRecords, record_store
from afterbell.training.grouping import blocks_of
from afterbell.training.inputs import TrainingSnapshots
from afterbell.training.packages import all_packages
from afterbell.training.prepare import Order, prepared
from afterbell.training.progress import FitProgress
from afterbell.training.search.identity import identify_search
from afterbell.training.search.parts import split
from afterbell.training.search.source import Search
from afterbell.training.spark_fits import fits_of_trials, out_of_sample_frame, run_source
from afterbell.training.spec import ModelSpec, load_spec

_NEEDED_AFTER = 900.0
"""Seconds that stay for the evaluation, before the deadline."""


def experiment_train(args: StepArgs[ExperimentTrainInputs]) -> ExperimentTrainResult:
    """Train the candidate, unless it is there already."""
    started = datetime.now(UTC)
    runtime = Runtime.from_env()
    experiment, request = asked(args.inputs)
    spec, store, root = request.spec(load_spec()), ArtifactStore(runtime.s3), root_of(experiment)
    snapshots = TrainingSnapshots.of(args.inputs, spec.feature_sets)
    candidate = identify(args.session, request, snapshots, spec)
    spark = lake_session(runtime, f"afterbell experiment {experiment} train")
    ensure_table(spark, EXPERIMENTS)
    noop = find_commit(spark, EXPERIMENTS, candidate) is not None and store.exists(candidate_key(candidate, root=root))
    if noop:
        document = read_candidate(store, candidate, root)
        print(f"experiment_train: candidate {candidate} is there already", flush=True)
    else:
        require_alike(spark, all_packages())
        document = _make(spark, runtime, args, request, Order(args.session, spec, snapshots, request.first), candidate)
        candidate = document.candidate_id
    # The newest, which has the rows: their own snapshot may have expired since.
    snapshot = head(spark, EXPERIMENTS)
    record_run(
        spark,
        args,
        started,
        rows=document.train_rows,
        snapshots_in=snapshots.by_table(),
        snapshots_out={EXPERIMENTS.name: snapshot},
        commit_id=candidate,
        verdict="noop" if noop else "done",
        detail={"experiment": experiment, "fits": document.fits, "skipped": document.skipped},
    )
    return ExperimentTrainResult(
        candidate_id=candidate,
        oos_snapshot=snapshot,
        trials=request.trials,
        fits=document.fits,
        skipped=document.skipped,
        noop=noop,
    )


def identify(
    session: date,
    request: ExperimentRequest,
    snapshots: TrainingSnapshots,
    spec: ModelSpec,
    left_out: Sequence[str] = (),
) -> str:
    """The candidate's id; what failed or was left out for the deadline makes another candidate."""
    searched = identify_search(spec) or {"trials": request.trials}
    return candidate_id(session, snapshots, spec, left_out, first=request.first, **searched, costs=request.cost_bps)


def _make(
    spark: SparkSession,
    runtime: Runtime,
    args: StepArgs[ExperimentTrainInputs],
    request: ExperimentRequest,
    order: Order,
    run: str,
) -> CandidateDocument:
    costs = load_gate().portfolio.model_copy(update={"cost_bps": request.cost_bps})

    def print_line(line: str) -> None:
        print(f"experiment_train: {line}", flush=True)

    end = ends_at(args.deadline, _NEEDED_AFTER)
    with (
        prepared(spark, runtime, order) as (matrix, shipped),
        FitRecords(record_store(runtime.s3), run, matrix.made_from, print_line) as records,
        until(end) as over,
    ):
        parts = split(order.spec, len(matrix.grid), blocks=blocks_of(order.spec.grouping, matrix))
        search = Search(order.spec, parts, partial(TrialJudge, costs), print_line, seconds_left(end))
        sharing = fits_of_trials(fit for fits in parts.choice.values() for fit in fits)
        run_source(spark, shipped, search, sharing, FitProgress(search.planned, print_line, end), over, records)
        found = search.result()
        outcome = found.outcome
        left_out = sorted([*found.left_out, *outcome.late, *outcome.failed])
        candidate = identify(args.session, request, order.snapshots, order.spec, left_out)
        document = describe(candidate, args.session, order.spec, matrix, outcome, order.snapshots, left_out)
        document = document.model_copy(
            update={"experiment": request.id, "search": tuple(describe_search(found.studies))}
        )
        rows = out_of_sample_frame(spark, shipped, candidate, outcome.folds)
        append_once(rows, EXPERIMENTS, candidate)
        upload(ArtifactStore(runtime.s3), document, outcome, root_of(request.id))
        if not left_out:  # else another try has these alone to do
            records.remove()
    return document


if __name__ == "__main__":
    sys.exit(run_step(EXPERIMENT_TRAIN, experiment_train))
