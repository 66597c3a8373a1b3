"""The steps of a run, and the inputs that each receives from those before it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from afterbell.errors import StaleInputError

INPUTS: dict[str, tuple[str, ...]] = {
    "ingest": (),
    "validate": ("branch",),
    "features": ("bars_snapshot", "actions_snapshot", "filings_snapshot"),
    "train": ("bars_snapshot", "actions_snapshot", "features_snapshots", "definition_hashes"),
    "evaluate": (
        "bars_snapshot", "actions_snapshot", "features_snapshots", "definition_hashes", "candidate_id", "oos_snapshot",
    ),
    "publish": ("candidate_id", "champion_candidate_id", "verdict", "reason", "metrics", "origin"),
    "score": ("bars_snapshot", "features_snapshots", "release_id"),
}  # fmt: skip
"""The ids that each step must be handed; a step reads nothing but what these name.

``features_snapshots`` and ``definition_hashes`` map each factor set of the run to the snapshot of its table and to the
hash of its definition.
"""

EXPERIMENT_RUNS = "experiment_"
"""Prefix of the ids of runs that are experiments: their results lie beside those of daily runs."""
STEPS = tuple(INPUTS)
"""All steps of a session's run, in their order."""

BESIDES: dict[str, tuple[str, ...]] = {
    "maintain": ("now", "dry_run"),
    "release_drop": ("refusal_id", "reason", "by"),
    "check_release": ("action", "release_id", "reason", "by"),
    "experiment_resolve": ("experiment", "request"),
    "experiment_train": (
        "experiment", "request", "bars_snapshot", "actions_snapshot", "features_snapshots", "definition_hashes",
    ),
    "experiment_evaluate": (
        "experiment", "request", "promote", "champion", "champion_oos_snapshot", "candidate_id", "oos_snapshot",
    ),
    "experiment_promote": (
        "experiment", "request", "candidate_id", "oos_snapshot", "champion", "verdict", "reason", "metrics", "by",
        "note", "approved_by",
    ),
    "move_champion": ("action", "reason", "by", "approved_by", "champion", "target"),
    "backfill_plan": ("request", "reason", "plan_only"),
    "backfill_ingest": ("backfill_id",),
    "backfill_features": ("backfill_id",),
}  # fmt: skip
"""Steps that belong to no session."""

CONTEXT: dict[str, tuple[str, ...]] = {
    "ingest": ("origin",),
    "validate": ("origin",),
    "backfill_plan": ("asked_by",),
    "features": ("factor_sets",),
    "train": ("leave_out", "needed_after"),
    "evaluate": (
        "rows",
        "drops",
        "quarantined_rows",
        "quarantine_by_rule",
        "refused_drops",
        "data_docs",
        "late_drops",
        "missing_drops",
        "held",
        "skipped",
    ),
    "score": ("serves",),
}
"""Optional inputs of a step: for its report or its record, or for behaviour other than usual."""

_MADE_BY = {
    "branch": "ingest",
    "bars_snapshot": "validate",
    "actions_snapshot": "validate",
    "filings_snapshot": "validate",
    "features_snapshots": "features",
    "definition_hashes": "features",
    "candidate_id": "train",
    "oos_snapshot": "train",
    "champion_candidate_id": "evaluate",
    "verdict": "evaluate",
    "reason": "evaluate",
    "metrics": "evaluate",
    "release_id": "publish",
}
"""The step of a session's run that makes an input; others come from the opener of the run."""


def _place(step: str) -> int:
    return STEPS.index(step) if step in STEPS else -1


def inputs_of(step: str, results: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Pick the inputs of ``step`` out of the results of the steps before it, the later result winning.

    Raises:
        StaleInputError: one is missing, because an earlier step did not run in this run.
    """
    required = (INPUTS | BESIDES)[step]
    merged: dict[str, Any] = {}
    context: dict[str, Any] = {}
    for result in results:
        merged |= {key: value for key, value in result.items() if key in required}
        for key in CONTEXT.get(step, ()):
            if key in result:
                context.setdefault(key, result[key])
    missing = [name for name in required if name not in merged]
    if missing:
        cleared = min((_MADE_BY.get(name, "open_run") for name in missing), key=_place)
        raise StaleInputError(f"step {step!r} was not handed {missing}: clear the task {cleared!r} and all after it")
    return merged | context
