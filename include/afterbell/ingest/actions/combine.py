"""Combines evidence of corporate actions from bars and from reports. Pure.

Each claim has the rank of its source. The higher rank counts, of equal ranks the newer claim; the others about the same
ex-session are witnesses, and one about the same action on a session near by is dropped. A move that evidence could
not decide does not count. The history is replayed instant by instant, so the rows don't depend on the runs that make
them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from math import log
from typing import NamedTuple

import polars as pl

from afterbell.ingest.actions.decide import ACTIONS, CERTAIN, ELSEWHERE, SINGLE_WITNESS, UNDECIDED, WITHDRAWN, Belief
from afterbell.ingest.actions.quiet import REACH
from afterbell.ingest.actions.ratios import FAR_FROM_ONE
from afterbell.ingest.actions.reports import ReportedAction

REPORTED_BASIS = "reported"
"""Basis of a row that a source of actions reports."""

_DERIVED = ""
_LOWEST = -1000
_SAME_FACTOR = 0.02
_SAME_PAYOUT = 0.05
_ROUNDED = 5e-4


@dataclass
class Claim:
    """The claim of one source about an ex-session; evidence counts as a source."""

    rank: int
    since: datetime
    origin: str
    session: date
    belief: Belief
    drop_id: str
    witnesses: list[Claim] = field(default_factory=list)
    doubted: bool = False


class DerivedRow(NamedTuple):
    """A row of the actions that evidence alone justifies."""

    session: date
    belief: Belief
    known: datetime
    drop_id: str


def combine(derived: pl.DataFrame, reports: Sequence[ReportedAction], ranks: Mapping[str, int]) -> pl.DataFrame:
    """The rows that evidence and reports justify together, near ex-sessions that are reported.

    Args:
        derived: ``ACTIONS`` that evidence alone justifies, all of them around the reported ex-sessions.
        reports: those that count.
        ranks: of sources of bars, by name; 0 for one that is missing.

    Returns:
        ``ACTIONS`` in the order in which they become known, of ex-sessions within ``REACH`` days of a reported one, or
        of one that is so near to it.
    """
    symbols = {report.symbol for report in reports}
    derived_rows: dict[str, list[DerivedRow]] = defaultdict(list)
    names = ("symbol", "ex_session", "factor", "kind", "basis", "confidence", "rests_on", "knowledge_time", "drop_id")
    for symbol, session, *belief, known, drop_id in derived.select(names).iter_rows():
        if symbol in symbols:
            derived_rows[symbol].append(DerivedRow(session, Belief(*belief), known, drop_id))
    reports_by_symbol: dict[str, list[ReportedAction]] = defaultdict(list)
    for report in reports:
        reports_by_symbol[report.symbol].append(report)
    rows = [
        (symbol, *row)
        for symbol in sorted(symbols)
        for cluster_rows, cluster_reports in _clusters(derived_rows[symbol], reports_by_symbol[symbol])
        for row in _replay(cluster_rows, cluster_reports, ranks)
    ]
    return pl.DataFrame(rows, schema=ACTIONS, orient="row").sort("knowledge_time", "symbol", "ex_session")


def touched(derived: pl.DataFrame, reports: Sequence[ReportedAction]) -> set[tuple[str, date]]:
    """Symbols and ex-sessions that ``combine`` covers, given the same arguments."""
    derived_rows: dict[str, list[DerivedRow]] = defaultdict(list)
    for symbol, session, known, drop_id in derived.select(
        "symbol", "ex_session", "knowledge_time", "drop_id"
    ).iter_rows():
        derived_rows[symbol].append(DerivedRow(session, Belief(1.0, "", ""), known, drop_id))
    reports_by_symbol: dict[str, list[ReportedAction]] = defaultdict(list)
    for report in reports:
        reports_by_symbol[report.symbol].append(report)
    return {
        (symbol, session)
        for symbol, symbol_reports in reports_by_symbol.items()
        for cluster_rows, cluster_reports in _clusters(derived_rows[symbol], symbol_reports)
        for session in (*(row.session for row in cluster_rows), *(report.ex_session for report in cluster_reports))
    }


def _clusters(
    rows: Sequence[DerivedRow], reports: Sequence[ReportedAction]
) -> Iterator[tuple[list[DerivedRow], list[ReportedAction]]]:
    """Parts of one symbol's history that don't influence each other; only those about which something is reported."""
    days = sorted({row.session for row in rows} | {report.ex_session for report in reports})
    group: list[date] = []
    for day, after in zip(days, [*days[1:], None], strict=True):
        group.append(day)
        if after is None or (after - day).days > REACH:
            inside = set(group)
            cluster_reports = [report for report in reports if report.ex_session in inside]
            if cluster_reports:
                yield [row for row in rows if row.session in inside], cluster_reports
            group = []


def _replay(
    rows: Sequence[DerivedRow], reports: Sequence[ReportedAction], ranks: Mapping[str, int]
) -> Iterator[tuple[object, ...]]:
    """The rows of a cluster without the symbol: what changes at each instant at which something becomes known."""
    newest: dict[tuple[str, date], Claim] = {}
    last_reported: dict[tuple[str, date], datetime] = {}
    before: dict[date, Belief] = {}
    for instant in sorted({row.known for row in rows} | {report.known for report in reports}):
        fresh = {row.session: row for row in rows if row.known == instant}
        for row in fresh.values():
            newest[_DERIVED, row.session] = _claim_of_evidence(row, ranks)
        fresh_reports = [report for report in reports if report.known == instant]
        fresh_reports.sort(key=lambda report: (report.reported_at, report.drop_id))
        for report in fresh_reports:
            key = (report.source, report.ex_session)
            # An amount may have waited for its close.
            if key not in last_reported or report.reported_at >= last_reported[key]:
                last_reported[key], newest[key] = report.reported_at, _claim_of_report(report)
        now = _weigh_claims(newest.values())
        for session in sorted(before.keys() | now.keys()):
            belief = now[session][0] if session in now else None
            if belief == before.get(session):
                continue
            drop_id = _drop_of(session, now, fresh, fresh_reports)
            known = belief or Belief(1.0, before[session].kind, WITHDRAWN)
            yield session, known.factor, known.kind, known.basis, instant, drop_id, known.confidence, known.rests_on
        before = {session: belief for session, (belief, _) in now.items()}


def _drop_of(
    session: date,
    now: Mapping[date, tuple[Belief, Claim]],
    fresh_rows: Mapping[date, DerivedRow],
    fresh_reports: Sequence[ReportedAction],
) -> str:
    """The drop that a row names: that of the claim that is believed, or the one that made the change."""
    if session in now and now[session][1].origin != _DERIVED:
        return now[session][1].drop_id
    if session in fresh_rows:
        return fresh_rows[session].drop_id
    near = [report for report in fresh_reports if abs((report.ex_session - session).days) <= REACH]
    if near:
        return near[-1].drop_id
    return min(fresh_rows.values(), key=lambda row: abs((row.session - session).days)).drop_id


def _claim_of_evidence(row: DerivedRow, ranks: Mapping[str, int]) -> Claim:
    rank = _LOWEST if row.belief.basis == UNDECIDED else ranks.get(row.drop_id.split(":")[0], 0)
    return Claim(rank, row.known, _DERIVED, row.session, row.belief, row.drop_id)


def _claim_of_report(report: ReportedAction) -> Claim:
    belief = Belief(report.factor, report.kind, REPORTED_BASIS, SINGLE_WITNESS, report.source)
    return Claim(report.rank, report.known, report.source, report.ex_session, belief, report.drop_id)


def _weigh_claims(claims: Iterable[Claim]) -> dict[date, tuple[Belief, Claim]]:
    """What is believed about each ex-session, with the claim that counts."""
    standing = [claim for claim in claims if claim.belief.basis != WITHDRAWN]
    # Of one instant and rank a report counts before evidence, and sources in the order of their names.
    standing.sort(key=lambda claim: (claim.origin == _DERIVED, claim.origin))
    standing.sort(key=lambda claim: (claim.rank, claim.since), reverse=True)
    counts: dict[date, Claim] = {}
    for claim in standing:
        claim.witnesses, claim.doubted = [], False
        first = counts.get(claim.session)
        if first is not None:
            _add_witness(first, claim)
        elif not any(_is_same_action(claim, other) for other in counts.values()):
            counts[claim.session] = claim
    derived = {claim.session: claim.belief for claim in standing if claim.origin == _DERIVED}
    beliefs = {session: (_believed(claim, derived.get(session)), claim) for session, claim in counts.items()}
    return {session: (belief, claim) for session, (belief, claim) in beliefs.items() if belief is not None}


def _add_witness(first: Claim, other: Claim) -> None:
    if _alike(first.belief.factor, other.belief.factor):
        first.witnesses.append(other)
    elif other.belief.basis != UNDECIDED:
        first.doubted = True


def _is_same_action(claim: Claim, other: Claim) -> bool:
    """Whether ``other``, of another source, is the same action on a session near by."""
    near = abs((claim.session - other.session).days) <= REACH
    changes = claim.belief.factor != 1.0
    return near and changes and claim.origin != other.origin and _alike(claim.belief.factor, other.belief.factor)


def _believed(claim: Claim, derived: Belief | None) -> Belief | None:
    belief = claim.belief
    words = [belief.rests_on, *(witness.belief.rests_on for witness in claim.witnesses)]
    if claim.origin == _DERIVED:
        if not claim.witnesses or belief.basis == UNDECIDED:
            return belief
        return belief._replace(confidence=max(CERTAIN, belief.confidence), rests_on=", ".join(words))
    if belief.factor == 1.0:  # taken back, or reported as no action
        return None if derived is None else belief._replace(kind=derived.kind)
    confidence = CERTAIN if claim.witnesses else ELSEWHERE if claim.doubted else SINGLE_WITNESS
    return belief._replace(confidence=confidence, rests_on=", ".join(words))


def _alike(one: float, other: float) -> bool:
    """Whether two factors stand for the same action, rounding apart."""
    if max(abs(one - 1), abs(other - 1)) > FAR_FROM_ONE:
        return abs(log(one / other)) <= _SAME_FACTOR
    return abs(one - other) <= max(_SAME_PAYOUT * abs(1 - one), _ROUNDED) and (one - 1) * (other - 1) > 0
