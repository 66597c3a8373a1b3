"""The step `move_champion`: what a person chose and agreed to, ``python -m afterbell.release.carry_out``.

Inputs: action, release_id, reason, by, approved_by, champion (the one that served when they agreed), target.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Any

from afterbell.config.runtime import Runtime
from afterbell.release.check import request_fields
from afterbell.release.promotion import carry_out, choice
from afterbell.run.job import StepArgs, run_step
from afterbell.stores.artifacts import ArtifactStore


def main(args: StepArgs) -> dict[str, Any]:
    """Move the pointer, or find that it was moved by this very run."""
    fields = request_fields(args) | {"release_id": str(args.require("target"))}
    fields["by"] = f"{fields['by']}, agreed to by {args.require('approved_by')}"
    done = carry_out(ArtifactStore(Runtime.from_env().s3), choice(**fields), args.inputs.get("champion"))
    return asdict(done)


if __name__ == "__main__":
    sys.exit(run_step("move_champion", main))
