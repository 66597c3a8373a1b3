"""Findings on a branch and on the sessions around it, which the audit and the quality report judge. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import polars as pl

from afterbell.quality.exhibits import Exhibits
from afterbell.quality.neighbours import Coverage
from afterbell.quality.whole_sessions import SourceFacts

_AT_ONCE = 5
"""Sessions that may come late with a night, each refused by itself; more of them are a first run over all history."""


@dataclass(frozen=True)
class Found:
    """Findings on one branch.

    Attributes:
        ledger: the lines of ``raw.drops`` that the branch adds.
        rejects: lines set aside, of the branch's drops and of the sessions around them.
        actions: the corporate actions that the branch adds.
        facts: of the session that is run, by source of bars.
        others: of all other sessions that the branch adds usable drops of bars of.
        released: source and session of those that a person lets in even if they break these rules.
        filling: whether a range of history was requested.
        symbols: by rule set of bars, as ``afterbell.quality.sequence.by_symbol`` gives it.
        repeats: symbol, session, run of every bar that repeats the one before it.
        gaps: sessions that a symbol has no bar of, between two that it has (``afterbell.quality.sequence.gaps``).
        idle: symbol, session of every new session's bar without volume.
        confirmed: symbol, session, close, drop_id of bars once held for a jump and delivered again.
        moves: the largest that are left, and why they are believed (``afterbell.quality.moves``).
        unseen: by source, the sessions from the branch's first on about whose corporate actions it showed nothing.
        exhibits: unexplained moves, restated closes and the bars beside them.
        listings: new, renamed, re-used and delisted symbols (``afterbell.quality.listings``).
        coverage: sessions beside those before and after them, by source (``afterbell.quality.neighbours``).
        thin: a sentence for each session of a run over many that has less than its neighbours, or no drop of its own.
    """

    ledger: pl.DataFrame
    rejects: pl.DataFrame
    actions: pl.DataFrame
    facts: list[SourceFacts] = field(default_factory=list)
    others: list[SourceFacts] = field(default_factory=list)
    released: set[tuple[str, date]] = field(default_factory=set)
    filling: bool = False
    symbols: dict[str, pl.DataFrame] = field(default_factory=dict)
    repeats: pl.DataFrame | None = None
    gaps: pl.DataFrame | None = None
    idle: pl.DataFrame | None = None
    confirmed: pl.DataFrame | None = None
    moves: pl.DataFrame | None = None
    unseen: dict[str, list[date]] = field(default_factory=dict)
    exhibits: Exhibits | None = None
    listings: pl.DataFrame | None = None
    coverage: list[Coverage] = field(default_factory=list)
    thin: list[str] = field(default_factory=list)

    @property
    def is_first_run(self) -> bool:
        """Whether a night's run brings so many other sessions that it is the first over all history."""
        return not self.filling and len(self.others) > _AT_ONCE

    def broken(self) -> dict[tuple[str, date], list[str]]:
        """The broken rules about whole sessions, by source and session.

        Sessions that were released are left out. So are the others of a first run over all history: they are named.
        """
        judged = self.facts if self.is_first_run else (*self.facts, *self.others)
        broken_rules = {(facts.source, facts.session): facts.broken() for facts in judged}
        return {key: reasons for key, reasons in broken_rules.items() if reasons and key not in self.released}

    def named(self) -> list[str]:
        """A sentence for each session that breaks a rule and is published nevertheless."""
        refused = self.broken()
        return [
            f"session {facts.session} of {facts.source} {self._reason_published(facts)}: {reason}"
            for facts in (*self.facts, *self.others)
            if (facts.source, facts.session) not in refused
            for reason in facts.broken()
        ]

    def _reason_published(self, facts: SourceFacts) -> str:
        if (facts.source, facts.session) in self.released:
            return "was released by a person"
        return f"came with {len(self.others)} others and was published nevertheless"
