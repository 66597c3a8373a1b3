"""Train the candidates of a session: families, horizons and folds as Spark tasks.

Inputs: bars_snapshot, actions_snapshot, features_snapshots, definition_hashes. Writes the out-of-sample predictions to
``predictions.out_of_sample`` and the models to ``candidates/<candidate id>/``, ``candidate.json`` last. The candidate's
id is made of the inputs, so a rerun with the same inputs changes nothing. The training matrix lies in
``AFTERBELL_HOME/matrices``: another model specification on the same rows finds it there.

A fit that raises is tried once more, then left out; more than a quarter of them fail the step. Results lie in ``fits/``
of the artifact bucket until there is a candidate: a driver that is killed and comes back repeats none of them.

Where time is short its inputs also name what to leave out (``leave_out``), and how many seconds the later steps need
(``needed_after``): fits that are not done by then are left out too. What was left out is part of the candidate and its
id. Without a model of each horizon there is no candidate, and the result gives the reason under ``held``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from pyspark.sql import SparkSession

from afterbell.cluster.environment_check import require_alike
from afterbell.config.runtime import Runtime
from afterbell.evaluation.settings import load_gate
from afterbell.evaluation.trial_scores import TrialJudge, describe_search
from afterbell.lake.append import append_once
from afterbell.lake.commit import ensure_table, find_commit
from afterbell.lake.spark import lake_session
from afterbell.lake.tables import OUT_OF_SAMPLE
from afterbell.run.contracts.models import TrainInputs, TrainResult
from afterbell.run.job import StepArgs, run_step
from afterbell.run.record import record_run
from afterbell.run.steps import TRAIN
from afterbell.stores.artifacts import ArtifactStore
from afterbell.training.candidate import (
    candidate_id,
    candidate_key,
    describe,
    horizons_without_model,
    read_candidate,
    upload,
)
from afterbell.training.candidate_document import CandidateDocument
from afterbell.training.deadline_policy import LeaveOut, ends_at, seconds_left, until
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


def train(args: StepArgs[TrainInputs]) -> TrainResult:
    """Train one candidate, or find that it is there already; hold where the deadline leaves no time for one."""
    started = datetime.now(UTC)
    runtime = Runtime.from_env()
    spec, store = load_spec(), ArtifactStore(runtime.s3)
    snapshots = TrainingSnapshots.of(args.inputs, spec.feature_sets)
    leave = LeaveOut.of(args.inputs.leave_out or (), spec)
    candidate = _identify(args, snapshots, spec, leave.names())
    spark = lake_session(runtime, f"afterbell train {args.session}")
    ensure_table(spark, OUT_OF_SAMPLE)
    written = find_commit(spark, OUT_OF_SAMPLE, candidate)
    noop = written is not None and store.exists(candidate_key(candidate))
    if noop and written is not None:
        made = Made(read_candidate(store, candidate), written)
        print(f"train: candidate {candidate} is there already", flush=True)
    else:
        made = _make(spark, runtime, args, spec, snapshots, leave)
    document = made.document
    rows, fits = (document.train_rows, document.fits) if document else (0, 0)
    skipped = document.skipped if document else made.skipped
    identifier = document.candidate_id if document else None
    record_run(
        spark,
        args,
        started,
        rows=rows,
        snapshots_in=snapshots.by_table(),
        snapshots_out={} if made.snapshot is None else {OUT_OF_SAMPLE.name: made.snapshot},
        commit_id=identifier or "",
        verdict="hold" if made.held else "noop" if noop else "done",
        detail={"fits": fits, "skipped": skipped},
    )
    result = TrainResult(
        candidate_id=identifier,
        fits=fits,
        skipped=skipped,
        left_out=document.left_out if document else (),
        horizons=spec.horizons,
        families=tuple(sorted({model.family for model in document.models})) if document else (),
        oos_snapshot=made.snapshot,
        train_rows=rows,
        noop=noop,
    )
    return result.model_copy(update={"held": made.held}) if made.held else result


@dataclass(frozen=True)
class Made:
    """Result of one training.

    Attributes:
        document: ``candidate.json``; None if there is no candidate.
        snapshot: of the out-of-sample predictions.
        held: why there is no candidate: the deadline left too little time.
        skipped: what was left out then.
    """

    document: CandidateDocument | None
    snapshot: int | None
    held: str = ""
    skipped: tuple[str, ...] = ()


def _make(
    spark: SparkSession,
    runtime: Runtime,
    args: StepArgs[TrainInputs],
    spec: ModelSpec,
    snapshots: TrainingSnapshots,
    leave: LeaveOut,
) -> Made:
    end = ends_at(args.deadline, args.inputs.needed_after)
    if end is not None and datetime.now(UTC) >= end:
        return _held(args, "no fit was begun", leave.reasons())
    require_alike(spark, all_packages())
    order = Order(args.session, spec, snapshots)
    with prepared(spark, runtime, order) as (matrix, shipped), until(end) as over:
        parts = split(spec, len(matrix.grid), partial(leave.keep, spec=spec), blocks_of(spec.grouping, matrix))
        parts = replace(parts, skipped=(*parts.skipped, *leave.reasons()))
        search = Search(spec, parts, partial(TrialJudge, load_gate().portfolio), _print_line, seconds_left(end))
        print(f"train: {matrix.sessions.size} rows x {len(matrix.names)} features", flush=True)
        sharing = fits_of_trials(fit for fits in parts.choice.values() for fit in fits)
        # What is left out for the deadline changes the candidate, but no fit: tries of this run share their records.
        run = _identify(args, snapshots, spec)
        with FitRecords(record_store(runtime.s3), run, matrix.made_from, _print_line) as records:
            run_source(spark, shipped, search, sharing, FitProgress(search.planned, _print_line, end), over, records)
            found = search.result()
            outcome = found.outcome
            if outcome.late and horizons_without_model(spec, outcome):
                planned = search.planned()
                return _held(args, f"{len(outcome.late)} of {planned} fits were not done", outcome.skipped)
            left_out = [*leave.names(), *sorted([*found.left_out, *outcome.late, *outcome.failed])]
            candidate = _identify(args, snapshots, spec, left_out)
            document = describe(candidate, args.session, spec, matrix, outcome, snapshots, left_out)
            if found.studies:
                document = document.model_copy(update={"search": tuple(describe_search(found.studies))})
            rows = out_of_sample_frame(spark, shipped, candidate, outcome.folds)
            snapshot, _ = append_once(rows, OUT_OF_SAMPLE, candidate)
            upload(ArtifactStore(runtime.s3), document, outcome)
            if not (found.left_out or outcome.late or outcome.failed):  # else another try has these alone to do
                records.remove()
    return Made(document, snapshot)


def _identify(
    args: StepArgs[TrainInputs], snapshots: TrainingSnapshots, spec: ModelSpec, left_out: Sequence[str] = ()
) -> str:
    """The candidate's id."""
    return candidate_id(args.session, snapshots, spec, left_out, **identify_search(spec))


def _print_line(line: str) -> None:
    print(f"train: {line}", flush=True)


def _held(args: StepArgs[TrainInputs], what: str, skipped: Sequence[str]) -> Made:
    reason = (
        f"{what} in the time that the deadline {args.deadline:%Y-%m-%d %H:%M:%S} UTC left for training: there is no "
        "candidate"
    )
    print(f"train: {reason}", flush=True)
    return Made(None, None, reason, tuple(skipped))


if __name__ == "__main__":
    sys.exit(run_step(TRAIN, train))
