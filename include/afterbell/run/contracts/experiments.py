"""Contracts of an experiment: its snapshots, its candidate, the verdict, and the promotion that a person approved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import JsonValue, model_validator

from afterbell.run.contracts.base import Figure, Inputs, Result, stored_as
from afterbell.run.contracts.models import HorizonMetrics, SnapshotInputs


class ExperimentInputs(Inputs):
    """Inputs common to the steps of an experiment.

    Attributes:
        experiment: its id.
        request: its fields, which ``afterbell.experiments.request`` checks.
    """

    experiment: str
    request: Mapping[str, JsonValue]


class ExperimentResolveResult(Result):
    """The snapshots that the experiment reads, and the champion that it is compared with (None: nothing published)."""

    bars_snapshot: int
    actions_snapshot: int
    filings_snapshot: int | None
    champion_oos_snapshot: int | None
    champion: str | None
    factor_sets: tuple[str, ...]


class ExperimentTrainInputs(ExperimentInputs, SnapshotInputs):
    """Inputs of ``experiment_train``."""


class ExperimentTrainResult(Result):
    """The candidate of the experiment, as ``TrainResult`` describes it; ``trials`` of each family."""

    candidate_id: str
    oos_snapshot: int
    trials: int
    fits: int
    skipped: tuple[str, ...]
    noop: bool


class ExperimentEvaluateInputs(ExperimentInputs):
    """Inputs of ``experiment_evaluate``.

    Attributes:
        promote: whether a person is to be asked about a promotion.
        champion: the release that served when the experiment began.
        champion_oos_snapshot: of its predictions.
        candidate_id: of the experiment.
        oos_snapshot: of its predictions.
    """

    promote: bool
    champion: str | None
    champion_oos_snapshot: int | None
    candidate_id: str
    oos_snapshot: int

    @model_validator(mode="after")
    def _champion_has_predictions(self) -> ExperimentEvaluateInputs:
        if self.champion and self.champion_oos_snapshot is None:
            raise ValueError("expected champion_oos_snapshot, since there is a champion to compare with")
        return self


class ExperimentEvaluateResult(Result):
    """The verdict on the experiment.

    Attributes:
        experiment: its id.
        candidate_id: of its candidate.
        champion: the release that it was compared with.
        verdict: ``publish``, ``keep`` or ``hold``.
        reason: of the verdict.
        metrics: by horizon.
        trials: of each family.
        deflated_sharpe: of the blend, by horizon, on sessions on which nothing was chosen: of one trial.
        report_key: in the artifact bucket.
        report_path: on the machine of the driver.
        moves: whether there is a promotion to agree to.
        summary: the verdict in a sentence.
    """

    experiment: str
    candidate_id: str
    champion: str | None
    verdict: str
    reason: str
    metrics: Mapping[str, HorizonMetrics]
    trials: int
    deflated_sharpe: Mapping[str, Figure | None]
    report_key: str
    report_path: str
    moves: bool
    summary: Annotated[str, stored_as("said")]


class ExperimentPromoteInputs(ExperimentInputs):
    """Inputs of ``experiment_promote``.

    Attributes:
        candidate_id: of the experiment.
        oos_snapshot: of its predictions.
        champion: the release that the person saw who agreed.
        verdict: of the gate.
        reason: of the verdict.
        metrics: by horizon.
        by: who started the experiment.
        note: what it is for.
        approved_by: who agreed.
    """

    candidate_id: str
    oos_snapshot: int
    champion: str | None
    verdict: str
    reason: str
    metrics: Mapping[str, HorizonMetrics]
    by: str
    note: str | None
    approved_by: str
