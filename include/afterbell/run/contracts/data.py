"""Contracts of the daily run up to its features: drops, bars and factor sets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from pydantic import model_validator

from afterbell.run.contracts.base import Figure, Inputs, Record, Result


class ArrivedDrop(Record):
    """A drop that has arrived: its keys, and when the last of them was written (ISO instant, None if unknown)."""

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
    """Result of the wait for drops, by source."""

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
    """Inputs of ``ingest``.

    Attributes:
        origin: of the run; ``backfill`` takes its drops as known from their own days.
        since: where history is filled, its first session.
        until: its last.
    """

    origin: str = ""
    since: date | None = None
    until: date | None = None


class IngestResult(Result):
    """Result of ``ingest``.

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
    """Inputs of ``validate``: the branch of ``ingest``; the rest is for ingesting again on a base that moved."""

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
    """Inputs of ``features``.

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
    """The rows added to one factor set: its table's snapshot, factors, sessions and rows."""

    snapshot: int
    factors: int
    sessions: int
    rows: int
    commit_id: str
    noop: bool


class PlannedSet(Record):
    """The plan of filling one factor set.

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
