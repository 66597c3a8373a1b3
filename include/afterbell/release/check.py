"""The step `check_release`: verify a release, and report what promoting it or rolling back to it would do.

``python -m afterbell.release.check`` with the arguments of every step. Inputs: action, release_id, reason, by. Nothing
is changed.
"""

from __future__ import annotations

import sys
from dataclasses import asdict

from afterbell.config.runtime import Runtime
from afterbell.errors import ObjectMissingError
from afterbell.release.catalog import Verified, read_champion, verify_release
from afterbell.release.promotion import choice, plan
from afterbell.run.contracts.releases import CheckReleaseInputs, CheckReleaseResult, VerifiedFiles
from afterbell.run.job import StepArgs, run_step
from afterbell.run.steps import CHECK_RELEASE
from afterbell.stores.artifacts import ArtifactStore


def main(args: StepArgs[CheckReleaseInputs]) -> CheckReleaseResult:
    """Verify, and plan."""
    store = ArtifactStore(Runtime.from_env().s3)
    inputs = args.inputs
    if inputs.action != "verify":
        planned = plan(store, choice(**inputs.to_json(), run_id=args.run_id))
        return CheckReleaseResult(
            champion=planned.champion,
            target=planned.target,
            moves=planned.moves,
            summary=planned.summary,
            verified=_files(planned.verified),
        )
    champion, _ = read_champion(store)
    release_id = inputs.release_id or (champion.release_id if champion else "")
    if not release_id:
        raise ObjectMissingError("nothing has been published yet, so there is no champion to verify")
    verified = verify_release(store, release_id)
    summary = (
        f"{release_id}: {verified.files} files, {verified.size:,} bytes, all digests right; "
        f"{verified.predicted} models predict"
    )
    print(f"check_release: {summary}", flush=True)
    return CheckReleaseResult(
        champion=champion.release_id if champion else None,
        target=release_id,
        moves=False,
        summary=summary,
        verified=_files(verified),
    )


def _files(verified: Verified | None) -> VerifiedFiles | None:
    return None if verified is None else VerifiedFiles(**asdict(verified))


if __name__ == "__main__":
    sys.exit(run_step(CHECK_RELEASE, main))
