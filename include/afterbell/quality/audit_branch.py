"""The judgement of a branch: the rules of every source on what it adds, and on the session as a whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 - the name the field uses

from afterbell.errors import ValidationFailedError
from afterbell.lake.tables import BARS, FUNDAMENTALS, MINUTE_BARS, REPORTED_ACTIONS, SYMBOLS, Table
from afterbell.quality.audit import Report, Subject, facts_subject, run_audit
from afterbell.quality.branch import IN_PROCESS, BranchReader
from afterbell.quality.collect import Gatherer, Judged
from afterbell.quality.expectations import expectations_of, row_expectations, symbol_expectations
from afterbell.quality.findings import Found
from afterbell.quality.sequence import drop_source
from afterbell.quality.whole_sessions import SourceFacts
from afterbell.sources.rules import RuleSet, load_rules, rules_of
from afterbell.sources.source import load_sources

TABLES: dict[str, Table] = {
    "bars": BARS,
    "minute_bars": MINUTE_BARS,
    "filings": FUNDAMENTALS,
    "symbols": SYMBOLS,
    "actions": REPORTED_ACTIONS,
}
"""Where the rows of each kind of source go."""


@dataclass(frozen=True)
class Judgement:
    """Result of the audit, and what was audited.

    Attributes:
        report: passed or not, with the reasons.
        findings: what was examined.
        added: rows that the branch adds, by table.
        judged: the sources with their rules.
    """

    report: Report
    findings: Found
    added: dict[str, int]
    judged: Judged


def judge_branch(
    reader: BranchReader, session: date, folder: Path, released: Collection[str] = (), *, filling: bool = False
) -> Judgement:
    """Audit what the branch of ``reader`` adds.

    Args:
        reader: of the branch.
        session: the one that is run.
        folder: takes the Data Docs.
        released: ids of refusals that a person has lifted (``afterbell.ingest.refusals``).
        filling: whether a range of history was requested.

    Raises:
        BaseMovedError: ``main`` moved since the branch was opened.
        ValidationFailedError: something could not be judged at all; a rule that is broken is in the report instead.
    """
    judged = [(source, rules_of(source)) for source in load_sources()]
    with ThreadPoolExecutor(1, thread_name_prefix="look") as pool:
        # Reading what stands around the new rows waits for files and for the JVM; the rows are judged meanwhile.
        looking = pool.submit(Gatherer(reader, judged, session, released, filling=filling).collect)
        report = run_audit(folder / "data_docs", _subjects(reader, judged, looking))
        findings = looking.result()
    report.warnings += [note for facts in findings.facts for note in facts.notes] + unchecked(findings.others)
    report.warnings += findings.named() + findings.thin
    return Judgement(report, findings, {table.name: reader.adds(table) for table in TABLES.values()}, judged)


def _subjects(reader: BranchReader, judged: Judged, looking: Future[Found]) -> Iterator[Subject]:
    yield from _row_subjects(reader, judged)
    findings = looking.result()
    for name, frame in findings.symbols.items():
        expectations = symbol_expectations(load_rules(name))
        if expectations:
            yield Subject(f"{BARS.name}.by_symbol{_suffix(name, len(findings.symbols))}", frame, expectations)
    for facts in findings.facts:
        values = facts.values
        if (facts.source, facts.session) in findings.released:
            values = {rule: value for rule, value in values.items() if rule.keeps(value)}
        if values:
            yield facts_subject(facts.source, values)
    yield from _other_sessions(findings)


def _other_sessions(findings: Found) -> Iterator[Subject]:
    """The sessions beside the one that is run, a row each; those that break a rule stop nobody but themselves."""
    for source in sorted({facts.source for facts in findings.others}):
        mine = [facts for facts in findings.others if facts.source == source and not facts.broken()]
        rules = {rule: None for facts in mine for rule in facts.values}
        if rules:
            rows = {rule.name: [facts.values.get(rule) for facts in mine] for rule in rules}
            frame = pl.DataFrame(rows, schema=dict.fromkeys(rows, pl.Float64))
            expectations = [expectation for rule in rules for expectation in expectations_of(rule)]
            yield Subject(f"session_facts.{source}.others", frame, expectations)


def unchecked(others: Sequence[SourceFacts]) -> list[str]:
    """A sentence for each rule that was not checked for some of the sessions."""
    days: dict[tuple[str, str], list[date]] = {}
    for facts in others:
        for name, why in facts.unchecked.items():
            days.setdefault((name, why), []).append(facts.session)
    return [
        f"rule {name}: not checked for {len(sessions)} sessions from {min(sessions)} to {max(sessions)}, {why}"
        for (name, why), sessions in days.items()
    ]


def _suffix(name: str, count: int) -> str:
    return f".{name}" if count > 1 else ""


def _row_subjects(reader: BranchReader, judged: Judged) -> Iterator[Subject]:
    """The new rows of each table, by the rule set that their sources declare."""
    for kind, table in TABLES.items():
        rows = reader.adds(table)
        if not rows:
            continue
        sets: dict[tuple[str, str], Expected] = {}
        for source, rules in judged:
            if source.kind == kind:
                alike = (rules.name, source.symbol_pattern)
                sets.setdefault(alike, Expected(rules, source.symbol_pattern, [])).sources.append(source.name)
        frame = reader.added(table) if rows <= IN_PROCESS else reader.added_on_spark(table)
        yield from divide(table.name, frame, rows, list(sets.values()))


@dataclass(frozen=True)
class Expected:
    """The expectations on rows of some sources: their rule set and their allow-list for symbols."""

    rules: RuleSet
    symbol_pattern: str
    sources: list[str]


def divide(name: str, frame: pl.DataFrame | DataFrame, rows: int, sets: list[Expected]) -> list[Subject]:
    """The subjects of one table: all of its rows, each under the rules of the source that its drop is of.

    Raises:
        ValidationFailedError: some rows belong to no declared source, so no rules apply to them.
    """
    if len(sets) == 1:
        return [Subject(name, frame, row_expectations(sets[0].rules, frame.columns, sets[0].symbol_pattern))]
    subjects = []
    names = Counter(expected.rules.name for expected in sets)
    for expected in sets:
        rules, sources = expected.rules, expected.sources
        if isinstance(frame, pl.DataFrame):
            mine: pl.DataFrame | DataFrame = frame.filter(drop_source().is_in(sources))
        else:
            mine = frame.where(F.split("drop_id", ":")[0].isin(sources))
        # Sources with one rule set and several allow-lists are distinguished by their names.
        suffix = rules.name if names[rules.name] == 1 else f"{rules.name}.{sources[0]}"
        subject = Subject(f"{name}.{suffix}", mine, row_expectations(rules, frame.columns, expected.symbol_pattern))
        if subject.rows():
            subjects.append(subject)
    seen = sum(subject.rows() for subject in subjects)
    if seen != rows:
        raise ValidationFailedError(
            f"audit of {name}: {rows - seen} of {rows} rows belong to no source in include/config/sources; "
            "expected rules for every row"
        )
    return subjects
