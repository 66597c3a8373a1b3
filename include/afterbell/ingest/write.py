"""Writes the new rows of an ingest run to every table, on one branch, under one commit id."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import partial

import polars as pl
from pyspark.sql import SparkSession

from afterbell.ingest.actions.listings import Releases
from afterbell.ingest.actions.naming import log_instruments, name_listings
from afterbell.ingest.actions.opinions import NEVER, read_opinions
from afterbell.ingest.actions.past import with_past
from afterbell.ingest.actions.person import NO_DECISIONS, Decisions
from afterbell.ingest.actions.renames import RENAMES
from afterbell.ingest.actions.reports import ABOVE_CLOSE
from afterbell.ingest.actions.settle import settle_actions
from afterbell.ingest.base import Base
from afterbell.ingest.outcome import Outcome
from afterbell.ingest.revisions import FILING_KEY, something_new
from afterbell.ingest.stale import RULE, judge, stale_keys
from afterbell.ingest.symbols import EVENTS, symbol_events
from afterbell.ingest.task_results import (
    CHANGED,
    EVIDENCE,
    FILINGS,
    REJECTS,
    RENAMED,
    REPEATS,
    REPORTS,
    SYMBOLS,
    Parts,
)
from afterbell.lake.commit import publish_branch
from afterbell.lake.compact_small_files import fold
from afterbell.lake.files import NewFile, commit_files, write_files
from afterbell.lake.snapshots import side_by_side
from afterbell.lake.tables import (
    BARS,
    CORPORATE_ACTIONS,
    DROPS,
    FUNDAMENTALS,
    INSTRUMENTS,
    MINUTE_BARS,
    QUARANTINE,
    REPORTED_ACTIONS,
    Table,
)
from afterbell.lake.tables import EVIDENCE as EVIDENCE_LOG
from afterbell.lake.tables import SYMBOLS as SYMBOL_LOG
from afterbell.sources.source import Source

AUDITED = (
    EVIDENCE_LOG, REPORTED_ACTIONS, INSTRUMENTS, CORPORATE_ACTIONS, BARS, MINUTE_BARS, SYMBOL_LOG, FUNDAMENTALS,
    QUARANTINE, DROPS,
)  # fmt: skip
"""The tables of an ingest, in the order in which they are published. Evidence and reports first: where another writer
added some, the actions derived without them are never published. Instruments before the actions that they follow from:
read again, these show nothing new. The ledger last, so that a crash in between only means that the drops are read
again, and equal rows make no revision."""

_FILING_SAME = frozenset({"knowledge_time", "drop_id", "known", "late", *FILING_KEY})


@dataclass(frozen=True)
class WriteContext:
    """The knowledge from before the run, without the base itself.

    Attributes:
        evidence: the lake's, of the sessions that the drops touch and of those before that decide about them.
        limits: repeats from which on a bar is stale, by source.
        releases: when a person released a held listing, by symbol and session.
        decisions: a person's, about corporate actions.
        sources: all that are declared.
        sessions: the first and the last that the drops touch, or the run's own.
        known: the newest instant at which the lake and the run know something of prices (UTC).
    """

    evidence: pl.DataFrame
    limits: Mapping[str, int]
    releases: Releases = field(default_factory=dict)
    decisions: Decisions = NO_DECISIONS
    sources: Sequence[Source] = ()
    sessions: tuple[date, date] = (date.max, date.min)
    known: datetime = NEVER


def write_branch(
    base: Base, context: WriteContext, parts: Parts, outcomes: Sequence[Outcome], *, branch: str, commit_id: str
) -> dict[str, int]:
    """Commit what ``parts`` hold to ``branch`` of every table that gets something, opened at the base.

    Args:
        base: the lake that this run builds on.
        context: what was known before.
        parts: what was read.
        outcomes: the ledger's lines.
        branch: the branch's name.
        commit_id: the commit id.

    Returns:
        The head of the branch, by table name. A table that has nothing new keeps the head of ``main``.
    """
    independent: dict[Table, Callable[[], pl.DataFrame | None]] = {
        SYMBOL_LOG: lambda: _symbols(base, parts),
        FUNDAMENTALS: lambda: _filings(base, parts),
    }

    def commit(tables: Sequence[Table], new: Mapping[Table, Callable[[], pl.DataFrame | None]]) -> dict[str, int]:
        return _commit_all(base, parts, tables, new, branch, commit_id)

    with ThreadPoolExecutor(2) as pool:
        # What needs no decision is written while the rest is decided.
        futures = [pool.submit(commit, [MINUTE_BARS, *independent], independent)]
        shown = _collect_evidence(base, context, parts)
        bars, stale = _judge_repeats(base, context, parts, shown)
        ledger = _with_stale(outcomes, stale)
        decided = {
            EVIDENCE_LOG: lambda: _new_evidence(context, shown),
            BARS: lambda: bars,
            DROPS: lambda: pl.DataFrame([outcome.ledger_row() for outcome in ledger], infer_schema_length=None),
        }
        futures.append(pool.submit(commit, list(decided), decided))
        later, refused = _derive_actions(base, context, parts, shown)
        later[QUARANTINE] = partial(_rejects, base, parts, ledger, stale, refused)
        heads = commit([table for table in AUDITED if table in later], later)
        for future in futures:
            heads |= future.result()
    return {table.name: heads[table.name] for table in AUDITED}


def _derive_actions(
    base: Base, context: WriteContext, parts: Parts, shown: pl.DataFrame | None
) -> tuple[dict[Table, Callable[[], pl.DataFrame | None]], pl.DataFrame | None]:
    """What tables get that depends on what bars and reports show of actions, and the reports that are set aside."""
    files = parts.files("bars")
    renamed = parts.rows(RENAMED)
    renames = RENAMES.to_frame() if renamed is None else renamed
    opinions = read_opinions(base, context.sources, parts.rows(REPORTS), context.sessions, context.known, files)
    actions, refused = settle_actions(base, context.evidence, shown, context.decisions, opinions)
    listings = name_listings(base, context.evidence, shown, actions, renames, context.releases)
    return {
        REPORTED_ACTIONS: lambda: opinions.fresh,
        INSTRUMENTS: lambda: log_instruments(base, renames, listings),
        CORPORATE_ACTIONS: lambda: pl.concat([actions, listings], how="diagonal"),
    }, refused


def _commit_all(
    base: Base,
    parts: Parts,
    tables: Sequence[Table],
    new: Mapping[Table, Callable[[], pl.DataFrame | None]],
    branch: str,
    commit_id: str,
) -> dict[str, int]:
    """Commit what each of ``tables`` gets; its head on the branch, by its name."""

    def commit(table: Table) -> int:
        files = parts.files({BARS: "bars", MINUTE_BARS: "minute_bars"}.get(table, ""))
        files += _write_rows(base, table, new[table]() if table in new else None)
        snapshot_id = base.heads[table.name]
        if not files:
            return snapshot_id
        fold(base.spark, table, base.shape(table), base.s3, branch, snapshot_id)
        return commit_files(base.spark, table, files, commit_id, branch, snapshot_id)

    # Most of a commit is waiting for the catalog and the disk; on a branch no one sees the order.
    return dict(zip((table.name for table in tables), side_by_side(base.spark, commit, tables), strict=True))


def _write_rows(base: Base, table: Table, frame: pl.DataFrame | None) -> list[NewFile]:
    if frame is None or frame.is_empty():
        return []
    shape = base.shape(table)
    missing = [name for name in shape.schema.names if name not in frame.columns]
    return write_files(frame.with_columns(pl.lit(None).alias(name) for name in missing), shape, base.s3)


def _collect_evidence(base: Base, context: WriteContext, parts: Parts) -> pl.DataFrame | None:
    shown, restated = parts.rows(EVIDENCE), parts.rows(CHANGED)
    if shown is None and restated is None:
        return None
    evidence = with_past(
        base,
        parts.files("bars"),
        context.evidence.clear() if shown is None else shown,
        restated,
        context.evidence,
    )
    return evidence if evidence.height else None


def _new_evidence(context: WriteContext, shown: pl.DataFrame | None) -> pl.DataFrame | None:
    # After a crash between two tables' publishing the same drops come again: their rows are there already.
    return None if shown is None else shown.join(context.evidence, on="drop_id", how="anti")


def _judge_repeats(
    base: Base, context: WriteContext, parts: Parts, shown: pl.DataFrame | None
) -> tuple[pl.DataFrame | None, pl.DataFrame | None]:
    """Bars that repeat the session before: those that are taken, and those set aside as stale."""
    repeats = parts.rows(REPEATS)
    if repeats is None:
        return None, None
    evidence = context.evidence if shown is None else pl.concat([context.evidence.select(shown.columns), shown])
    stale = stale_keys(evidence, context.limits)
    sessions = repeats["session"]
    # Set aside with the drop of its own session, or with a later one that repeated it: known by its text.
    aside = base.rows(QUARANTINE, "session", sessions.min(), date.max).filter(pl.col("rule") == RULE)
    return judge(repeats, stale, aside)


def _with_stale(outcomes: Sequence[Outcome], stale: pl.DataFrame | None) -> list[Outcome]:
    counts = {} if stale is None else dict(stale.group_by("drop_id").len().iter_rows())
    return [
        replace(
            outcome, rows=outcome.rows - counts[outcome.drop_id], rules=outcome.rules | {RULE: counts[outcome.drop_id]}
        )
        if outcome.drop_id in counts and outcome.rows
        else outcome
        for outcome in outcomes
    ]


def _symbols(base: Base, parts: Parts) -> pl.DataFrame | None:
    masters = parts.rows(SYMBOLS)
    if masters is None:
        return None
    return symbol_events(base.rows(SYMBOL_LOG).select(list(EVENTS)), masters.filter(~pl.col("late")))


def _filings(base: Base, parts: Parts) -> pl.DataFrame | None:
    new = parts.rows(FILINGS)
    if new is None:
        return None
    ends = new["period_end"]
    known_rows = base.rows(FUNDAMENTALS, *(() if ends.has_nulls() else ("period_end", ends.min(), ends.max())))
    # Filings of other keys don't count.
    known_rows = known_rows.join(new.select(FILING_KEY), on=FILING_KEY, how="semi", nulls_equal=True)
    missing = [
        pl.lit(None).cast(kind).alias(name) for name, kind in known_rows.schema.items() if name not in new.columns
    ]
    new = new.with_columns(missing).select(*known_rows.columns, "late", pl.lit(value=False).alias("known"))
    rows = pl.concat([known_rows.with_columns(late=False, known=True), new], how="vertical_relaxed")
    values = [column for column in rows.columns if column not in _FILING_SAME]
    return something_new(rows, FILING_KEY, values).filter(~pl.col("known"))


def _rejects(
    base: Base, parts: Parts, outcomes: Sequence[Outcome], stale: pl.DataFrame | None, refused: pl.DataFrame | None
) -> pl.DataFrame | None:
    frames = [rows for rows in (parts.rows(REJECTS), _stale_rows(outcomes, stale)) if rows is not None]
    new = [_without_known(base, pl.concat(frames, how="diagonal_relaxed"), ["drop_id"])] if frames else []
    if refused is not None and refused.height:
        # Known only with the close, perhaps long after the drop's other lines were set aside.
        new.append(_without_known(base, _above_close(refused), ["drop_id", "rule", "raw"]))
    if not new:
        return None
    return pl.concat(new, how="diagonal_relaxed").sort("source", "session", "line", "raw", nulls_last=True)


def _without_known(base: Base, rows: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    """``rows`` without those that the lake has already, as with the evidence."""
    known_rows = base.rows(QUARANTINE, "session", rows["session"].min(), rows["session"].max())
    return rows.join(known_rows, on=list(key), how="anti")


def _above_close(refused: pl.DataFrame) -> pl.DataFrame:
    """Reported payouts of no less than the close they are paid from, as rows of the quarantine."""
    reason = pl.format("expected an amount below the close before, {}, found {}", "close", "amount")
    raw = pl.concat_str("symbol", "ex_session", "amount", separator=",")
    return refused.select(
        "drop_id", "source", "key", "session", "symbol", rule=pl.lit(ABOVE_CLOSE), reason=reason, raw=raw
    ).with_columns(line=pl.lit(None, pl.Int64))


def _stale_rows(outcomes: Sequence[Outcome], stale: pl.DataFrame | None) -> pl.DataFrame | None:
    if stale is None or stale.is_empty():
        return None
    named = pl.DataFrame(
        [
            (outcome.drop_id, outcome.task.source, outcome.task.key, outcome.task.session)
            for outcome in outcomes
            if outcome.rules.get(RULE)
        ],
        schema={"drop_id": pl.String, "source": pl.String, "key": pl.String, "drop_session": pl.Date},
        orient="row",
    ).unique("drop_id", keep="first", maintain_order=True)
    reason = pl.format("expected a change within {} sessions, found the prices and the volume of the last", "limit")
    return stale.join(named, on="drop_id", how="inner").select(
        "drop_id", "source", "key", "symbol", "raw", session="drop_session", rule=pl.lit(RULE), reason=reason
    )


def publish(spark: SparkSession, branch: str) -> None:
    """Publish ``branch`` table by table, in the order of ``AUDITED``; what is published already is passed over.

    If it is interrupted anywhere, the same call continues where it stopped, and so does an ingest of the same drops:
    the ledger moves last, and rows that are there already are not added again.

    Raises:
        BaseMovedError: another writer moved ``main`` of a table that the branch adds to.
    """
    for table in AUDITED:
        publish_branch(spark, table, branch)
