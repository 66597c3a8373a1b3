"""Contracts of the daily run from its features on: training, the gate, the release and its signals."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated

from pydantic import Field, model_validator

from afterbell.config.loader import Strict
from afterbell.run.contracts.base import Figure, Inputs, Record, Result
from afterbell.run.contracts.data import LateDrop, MissingDrop, RefusedDrop

MOST_SECONDS = 7 * 86400.0
Family = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]


class LeftOut(Strict):
    """One thing that a training leaves out for its deadline: model families, or all folds but the newest ``folds``.

    Attributes:
        families: left out with all their fits.
        folds: most folds that are fitted; final fits stay.
    """

    families: tuple[Family, ...] = ()
    folds: int | None = Field(default=None, ge=1, le=100)

    @model_validator(mode="after")
    def _one_thing(self) -> LeftOut:
        if bool(self.families) == (self.folds is not None):
            raise ValueError("a measure names either families, such as [ridge], or a number of folds")
        return self


class TrainInstructions(Record):
    """Instructions of the forecast: what the training leaves out, and the seconds that later steps need."""

    leave_out: tuple[LeftOut, ...] = ()
    needed_after: Figure | None = None


class SnapshotInputs(Inputs):
    """The snapshots and definitions that models are trained on, and nothing else of the lake.

    Attributes:
        bars_snapshot: of ``market.bars``.
        actions_snapshot: of the corporate actions.
        features_snapshots: of each factor set's table.
        definition_hashes: of each factor set's definition.
    """

    bars_snapshot: int
    actions_snapshot: int
    features_snapshots: Mapping[str, int]
    definition_hashes: Mapping[str, str]


class TrainInputs(SnapshotInputs):
    """Inputs of ``train``.

    Attributes:
        leave_out: what to leave out for the deadline.
        needed_after: seconds that the steps after it need; None for no limit.
    """

    leave_out: tuple[LeftOut, ...] | None = None
    needed_after: Figure | None = Field(default=None, ge=0, le=MOST_SECONDS)


class TrainResult(Result):
    """The candidate.

    Attributes:
        candidate_id: None where there is none.
        fits: how many models were fitted.
        skipped: a sentence about each that was not.
        left_out: for the deadline, or because it failed.
        horizons: of the specification.
        families: that have a model.
        oos_snapshot: of the out-of-sample predictions; None where there are none.
        train_rows: of the largest fit.
        noop: whether the candidate was there already.
        held: why there is no candidate.
    """

    candidate_id: str | None
    fits: int
    skipped: tuple[str, ...]
    left_out: tuple[str, ...]
    horizons: tuple[int, ...]
    families: tuple[str, ...]
    oos_snapshot: int | None
    train_rows: int
    noop: bool
    held: str = ""


class ScorerMetrics(Record):
    """Out-of-sample figures of one scorer, as ``afterbell.evaluation.metrics`` defines them; None: not defined."""

    ic: Figure | None = None
    ic_se: Figure | None = None
    ic_t: Figure | None = None
    ic_ci_low: Figure | None = None
    ic_ci_high: Figure | None = None
    rank_ic: Figure | None = None
    rank_ic_se: Figure | None = None
    icir: Figure | None = None
    decile_spread: Figure | None = None
    long_leg: Figure | None = None
    short_leg: Figure | None = None
    costs: Figure | None = None
    turnover: Figure | None = None
    sharpe_gross: Figure | None = None
    sharpe_net: Figure | None = None
    max_drawdown: Figure | None = None
    sessions: int = 0
    rows: int = 0


class HorizonMetrics(ScorerMetrics):
    """Figures of the blend, and those of each family.

    Attributes:
        families: by name.
        blend: the weights of the families that were learned, for models that are published; none where each counts
            alike.
    """

    families: Mapping[str, ScorerMetrics] = Field(default_factory=dict)
    blend: Mapping[str, Figure] = Field(default_factory=dict, exclude_if=lambda weights: not weights)


class EvaluateInputs(SnapshotInputs):
    """Inputs of ``evaluate``; the counts are for its report.

    Attributes:
        candidate_id: None where the training held.
        oos_snapshot: of its predictions; None likewise.
        held: why there is no candidate.
        skipped: what was not fitted.
        rows: taken in.
        drops: how many by state.
        quarantined_rows: set aside.
        quarantine_by_rule: likewise, by rule.
        refused_drops: left out.
        data_docs: folder of the Data Docs.
        late_drops: came late.
        missing_drops: did not come.
    """

    candidate_id: str | None
    oos_snapshot: int | None
    held: str = ""
    skipped: tuple[str, ...] = ()
    rows: int = 0
    drops: Mapping[str, int] = Field(default_factory=dict)
    quarantined_rows: int = 0
    quarantine_by_rule: Mapping[str, int] = Field(default_factory=dict)
    refused_drops: tuple[RefusedDrop, ...] = ()
    data_docs: str = ""
    late_drops: tuple[LateDrop, ...] = ()
    missing_drops: tuple[MissingDrop, ...] = ()

    @property
    def candidate(self) -> tuple[str, int]:
        """The candidate's id and the snapshot of its predictions, of a training that did not hold."""
        if self.candidate_id is None or self.oos_snapshot is None:
            raise AssertionError("checked when the inputs were made")
        return self.candidate_id, self.oos_snapshot

    @model_validator(mode="after")
    def _is_held_or_has_a_candidate(self) -> EvaluateInputs:
        if not self.held and (self.candidate_id is None or self.oos_snapshot is None):
            raise ValueError(
                "expected candidate_id and oos_snapshot, or held with the reason why there is no candidate"
            )
        return self


class EvaluateResult(Result):
    """The gate's verdict.

    Attributes:
        candidate_id: None where the training held.
        champion_candidate_id: the champion's; None while nothing was published.
        verdict: ``publish``, ``keep`` or ``hold``.
        reason: of the verdict.
        metrics: by horizon, such as ``h1``.
        report_key: in the artifact bucket.
        report_path: on the machine of the driver.
        offer: whether a person may publish the candidate that is held.
    """

    candidate_id: str | None
    champion_candidate_id: str | None
    verdict: str
    reason: str
    metrics: Mapping[str, HorizonMetrics]
    report_key: str
    report_path: str
    offer: bool = False


class PublishInputs(Inputs):
    """Inputs of ``publish``: the fields of the gate's verdict, and the origin of the run."""

    candidate_id: str | None
    champion_candidate_id: str | None
    verdict: str
    reason: str
    metrics: Mapping[str, HorizonMetrics]
    origin: str

    @model_validator(mode="after")
    def _names_what_is_published(self) -> PublishInputs:
        if self.verdict == "publish" and self.candidate_id is None:
            raise ValueError("expected candidate_id, since the verdict is to publish")
        return self


class PublishResult(Result):
    """The release of the run.

    Attributes:
        release_id: which the session is scored by.
        serves: whether that is the champion.
        published: the release that was made; None where none was.
        previous: the champion before.
        moved: whether the champion moved.
        reason: why.
        provisional: whether the session is scored by a release that nobody has approved, because nothing serves yet.
        shadow: the release that is scored beside it, so that the gate can compare with it; None where there is none.
    """

    release_id: str
    serves: bool
    published: str | None
    previous: str | None
    moved: bool
    reason: str
    provisional: bool = False
    shadow: str | None = None


class ScoreInputs(Inputs):
    """Inputs of ``score``.

    Attributes:
        bars_snapshot: of ``market.bars``.
        actions_snapshot: of the corporate actions.
        features_snapshots: of each factor set's table.
        release_id: whose models are applied.
        serves: whether the release was the champion when it was published.
        provisional: whether the release has no approval yet.
        shadow: another release to score, whose record the gate needs.
    """

    bars_snapshot: int
    actions_snapshot: int
    features_snapshots: Mapping[str, int]
    release_id: str
    serves: bool = False
    provisional: bool = False
    shadow: str | None = None


class ScoreResult(Result):
    """The signals.

    Attributes:
        release_id: whose models made them.
        session: which they are for.
        as_of: the session that they are made from.
        rows: symbols and families.
        models: how many.
        signals_snapshot: of the table.
        commit_id: of their commit.
        noop: whether they were already present.
        provisional: whether nobody has approved the release.
        shadow: the release that was scored beside it.
        exports: keys of the signals' files in the artifact bucket.
    """

    release_id: str
    session: date
    as_of: date
    rows: int
    models: int
    signals_snapshot: int
    commit_id: str
    noop: bool
    provisional: bool = False
    shadow: str | None = None
    exports: tuple[str, ...] = ()
