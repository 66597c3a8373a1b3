"""The step `release_drop`: a person lets a refused drop in, ``python -m afterbell.ingest.release_drop``.

Inputs: refusal_id, reason, by.
"""

from __future__ import annotations

import sys
from typing import Any

from afterbell.config.runtime import Runtime
from afterbell.ingest.refusals import release
from afterbell.run.job import StepArgs, run_step
from afterbell.stores.artifacts import ArtifactStore


def main(args: StepArgs) -> dict[str, Any]:
    """Write the release, unless it is there already."""
    store = ArtifactStore(Runtime.from_env().s3)
    by, reason = str(args.require("by")), str(args.require("reason"))
    held, done = release(store, str(args.require("refusal_id")), by, reason, args.run_id)
    message = f"drop {held.refusal.key} of session {held.refusal.session} is taken in by the next run"
    print(f"release_drop: {message}", flush=True)
    return {"id": held.refusal.id, "key": held.refusal.key, "changed": done, "said": message}


if __name__ == "__main__":
    sys.exit(run_step("release_drop", main))
