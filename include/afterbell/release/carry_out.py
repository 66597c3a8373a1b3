"""The step `move_champion`: carries out what a person approved, ``python -m afterbell.release.carry_out``.

Inputs: action, reason, by, approved_by, champion (the one that served when they agreed), target.
"""

from __future__ import annotations

import sys
from dataclasses import asdict

from afterbell.config.runtime import Runtime
from afterbell.release.promotion import carry_out, choice
from afterbell.run.contracts.releases import MoveChampionInputs, MoveChampionResult
from afterbell.run.job import StepArgs, run_step
from afterbell.run.steps import MOVE_CHAMPION
from afterbell.stores.artifacts import ArtifactStore


def main(args: StepArgs[MoveChampionInputs]) -> MoveChampionResult:
    """Move the pointer, or find that it was moved by this very run."""
    inputs = args.inputs
    request = choice(
        action=inputs.action,
        release_id=inputs.target,
        reason=inputs.reason,
        by=f"{inputs.by}, agreed to by {inputs.approved_by}",
        run_id=args.run_id,
    )
    return MoveChampionResult(**asdict(carry_out(ArtifactStore(Runtime.from_env().s3), request, inputs.champion)))


if __name__ == "__main__":
    sys.exit(run_step(MOVE_CHAMPION, main))
