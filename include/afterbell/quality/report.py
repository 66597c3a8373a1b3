"""The quality report of an ingest run: what came in, what was set aside and why, and what looks odd."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

from afterbell.config.runtime import Runtime
from afterbell.lake.listings import RENAMED, WRONG_LISTING, is_factor
from afterbell.lake.listings import REUSED as TAKEN
from afterbell.quality.audit_branch import Judgement
from afterbell.quality.collect import INFERRED
from afterbell.quality.findings import Found
from afterbell.quality.listings import REUSED
from afterbell.quality.page import render
from afterbell.quality.report_document import (
    Cell,
    NewestRows,
    QualityReport,
    RefusedSession,
    RejectedLines,
    RepeatedBars,
    ReportedActions,
    ReportedDrops,
    ReportedFact,
    ReportedJumps,
    Row,
    SessionCoverage,
    ShownRows,
    SourceSession,
)
from afterbell.quality.report_store import STEP
from afterbell.quality.whole_sessions import SourceFacts
from afterbell.run.contracts.data import ValidateInputs
from afterbell.run.job import StepArgs, result_key
from afterbell.sources.row_rules import RUN
from afterbell.stores.artifacts import ArtifactStore

_SAMPLES = 5
_LONGEST = 4000
"""Characters of a line that are shown."""
_LISTED = 50


def store_report(judgement: Judgement, args: StepArgs[ValidateInputs], runtime: Runtime, folder: Path) -> str:
    """Write the report as JSON and as a page, to the artifact bucket and to ``folder``, beside the Data Docs.

    Returns:
        The key of the JSON; the page has the same with ``.html``.
    """
    report = build_report(judgement, args)
    text, page = report.to_text(), render(report)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "quality.json").write_text(text, encoding="utf-8")
    (folder / "quality.html").write_text(page, encoding="utf-8")
    key = result_key(args.session, args.run_id, STEP)
    store = ArtifactStore(runtime.s3)
    store.put(key.removesuffix(".json") + ".html", page.encode())
    store.put(key, text.encode())
    return key


def known_report(args: StepArgs[ValidateInputs], runtime: Runtime) -> str:
    """The key of the report that an earlier try of this run left; empty where no report exists."""
    key = result_key(args.session, args.run_id, STEP)
    return key if ArtifactStore(runtime.s3).exists(key) else ""


def build_report(judgement: Judgement, args: StepArgs[ValidateInputs]) -> QualityReport:
    """The report of a run's judgement."""
    findings, audit = judgement.findings, judgement.report
    exhibits = findings.exhibits
    counts = {"moves": 0, "restated": 0} if exhibits is None else exhibits.counts()
    return QualityReport(
        session=args.session,
        run_id=args.run_id,
        passed=not audit.failed,
        expectations=audit.expectations,
        failed=tuple(audit.failed),
        warnings=tuple(audit.warnings),
        data_docs=audit.data_docs,
        rows=judgement.added,
        drops=_drops(findings.ledger),
        quarantine=_quarantine(findings),
        facts=tuple(line for facts in findings.facts for line in _facts(facts)),
        trailing=tuple({"source": facts.source, **row} for facts in findings.facts for row in _rows(facts.trailing)),
        missing_symbols={facts.source: tuple(facts.missing) for facts in findings.facts},
        refused_sessions=tuple(
            RefusedSession(source=source, session=session, reasons=tuple(reasons))
            for (source, session), reasons in sorted(findings.broken().items())
        ),
        actions=_actions(findings.actions.filter(is_factor())),
        held=_held(findings.actions),
        who_is_who=_who_is_who(findings.actions),
        unseen=tuple(
            SourceSession(source=source, session=day) for source, days in findings.unseen.items() for day in days
        ),
        moves=_rows(findings.moves),
        thin_sessions=tuple(findings.thin),
        coverage=tuple(SessionCoverage(**asdict(coverage)) for coverage in findings.coverage),
        unexplained=_shown(None if exhibits is None else exhibits.moves(), counts["moves"]),
        restated=_shown(None if exhibits is None else exhibits.restated(), counts["restated"]),
        bars=_rows(None if exhibits is None else exhibits.bars()),
        listings=_listings(findings.listings),
        jumps=_jumps(judgement),
        stale=_stale(judgement),
        gaps=_latest(findings.gaps, "last"),
        without_volume=_latest(findings.idle, "session"),
    )


def _shown(rows: pl.DataFrame | None, in_all: int) -> ShownRows:
    return ShownRows(rows=_rows(rows), in_all=in_all)


def _listings(changes: pl.DataFrame | None) -> ShownRows:
    """Changes of the symbol master, re-used symbols first, then the newest."""
    if changes is None:
        return ShownRows()
    ordered = changes.sort(pl.col("change") != REUSED, maintain_order=True)
    return _shown(ordered.head(_LISTED), changes.height)


def _rows(frame: pl.DataFrame | None) -> tuple[Row, ...]:
    if frame is None:
        return ()
    return tuple({name: _cell(value) for name, value in row.items()} for row in frame.iter_rows(named=True))


def _cell(value: Cell | date) -> Cell:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value.isoformat() if isinstance(value, date) else value


def _drops(ledger: pl.DataFrame) -> ReportedDrops:
    states = ledger.group_by("source", "state").agg(pl.len().alias("drops"), pl.col("rows", "quarantined").sum())
    with_reasons = ledger.filter(pl.col("reason").is_not_null()).sort("session", "key")
    return ReportedDrops(
        by_state=_rows(states.sort("source", "state")),
        with_reasons=_rows(with_reasons.select("source", "session", "key", "state", "reason").head(_LISTED)),
        with_reasons_in_all=with_reasons.height,
    )


def _new_rejects(findings: Found) -> pl.DataFrame:
    return findings.rejects.filter(pl.col("drop_id").is_in(findings.ledger["drop_id"].to_list()))


def _quarantine(findings: Found) -> tuple[RejectedLines, ...]:
    """Lines set aside by rule, most first, each with a few of them."""
    rules = []
    for (name,), lines in _new_rejects(findings).sort("session", "key", "line").group_by("rule", maintain_order=True):
        samples = lines.select("key", "line", "symbol", "reason", _raw()).head(_SAMPLES)
        drops = lines["drop_id"].n_unique()
        rules.append(RejectedLines(rule=str(name), lines=lines.height, drops=drops, samples=_rows(samples)))
    return tuple(sorted(rules, key=lambda rejected: -rejected.lines))


def _raw() -> pl.Expr:
    """A line in full; of a very long one the beginning and its length."""
    raw = pl.col("raw")
    cut = pl.format("{} ... ({} characters in all)", raw.str.slice(0, _LONGEST), raw.str.len_chars())
    return pl.when(raw.str.len_chars() > _LONGEST).then(cut).otherwise(raw).alias("raw")


def _facts(facts: SourceFacts) -> list[ReportedFact]:
    return [
        ReportedFact(
            source=facts.source,
            rule=rule.name,
            fact=rule.kind,
            value=value,
            min=rule.min,
            max=rule.max,
            sessions=rule.sessions,
            severity=rule.severity,
            kept=rule.keeps(value),
        )
        for rule, value in facts.values.items()
    ]


def _held(actions: pl.DataFrame) -> ShownRows:
    """Bars of another security that begin to be held, or are let go; the newest first."""
    rows = actions.filter(pl.col("kind") == WRONG_LISTING).sort(["ex_session", "symbol"], descending=[True, False])
    if rows.is_empty():
        return ShownRows()
    columns = ("symbol", "session", "basis", "close_before", "close", "rests_on", "knowledge_time")
    return _shown(rows.rename({"ex_session": "session"}).select(columns).head(_LISTED), rows.height)


def _who_is_who(actions: pl.DataFrame) -> ShownRows:
    """Securities that go on under another symbol, and symbols that others take; the newest first."""
    rows = actions.filter(pl.col("kind").is_in([TAKEN, RENAMED]))
    if rows.is_empty():
        return ShownRows()
    newest = rows.sort(["ex_session", "symbol"], descending=[True, False]).rename({"ex_session": "session"})
    securities = newest.with_columns(predecessor=pl.when(pl.col("kind") == RENAMED).then("rests_on"))
    columns = ("symbol", "session", "kind", "basis", "predecessor", "knowledge_time")
    return _shown(securities.select(columns).head(_LISTED), rows.height)


def _actions(actions: pl.DataFrame) -> ReportedActions:
    # A lake older than the column does not record how an action came to be believed.
    newer = {"basis": pl.String, "confidence": pl.Float64, "rests_on": pl.String}
    complete = actions.with_columns(
        pl.lit(None, kind).alias(name) for name, kind in newer.items() if name not in actions.columns
    )
    counts = complete.group_by("kind", "basis").len("actions").sort("kind", "basis")
    newest = complete.sort(["ex_session", "symbol"], descending=[True, False])
    columns = ("symbol", "ex_session", "kind", "basis", "factor", "confidence", "rests_on", "knowledge_time")
    shown = newest.select(columns)
    inferred = shown.filter(pl.col("basis").is_in(INFERRED))
    return ReportedActions(
        by_kind=_rows(counts),
        newest=_rows(shown.head(_LISTED)),
        in_all=actions.height,
        inferred=_shown(inferred.head(_LISTED), inferred.height),
    )


def _jumps(judgement: Judgement) -> ReportedJumps:
    """Bars held for a jump and not delivered again yet, and held ones that a later drop delivered again."""
    findings = judgement.findings
    names = [jump.name for _, rules in judgement.judged if (jump := rules.jump()) is not None]
    held = _new_rejects(findings).filter(pl.col("rule").is_in(names)).select("symbol", "session", "key", "raw")
    confirmed = findings.confirmed
    if confirmed is not None:
        held = held.join(confirmed, on=["symbol", "session"], how="anti")
    return ReportedJumps(
        held=_rows(held.sort("session", "symbol").head(_LISTED)),
        held_in_all=held.height,
        confirmed=() if confirmed is None else _rows(confirmed.sort("session", "symbol").head(_LISTED)),
        confirmed_in_all=0 if confirmed is None else confirmed.height,
    )


def _latest(rows: pl.DataFrame | None, day: str) -> NewestRows:
    """Rows that are accepted but reported: the latest, and how many there are."""
    if rows is None:
        return NewestRows()
    latest = rows.sort([day, "symbol"], descending=[True, False]).head(_LISTED)
    return NewestRows(newest=_rows(latest), in_all=rows.height)


def _stale(judgement: Judgement) -> RepeatedBars:
    """Bars that have repeated the one before them for as long as a rule warns of, and those set aside for it."""
    findings = judgement.findings
    rules = [stale for _, rules in judgement.judged if (stale := rules.stale()) is not None]
    aside = _new_rejects(findings).filter(pl.col("rule").is_in([rule.name for rule in rules]))
    warn = min((rule.warn_sessions for rule in rules), default=0)
    runs = None if findings.repeats is None or not warn else findings.repeats.filter(pl.col(RUN) >= warn)
    return RepeatedBars(
        runs=() if runs is None else _rows(runs.sort([RUN, "session"], descending=True).head(_LISTED)),
        set_aside=_rows(aside.select("symbol", "session").sort("session", "symbol").head(_LISTED)),
    )
