"""What counts where bars and reports both say something of a corporate action. Pure.

Each claim has the rank of its source. The higher rank counts, of equal ranks the newer claim; the others about the same
ex-session are witnesses, and one about the same action on a session near by is dropped. A move that evidence could
not decide has no say. All is told again instant by instant, so that rows are the same in whatever runs they are made.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from math import log
from typing import NamedTuple

import polars as pl

from afterbell.ingest.actions.decide import ACTIONS, CERTAIN, ELSEWHERE, TOLD, UNDECIDED, WITHDRAWN, Belief
from afterbell.ingest.actions.quiet import REACH
from afterbell.ingest.actions.ratios import FAR_FROM_ONE
from afterbell.ingest.actions.reports import Report

REPORTED_BASIS = "reported"
"""Basis of a row that a source of actions reports."""

_DERIVED = ""
_LOWEST = -1000
_SAME_FACTOR = 0.02
_SAME_PAYOUT = 0.05
_ROUNDED = 5e-4


@dataclass
class Claim:
    """What one source says of an ex-session, evidence being one of them."""

    rank: int
    since: datetime
    origin: str
    session: date
    belief: Belief
    drop_id: str
    witnesses: list[Claim] = field(default_factory=list)
    doubted: bool = False


class Told(NamedTuple):
    """A row of evidence's own actions."""

    session: date
    belief: Belief
    known: datetime
    drop_id: str


def combine(derived: pl.DataFrame, reports: Sequence[Report], ranks: Mapping[str, int]) -> pl.DataFrame:
    """The rows that evidence and reports justify together, near ex-sessions that are reported.

    Args:
        derived: ``ACTIONS`` that evidence alone justifies, all of them around the reported ex-sessions.
        reports: those that count.
        ranks: of sources of bars, by name; 0 for one that isn't there.

    Returns:
        ``ACTIONS`` in the order in which they become known, of ex-sessions within ``REACH`` days of a reported one, or
        of one that is so near to it.
    """
    symbols = {report.symbol for report in reports}
    mine: dict[str, list[Told]] = defaultdict(list)
    names = ("symbol", "ex_session", "factor", "kind", "basis", "confidence", "rests_on", "knowledge_time", "drop_id")
    for symbol, session, *belief, known, drop in derived.select(names).iter_rows():
        if symbol in symbols:
            mine[symbol].append(Told(session, Belief(*belief), known, drop))
    theirs: dict[str, list[Report]] = defaultdict(list)
    for report in reports:
        theirs[report.symbol].append(report)
    rows = [
        (symbol, *row)
        for symbol in sorted(symbols)
        for told, said in _clusters(mine[symbol], theirs[symbol])
        for row in _replay(told, said, ranks)
    ]
    return pl.DataFrame(rows, schema=ACTIONS, orient="row").sort("knowledge_time", "symbol", "ex_session")


def touched(derived: pl.DataFrame, reports: Sequence[Report]) -> set[tuple[str, date]]:
    """Symbols and ex-sessions that ``combine`` of the same arguments speaks of."""
    days: dict[str, list[Told]] = defaultdict(list)
    for symbol, session, known, drop in derived.select("symbol", "ex_session", "knowledge_time", "drop_id").iter_rows():
        days[symbol].append(Told(session, Belief(1.0, "", ""), known, drop))
    theirs: dict[str, list[Report]] = defaultdict(list)
    for report in reports:
        theirs[report.symbol].append(report)
    return {
        (symbol, session)
        for symbol, mine in theirs.items()
        for told, said in _clusters(days[symbol], mine)
        for session in (*(each.session for each in told), *(each.ex_session for each in said))
    }


def _clusters(told: Sequence[Told], reports: Sequence[Report]) -> Iterator[tuple[list[Told], list[Report]]]:
    """Parts of one symbol's history that have no say in each other, those alone that something is reported of."""
    days = sorted({each.session for each in told} | {each.ex_session for each in reports})
    group: list[date] = []
    for day, after in zip(days, [*days[1:], None], strict=True):
        group.append(day)
        if after is None or (after - day).days > REACH:
            inside = set(group)
            said = [each for each in reports if each.ex_session in inside]
            if said:
                yield [each for each in told if each.session in inside], said
            group = []


def _replay(told: Sequence[Told], reports: Sequence[Report], ranks: Mapping[str, int]) -> Iterator[tuple[object, ...]]:
    """The rows of a cluster without the symbol: what changes at each instant at which something becomes known."""
    newest: dict[tuple[str, date], Claim] = {}
    heard: dict[tuple[str, date], datetime] = {}
    was: dict[date, Belief] = {}
    for at in sorted({each.known for each in told} | {each.known for each in reports}):
        fresh = {each.session: each for each in told if each.known == at}
        for each in fresh.values():
            newest[_DERIVED, each.session] = _as_claim(each, ranks)
        said = sorted((each for each in reports if each.known == at), key=lambda each: (each.told, each.drop_id))
        for report in said:
            key = (report.source, report.ex_session)
            if key not in heard or report.told >= heard[key]:  # an amount may have waited for its close
                heard[key], newest[key] = report.told, _reported(report)
        now = _settle(newest.values())
        for session in sorted(was.keys() | now.keys()):
            belief = now[session][0] if session in now else None
            if belief == was.get(session):
                continue
            drop = _drop_of(session, now, fresh, said)
            known = belief or Belief(1.0, was[session].kind, WITHDRAWN)
            yield session, known.factor, known.kind, known.basis, at, drop, known.confidence, known.rests_on
        was = {session: belief for session, (belief, _) in now.items()}


def _drop_of(
    session: date, now: Mapping[date, tuple[Belief, Claim]], fresh: Mapping[date, Told], said: Sequence[Report]
) -> str:
    """The drop that a row names: the one that is believed, or that made the change."""
    if session in now and now[session][1].origin != _DERIVED:
        return now[session][1].drop_id
    if session in fresh:
        return fresh[session].drop_id
    near = [each for each in said if abs((each.ex_session - session).days) <= REACH]
    if near:
        return near[-1].drop_id
    return min(fresh.values(), key=lambda each: abs((each.session - session).days)).drop_id


def _as_claim(told: Told, ranks: Mapping[str, int]) -> Claim:
    rank = _LOWEST if told.belief.basis == UNDECIDED else ranks.get(told.drop_id.split(":")[0], 0)
    return Claim(rank, told.known, _DERIVED, told.session, told.belief, told.drop_id)


def _reported(report: Report) -> Claim:
    belief = Belief(report.factor, report.kind, REPORTED_BASIS, TOLD, report.source)
    return Claim(report.rank, report.known, report.source, report.ex_session, belief, report.drop_id)


def _settle(claims: Iterable[Claim]) -> dict[date, tuple[Belief, Claim]]:
    """What is believed by ex-session, with the claim that counts."""
    said = [each for each in claims if each.belief.basis != WITHDRAWN]
    # Of one instant and rank a report counts before evidence, and sources in the order of their names.
    said.sort(key=lambda each: (each.origin == _DERIVED, each.origin))
    said.sort(key=lambda each: (each.rank, each.since), reverse=True)
    counts: dict[date, Claim] = {}
    for claim in said:
        claim.witnesses, claim.doubted = [], False
        first = counts.get(claim.session)
        if first is not None:
            _hear(first, claim)
        elif not any(_told_there(claim, other) for other in counts.values()):
            counts[claim.session] = claim
    derived = {each.session: each.belief for each in said if each.origin == _DERIVED}
    found = {session: (_believed(claim, derived.get(session)), claim) for session, claim in counts.items()}
    return {session: (belief, claim) for session, (belief, claim) in found.items() if belief is not None}


def _hear(first: Claim, other: Claim) -> None:
    if _alike(first.belief.factor, other.belief.factor):
        first.witnesses.append(other)
    elif other.belief.basis != UNDECIDED:
        first.doubted = True


def _told_there(claim: Claim, other: Claim) -> bool:
    """Whether ``other``, of another source, is the same action on a session near by."""
    near = abs((claim.session - other.session).days) <= REACH
    changes = claim.belief.factor != 1.0
    return near and changes and claim.origin != other.origin and _alike(claim.belief.factor, other.belief.factor)


def _believed(claim: Claim, derived: Belief | None) -> Belief | None:
    belief = claim.belief
    words = [belief.rests_on, *(each.belief.rests_on for each in claim.witnesses)]
    if claim.origin == _DERIVED:
        if not claim.witnesses or belief.basis == UNDECIDED:
            return belief
        return belief._replace(confidence=max(CERTAIN, belief.confidence), rests_on=", ".join(words))
    if belief.factor == 1.0:  # taken back, or said not to be
        return None if derived is None else belief._replace(kind=derived.kind)
    confidence = CERTAIN if claim.witnesses else ELSEWHERE if claim.doubted else TOLD
    return belief._replace(confidence=confidence, rests_on=", ".join(words))


def _alike(one: float, other: float) -> bool:
    """Whether two factors stand for the same action, rounding apart."""
    if max(abs(one - 1), abs(other - 1)) > FAR_FROM_ONE:
        return abs(log(one / other)) <= _SAME_FACTOR
    return abs(one - other) <= max(_SAME_PAYOUT * abs(1 - one), _ROUNDED) and (one - 1) * (other - 1) > 0
