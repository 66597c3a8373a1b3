"""The step `release_drop`: a person lets a refused drop in, ``python -m afterbell.ingest.release_drop``.

Inputs: refusal_id, reason, by.
"""

from __future__ import annotations

import sys

from afterbell.config.runtime import Runtime
from afterbell.ingest.refusals import release
from afterbell.run.contracts.releases import ReleaseDropInputs, ReleaseDropResult
from afterbell.run.job import StepArgs, run_step
from afterbell.run.steps import RELEASE_DROP
from afterbell.stores.artifacts import ArtifactStore


def main(args: StepArgs[ReleaseDropInputs]) -> ReleaseDropResult:
    """Write the release, unless it is there already."""
    store = ArtifactStore(Runtime.from_env().s3)
    inputs = args.inputs
    held, done = release(store, inputs.refusal_id, inputs.by, inputs.reason, args.run_id)
    message = f"drop {held.refusal.key} of session {held.refusal.session} is taken in by the next run"
    print(f"release_drop: {message}", flush=True)
    return ReleaseDropResult(id=held.refusal.id, key=held.refusal.key, changed=done, summary=message)


if __name__ == "__main__":
    sys.exit(run_step(RELEASE_DROP, main))
