"""The steps of all runs: the models of each one's inputs and result, and the task that makes each input."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import JsonValue

from afterbell.errors import ConfigError, StaleInputError
from afterbell.run.contracts.backfills import (
    BackfillFillInputs,
    BackfillFillResult,
    BackfillPlanInputs,
    BackfillPlanResult,
)
from afterbell.run.contracts.base import Inputs, Record, Result
from afterbell.run.contracts.data import (
    AwaitedDrops,
    FeaturesInputs,
    FeaturesResult,
    IngestInputs,
    IngestResult,
    ValidateInputs,
    ValidateResult,
)
from afterbell.run.contracts.experiments import (
    ExperimentEvaluateInputs,
    ExperimentEvaluateResult,
    ExperimentInputs,
    ExperimentPromoteInputs,
    ExperimentResolveResult,
    ExperimentTrainInputs,
    ExperimentTrainResult,
)
from afterbell.run.contracts.models import (
    EvaluateInputs,
    EvaluateResult,
    PublishInputs,
    PublishResult,
    ScoreInputs,
    ScoreResult,
    TrainInputs,
    TrainInstructions,
    TrainResult,
)
from afterbell.run.contracts.opened import (
    Approval,
    OpenedBackfill,
    OpenedExperiment,
    OpenedMaintenance,
    OpenedReleaseAdmin,
    OpenedReleaseDrop,
    OpenedRun,
)
from afterbell.run.contracts.releases import (
    CheckReleaseInputs,
    CheckReleaseResult,
    ExperimentPromoteResult,
    MaintainInputs,
    MaintainResult,
    MoveChampionInputs,
    MoveChampionResult,
    ProbeInputs,
    ProbeResult,
    ReleaseDropInputs,
    ReleaseDropResult,
)

In_co = TypeVar("In_co", bound=Inputs, covariant=True)
Out_co = TypeVar("Out_co", bound=Result, covariant=True)


@dataclass(frozen=True)
class Step(Generic[In_co, Out_co]):
    """One step.

    Attributes:
        name: of the step, of its file or module, and of its result.
        inputs: the model of what it is given.
        result: the model of what it answers with.
        made_by: the task whose result has each input that is handed on, in the order of the tasks; other inputs are
            for callers in Python.
    """

    name: str
    inputs: type[In_co]
    result: type[Out_co]
    made_by: Mapping[str, str]


def _made(**fields: str) -> dict[str, str]:
    """The task by input, from the inputs by task, each a text of names."""
    return {name: task for task, names in fields.items() for name in names.split()}


INGEST = Step("ingest", IngestInputs, IngestResult, _made(open_run="origin"))
VALIDATE = Step("validate", ValidateInputs, ValidateResult, _made(open_run="origin", ingest="branch"))
FEATURES = Step(
    "features", FeaturesInputs, FeaturesResult,
    _made(validate="bars_snapshot actions_snapshot filings_snapshot", experiment_resolve="factor_sets"),
)  # fmt: skip
TRAIN = Step(
    "train", TrainInputs, TrainResult,
    _made(
        validate="bars_snapshot actions_snapshot",
        features="features_snapshots definition_hashes",
        instructions="leave_out needed_after",
    ),
)  # fmt: skip
EVALUATE = Step(
    "evaluate", EvaluateInputs, EvaluateResult,
    _made(
        await_drops="late_drops missing_drops",
        ingest="rows drops quarantined_rows quarantine_by_rule refused_drops",
        validate="bars_snapshot actions_snapshot data_docs",
        features="features_snapshots definition_hashes",
        train="candidate_id oos_snapshot held skipped",
    ),
)  # fmt: skip
PUBLISH = Step(
    "publish", PublishInputs, PublishResult,
    _made(open_run="origin", train="candidate_id", evaluate="champion_candidate_id verdict reason metrics"),
)  # fmt: skip
SCORE = Step(
    "score", ScoreInputs, ScoreResult,
    _made(
        validate="bars_snapshot actions_snapshot",
        features="features_snapshots",
        publish="release_id serves provisional shadow",
    ),
)  # fmt: skip

MAINTAIN = Step("maintain", MaintainInputs, MaintainResult, _made(open_maintenance="now dry_run"))
RELEASE_DROP = Step(
    "release_drop", ReleaseDropInputs, ReleaseDropResult, _made(open_release_drop="refusal_id reason by")
)
CHECK_RELEASE = Step(
    "check_release", CheckReleaseInputs, CheckReleaseResult, _made(open_release_admin="action release_id reason by")
)
MOVE_CHAMPION = Step(
    "move_champion", MoveChampionInputs, MoveChampionResult,
    _made(open_release_admin="action reason by", check_release="champion target", ask="approved_by"),
)  # fmt: skip
EXPERIMENT_RESOLVE = Step(
    "experiment_resolve", ExperimentInputs, ExperimentResolveResult, _made(open_experiment="experiment request")
)
EXPERIMENT_TRAIN = Step(
    "experiment_train", ExperimentTrainInputs, ExperimentTrainResult,
    _made(
        open_experiment="experiment request",
        experiment_resolve="bars_snapshot actions_snapshot",
        features="features_snapshots definition_hashes",
    ),
)  # fmt: skip
EXPERIMENT_EVALUATE = Step(
    "experiment_evaluate", ExperimentEvaluateInputs, ExperimentEvaluateResult,
    _made(
        open_experiment="experiment request promote",
        experiment_resolve="champion champion_oos_snapshot",
        experiment_train="candidate_id oos_snapshot",
    ),
)  # fmt: skip
EXPERIMENT_PROMOTE = Step(
    "experiment_promote", ExperimentPromoteInputs, ExperimentPromoteResult,
    _made(
        open_experiment="experiment request by note",
        experiment_train="candidate_id oos_snapshot",
        experiment_evaluate="champion verdict reason metrics",
        ask="approved_by",
    ),
)  # fmt: skip
BACKFILL_PLAN = Step(
    "backfill_plan", BackfillPlanInputs, BackfillPlanResult,
    _made(open_backfill="request reason plan_only asked_by"),
)  # fmt: skip
BACKFILL_INGEST = Step("backfill_ingest", BackfillFillInputs, BackfillFillResult, _made(backfill_plan="backfill_id"))
BACKFILL_FEATURES = Step(
    "backfill_features", BackfillFillInputs, BackfillFillResult, _made(backfill_plan="backfill_id")
)
PROBE = Step("probe", ProbeInputs, ProbeResult, {})
"""Submitted by ``./afterbell doctor``, and part of no run."""

DAILY: tuple[Step[Inputs, Result], ...] = (INGEST, VALIDATE, FEATURES, TRAIN, EVALUATE, PUBLISH, SCORE)
OTHERS: tuple[Step[Inputs, Result], ...] = (
    MAINTAIN, RELEASE_DROP, CHECK_RELEASE, EXPERIMENT_RESOLVE, EXPERIMENT_TRAIN, EXPERIMENT_EVALUATE,
    EXPERIMENT_PROMOTE, MOVE_CHAMPION, BACKFILL_PLAN, BACKFILL_INGEST, BACKFILL_FEATURES, PROBE,
)  # fmt: skip
STEPS = tuple(step.name for step in DAILY)
"""All steps of a session's run, in their order."""
EXPERIMENT_RUNS = "experiment_"
"""Prefix of the ids of runs that are experiments: their results lie beside those of daily runs."""
TASKS: dict[str, type[Record]] = {
    "open_run": OpenedRun,
    "open_backfill": OpenedBackfill,
    "open_experiment": OpenedExperiment,
    "open_release_admin": OpenedReleaseAdmin,
    "open_release_drop": OpenedReleaseDrop,
    "open_maintenance": OpenedMaintenance,
    "await_drops": AwaitedDrops,
    "instructions": TrainInstructions,
    "ask": Approval,
}
"""The results of tasks that are no steps; ``instructions`` are those of the forecast at the start of ``train``."""
_BY_NAME = {step.name: step for step in (*DAILY, *OTHERS)}


def step_named(name: str) -> Step[Inputs, Result]:
    """The step called ``name``.

    Raises:
        ConfigError: there is none.
    """
    if name not in _BY_NAME:
        raise ConfigError(f"step {name!r} is not one of {', '.join(_BY_NAME)}")
    return _BY_NAME[name]


def inputs_of(step: Step[In_co, Result], results: Iterable[Mapping[str, JsonValue]]) -> In_co:
    """Pick the inputs of ``step`` out of the results of the tasks before it.

    Of an input that the step must have the later result wins, of one that it may have the earlier.

    Raises:
        StaleInputError: one is missing, because an earlier step did not run in this run.
        ConfigError: one has another form than the step expects.
    """
    required = [name for name, field in step.inputs.model_fields.items() if field.is_required()]
    optional = [name for name in step.made_by if name not in required]
    merged: dict[str, JsonValue] = {}
    for result in results:
        merged |= {name: result[name] for name in required if name in result}
        merged = {name: result[name] for name in optional if name in result} | merged
    missing = [name for name in required if name not in merged]
    if missing:
        cleared = next(task for name, task in step.made_by.items() if name in missing)
        raise StaleInputError(
            f"step {step.name!r} lacks its input {missing}: clear the task {cleared!r} and all after it"
        )
    return step.inputs.parse(step.name, json.dumps(merged))
