"""Promote the candidate of an experiment that the gate let through and a person agreed to.

Inputs: experiment, request, candidate_id, oos_snapshot, champion, verdict, reason, metrics, by, note, approved_by. Its
out-of-sample predictions are copied to ``predictions.out_of_sample`` first, where the daily run's gate will look for
them; then it becomes a release, is verified, and the pointer moves, audited. A rerun changes nothing.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import UTC, datetime

from pyspark.sql import functions as F  # noqa: N812 - the name everybody gives it

from afterbell.config.runtime import Runtime
from afterbell.errors import PermanentError
from afterbell.experiments.request import root_of
from afterbell.experiments.resolve import asked
from afterbell.lake.append import append_once
from afterbell.lake.commit import at_snapshot, ensure_table
from afterbell.lake.spark import lake_session
from afterbell.lake.tables import EXPERIMENTS, OUT_OF_SAMPLE
from afterbell.release.promotion import carry_out, choice
from afterbell.release.publish import build_manifest, upload
from afterbell.run.contracts.experiments import ExperimentPromoteInputs
from afterbell.run.contracts.releases import ExperimentPromoteResult
from afterbell.run.job import StepArgs, run_step
from afterbell.run.record import record_run
from afterbell.run.steps import EXPERIMENT_PROMOTE
from afterbell.stores.artifacts import ArtifactStore
from afterbell.training.candidate import read_candidate


def experiment_promote(args: StepArgs[ExperimentPromoteInputs]) -> ExperimentPromoteResult:
    """Copy, release, move."""
    started = datetime.now(UTC)
    runtime = Runtime.from_env()
    inputs = args.inputs
    experiment, request = asked(inputs)
    if inputs.verdict != "publish":
        raise PermanentError(f"the gate's verdict on experiment {experiment} is {inputs.verdict!r}: not promoted")
    candidate = inputs.candidate_id
    store, root = ArtifactStore(runtime.s3), root_of(experiment)
    spark = lake_session(runtime, f"afterbell experiment {experiment} promote")
    ensure_table(spark, OUT_OF_SAMPLE)
    rows = at_snapshot(spark, EXPERIMENTS, inputs.oos_snapshot).where(F.col("candidate_id") == candidate)
    snapshot, _ = append_once(rows, OUT_OF_SAMPLE, candidate)
    document = read_candidate(store, candidate, root)
    manifest = build_manifest(document, args.session, inputs.metrics, inputs.reason)
    upload(store, manifest, root)
    asking = choice(
        action="promote",
        release_id=manifest.release_id,
        reason=f"experiment {request.name} ({experiment})" + (f": {inputs.note}" if inputs.note else ""),
        by=f"{inputs.by}, agreed to by {inputs.approved_by}",
        run_id=args.run_id,
    )
    done = carry_out(store, asking, seen=inputs.champion)
    record_run(
        spark,
        args,
        started,
        rows=0,
        snapshots_in={EXPERIMENTS.name: inputs.oos_snapshot},
        snapshots_out={OUT_OF_SAMPLE.name: snapshot},
        commit_id=candidate,
        verdict="done" if done.moved else "noop",
        detail={"experiment": experiment, "release_id": manifest.release_id, "approved_by": inputs.approved_by},
    )
    return ExperimentPromoteResult(**asdict(done), release_id=manifest.release_id)


if __name__ == "__main__":
    sys.exit(run_step(EXPERIMENT_PROMOTE, experiment_promote))
