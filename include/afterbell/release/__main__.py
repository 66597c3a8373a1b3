"""The step `publish`: ``python -m afterbell.release`` with the arguments of every step."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from afterbell.config.runtime import Runtime
from afterbell.errors import PermanentError
from afterbell.release.catalog import read_champion
from afterbell.release.manifest import Champion
from afterbell.release.publish import Judged, publish
from afterbell.release.turn import give_back_turn
from afterbell.run.contracts.models import PublishInputs, PublishResult
from afterbell.run.job import StepArgs, run_step
from afterbell.run.steps import PUBLISH
from afterbell.stores.artifacts import ArtifactStore


def main(args: StepArgs[PublishInputs]) -> PublishResult:
    """Publish, if the gate decided so and the deadline has not passed; otherwise keep the champion.

    A backfill's release is written and verified, and nothing more: the pointer stays, and the session is scored by the
    models of its own time. So is a candidate that is held while nothing serves: its release scores as provisional, and
    a person may promote it.
    """
    store = ArtifactStore(Runtime.from_env().s3)
    try:
        return _publish(args, store)
    finally:
        give_back_turn(store, args.run_id)


def _publish(args: StepArgs[PublishInputs], store: ArtifactStore) -> PublishResult:
    inputs = args.inputs
    verdict, reason = inputs.verdict, inputs.reason
    late = datetime.now(UTC) > args.deadline
    if verdict == "publish" and inputs.candidate_id is not None and not late:
        judged = Judged(inputs.candidate_id, inputs.champion_candidate_id, inputs.metrics, reason)
        backfill = inputs.origin == "backfill"
        manifest, done = publish(store, judged, args.session, args.run_id, move=not backfill)
        champion, _ = read_champion(store)
        return PublishResult(
            release_id=manifest.release_id if backfill else done.champion or manifest.release_id,
            serves=not backfill,
            published=manifest.release_id,
            previous=done.previous,
            moved=done.moved,
            reason=done.reason,
            shadow=None if backfill else _shadow(champion),
        )
    if late:
        verdict, reason = "hold", f"the deadline {args.deadline:%Y-%m-%d %H:%M:%S} UTC has passed"
    champion, _ = read_champion(store)
    if champion is None:
        return _make_provisional(args, store, reason)
    return PublishResult(
        release_id=champion.release_id,
        serves=True,
        published=None,
        previous=champion.previous,
        moved=False,
        reason=f"{verdict}: {reason}",
        shadow=_shadow(champion),
    )


def _make_provisional(args: StepArgs[PublishInputs], store: ArtifactStore, reason: str) -> PublishResult:
    """Store the candidate as a release that nobody has approved: nothing else could score the session.

    Raises:
        PermanentError: there is no candidate either.
    """
    candidate_id = args.inputs.candidate_id
    if candidate_id is None:
        raise PermanentError(
            f"there is no champion, and no candidate to score the session by: {reason}. Fix that, and run the session "
            "again"
        )
    judged = Judged(candidate_id, None, args.inputs.metrics, reason, verdict="hold")
    manifest, done = publish(store, judged, args.session, args.run_id, move=False)
    return PublishResult(
        release_id=manifest.release_id,
        serves=False,
        published=None,
        previous=None,
        moved=False,
        reason=done.reason,
        provisional=True,
    )


def _shadow(champion: Champion | None) -> str | None:
    """The last release that a person approved, where another one serves."""
    if champion is None or champion.approved_id == champion.release_id:
        return None
    return champion.approved_id


if __name__ == "__main__":
    sys.exit(run_step(PUBLISH, main))
