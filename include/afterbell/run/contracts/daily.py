"""Contracts of the daily run: from the drops that arrive to the signals of the next session."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated

from pydantic import Field, model_validator

from afterbell.config.loader import Strict
from afterbell.run.contracts.base import Figure, Inputs, Instant, Record

MOST_SECONDS = 7 * 86400.0
Family = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]


class Result(Record):
    """The result of a step; the frame of every job writes these keys, the step itself those of its own model.

    Attributes:
        step: its name.
        started_at: when the driver began.
        ready_at: when its session was open; None where it opened none.
        finished_at: when it was done.
        seconds: between the first and the last.
        attempt: token of the try; not there where no other try is possible.
    """

    step: str = ""
    started_at: Instant | None = None
    ready_at: Instant | None = None
    finished_at: Instant | None = None
    seconds: Figure = 0
    attempt: str = ""


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
    """What the forecast has the training leave out, and the seconds that the steps after it need."""

    leave_out: tuple[LeftOut, ...] = ()
    needed_after: Figure | None = None


class ArrivedDrop(Record):
    """A drop that is there: its keys, and when the last of them was written (ISO instant, None if unknown)."""

    source: str
    keys: tuple[str, ...]
    at: str | None


class LateDrop(ArrivedDrop):
    """A drop that came ``late_minutes`` after its source's own time."""

    late_minutes: Figure


class MissingDrop(Record):
    """A drop that did not come: where it was expected, and until when (ISO instant)."""

    source: str
    where: str
    cut_off: str


class AwaitedDrops(Record):
    """What the wait for the drops ended with, by source."""

    arrived_drops: tuple[ArrivedDrop, ...]
    late_drops: tuple[LateDrop, ...]
    missing_drops: tuple[MissingDrop, ...]


class RefusedDrop(Record):
    """A drop that was not taken in, and why; early versions stored the reason alone."""

    key: str
    reason: str

    @model_validator(mode="before")
    @classmethod
    def _of_a_reason(cls, content: object) -> object:
        return {"key": "", "reason": content} if isinstance(content, str) else content


class IngestInputs(Inputs):
    """What ``ingest`` takes in.

    Attributes:
        origin: of the run; ``backfill`` takes its drops as known from their own days.
        since: where history is filled, its first session.
        until: its last.
    """

    origin: str = ""
    since: date | None = None
    until: date | None = None


class IngestResult(Result):
    """What was taken in.

    Attributes:
        branch: the audit branch of the try.
        drops: how many by state.
        rows: accepted.
        quarantined_rows: set aside.
        bars_snapshot: head of the bars on the branch.
        commit_id: of its commits; empty where there was nothing to do.
        noop: whether nothing was new.
        quarantine_by_rule: rows set aside, by rule.
        refused_drops: left out.
        decisions: a person's about corporate actions, as ``symbol session``.
        decisions_waiting: how many are of later sessions.
        decisions_overtaken: a sentence about each that comes too late.
        decisions_without_bars: likewise, without the bars that it is about.
        last_usable: the newest session with bars that could be read.
        sessions: how many had a drop that was taken in.
    """

    branch: str
    drops: Mapping[str, int]
    rows: int
    quarantined_rows: int
    bars_snapshot: int
    commit_id: str
    noop: bool
    quarantine_by_rule: Mapping[str, int]
    refused_drops: tuple[RefusedDrop, ...]
    decisions: tuple[str, ...]
    decisions_waiting: int
    decisions_overtaken: tuple[str, ...]
    decisions_without_bars: tuple[str, ...]
    last_usable: date | None
    sessions: int


class ValidateInputs(IngestInputs):
    """What ``validate`` audits: the branch of ``ingest``; the rest is for ingesting again on a base that moved."""

    branch: str


class ValidateResult(Result):
    """Heads of the audited tables, and the audit.

    Attributes:
        bars_snapshot: of ``market.bars``.
        actions_snapshot: of the corporate actions.
        filings_snapshot: of the fundamentals.
        drops_snapshot: of the ledger.
        expectations: how many were checked.
        failed: how many failed.
        warnings: a sentence each.
        data_docs: folder of the Data Docs; empty where there was nothing to audit.
        quality_report: key of the report; empty where there is none.
        noop: whether nothing was published.
    """

    bars_snapshot: int
    actions_snapshot: int
    filings_snapshot: int
    drops_snapshot: int
    expectations: int
    failed: int
    warnings: tuple[str, ...]
    data_docs: str
    quality_report: str
    noop: bool


class FeaturesInputs(Inputs):
    """What ``features`` reads.

    Attributes:
        bars_snapshot: of ``market.bars``.
        actions_snapshot: of the corporate actions.
        filings_snapshot: of the fundamentals; None while there are none.
        factor_sets: which to compute; those of the daily models if left out.
        since: where history is filled, the first session that may be computed.
        plan_only: whether only to report what is missing.
    """

    bars_snapshot: int
    actions_snapshot: int
    filings_snapshot: int | None
    factor_sets: tuple[str, ...] | None = None
    since: date | None = None
    plan_only: bool = False


class FilledSet(Record):
    """What was added to one factor set: its table's snapshot, factors, sessions and rows."""

    snapshot: int
    factors: int
    sessions: int
    rows: int
    commit_id: str
    noop: bool


class PlannedSet(Record):
    """What filling one factor set would do.

    Attributes:
        set: its name.
        sessions: how many are missing.
        first: the first of them.
        last: the last of them.
        read_sessions: how many sessions would be read.
        rows: about how many would be written.
        tasks: Spark tasks.
        ranges: first and last session of each range without a gap.
    """

    set: str
    sessions: int
    first: date | None = None
    last: date | None = None
    read_sessions: int = 0
    rows: int = 0
    tasks: int = 0
    ranges: tuple[tuple[date, date], ...] = ()


class FeaturesResult(Result):
    """The factor sets of the run.

    Attributes:
        features_snapshots: snapshot of each set's table.
        definition_hashes: hash of each set's definition.
        sets: what was added to each.
        factors: of all sets.
        sessions: most that were added to a set.
        rows: added to all sets.
        noop: whether nothing was missing.
        plan: what would be added, where only that was requested.
    """

    features_snapshots: Mapping[str, int]
    definition_hashes: Mapping[str, str]
    sets: Mapping[str, FilledSet]
    factors: int
    sessions: int
    rows: int
    noop: bool
    plan: tuple[PlannedSet, ...] = ()


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
    """What ``train`` is given.

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
        left_out: for the deadline.
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
    turnover: Figure | None = None
    sharpe_net: Figure | None = None
    max_drawdown: Figure | None = None
    sessions: int = 0
    rows: int = 0


class HorizonMetrics(ScorerMetrics):
    """Figures of the blend, and those of each family."""

    families: Mapping[str, ScorerMetrics] = Field(default_factory=dict)


class EvaluateInputs(SnapshotInputs):
    """What ``evaluate`` judges; the counts are for its report.

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
    """

    candidate_id: str | None
    champion_candidate_id: str | None
    verdict: str
    reason: str
    metrics: Mapping[str, HorizonMetrics]
    report_key: str
    report_path: str


class PublishInputs(Inputs):
    """What ``publish`` may publish; its fields are those of the gate's verdict, and the origin of the run."""

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
    """

    release_id: str
    serves: bool
    published: str | None
    previous: str | None
    moved: bool
    reason: str


class ScoreInputs(Inputs):
    """What ``score`` applies, and to what; ``serves``: whether the release was the champion when it was published."""

    bars_snapshot: int
    features_snapshots: Mapping[str, int]
    release_id: str
    serves: bool = False


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
        noop: whether they were there already.
    """

    release_id: str
    session: date
    as_of: date
    rows: int
    models: int
    signals_snapshot: int
    commit_id: str
    noop: bool
