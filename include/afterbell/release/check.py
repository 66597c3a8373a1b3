"""The step `check_release`: verify a release, and report what promoting it or rolling back to it would do.

``python -m afterbell.release.check`` with the arguments of every step. Inputs: action, release_id, reason, by. Nothing
is changed.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Any

from afterbell.config.runtime import Runtime
from afterbell.errors import ObjectMissingError
from afterbell.release.catalog import read_champion, verify_release
from afterbell.release.promotion import choice, plan
from afterbell.run.job import StepArgs, run_step
from afterbell.stores.artifacts import ArtifactStore


def request_fields(args: StepArgs) -> dict[str, object]:
    """The fields of the request, from the step's inputs."""
    fields = ("action", "release_id", "reason", "by")
    return {"run_id": args.run_id, **{name: str(args.inputs.get(name) or "") for name in fields}}


def main(args: StepArgs) -> dict[str, Any]:
    """Verify, and plan."""
    store = ArtifactStore(Runtime.from_env().s3)
    if args.require("action") != "verify":
        return plan(store, choice(**request_fields(args))).as_dict()
    champion, _ = read_champion(store)
    release_id = str(args.inputs.get("release_id") or "") or (champion.release_id if champion else "")
    if not release_id:
        raise ObjectMissingError("nothing has been published yet, so there is no champion to verify")
    verified = verify_release(store, release_id)
    summary = (
        f"{release_id}: {verified.files} files, {verified.size:,} bytes, all digests right; "
        f"{verified.predicted} models predict"
    )
    print(f"check_release: {summary}", flush=True)
    return {
        "champion": champion.release_id if champion else None,
        "target": release_id,
        "moves": False,
        "said": summary,
        "verified": asdict(verified),
    }


if __name__ == "__main__":
    sys.exit(run_step("check_release", main))
