"""Gathering what the audit and the quality report judge: the branch's new rows and the sessions around them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import groupby

import polars as pl

from afterbell.calendar.sessions import Exchange
from afterbell.ingest.plan import USABLE, refusal_id
from afterbell.ingest.sources.source import Source
from afterbell.lake.tables import BARS, CORPORATE_ACTIONS, DROPS, EVIDENCE, QUARANTINE
from afterbell.lake.unseen import NEAR, unseen_sessions
from afterbell.quality.branch import BranchReader
from afterbell.quality.moves import largest_moves
from afterbell.quality.rules import RuleSet
from afterbell.quality.sequence import Scope, Sight, by_symbol, drop_source, look
from afterbell.quality.whole_sessions import SourceFacts, WholeSessions

_RUN = 10
"""Sessions looked at before the one that is run, and before any other, where no rule asks for more."""

_BESIDE = 3
_AT_ONCE = 5
"""Sessions that may come late with a night, each refused by itself; more of them are a first run over all history."""
MOVES = 40
"""Moves that are listed."""

Judged = Sequence[tuple[Source, RuleSet]]


@dataclass(frozen=True)
class Found:
    """What was seen.

    Attributes:
        ledger: the lines of ``raw.drops`` that the branch adds.
        rejects: lines set aside, of the branch's drops and of the sessions around them.
        actions: the corporate actions that the branch adds.
        facts: of the session that is run, by source of bars.
        others: of all other sessions that the branch adds usable drops of bars of.
        released: source and session of those that a person lets in whatever these rules say.
        filling: whether a range of history was asked for.
        symbols: by rule set of bars, as ``afterbell.quality.sequence.by_symbol`` gives it.
        repeats: symbol, session, run of every bar that repeats the one before it.
        gaps: sessions that a symbol has no bar of, between two that it has (``afterbell.quality.gaps.gaps``).
        idle: symbol, session of every new session's bar without volume.
        confirmed: symbol, session, close, drop_id of bars once held for a jump and told again.
        moves: the largest that are left, and why they are believed (``afterbell.quality.moves``).
        unseen: by source, the sessions from the branch's first on about whose corporate actions it showed nothing.
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

    @property
    def is_first_run(self) -> bool:
        """Whether a night's run brings so many other sessions that it is the first over all history."""
        return not self.filling and len(self.others) > _AT_ONCE

    def broken(self) -> dict[tuple[str, date], list[str]]:
        """The broken rules about whole sessions, by source and session.

        Sessions that were released are left out. So are the others of a first run over all history: they are named.
        """
        asked = self.facts if self.is_first_run else (*self.facts, *self.others)
        found = {(facts.source, facts.session): facts.broken() for facts in asked}
        return {whose: reasons for whose, reasons in found.items() if reasons and whose not in self.released}

    def named(self) -> list[str]:
        """A sentence for each session that breaks a rule and is published all the same."""
        refused = self.broken()
        return [
            f"session {facts.session} of {facts.source} {self._why(facts)}: {reason}"
            for facts in (*self.facts, *self.others)
            if (facts.source, facts.session) not in refused
            for reason in facts.broken()
        ]

    def _why(self, facts: SourceFacts) -> str:
        if (facts.source, facts.session) in self.released:
            return "was let in by a person all the same"
        return f"came with {len(self.others)} others and was published all the same"


class Gatherer:
    """Reads what is judged, each thing once."""

    def __init__(
        self, reader: BranchReader, judged: Judged, session: date, released: Collection[str], *, filling: bool
    ) -> None:
        """``released`` are the ids of refusals that a person has lifted; ``filling``: a range was asked for."""
        self._reader, self._session, self._filling = reader, session, filling
        self._judged = [(source, rules) for source, rules in judged if source.kind == "bars"]
        self._exchange = Exchange(self._judged[0][0].exchange) if self._judged else Exchange()
        self._whole = WholeSessions(reader, self._judged, self._exchange)
        # A run that is cut off at the limit breaks the rule all the same.
        self._run = max([_RUN, *(rules.stale_limit() or 0 for _, rules in self._judged)])
        self._ledger = reader.added(DROPS)
        self._released = self._let_in(released)

    def _let_in(self, released: Collection[str]) -> set[tuple[str, date]]:
        """Source and session of those whose every drop on the branch was released."""
        found: dict[tuple[str, date], bool] = {}
        for drop in self._usable().select("source", "session", "store", "key", "version").iter_rows(named=True):
            whose = (drop["source"], drop["session"])
            name = refusal_id(drop["source"], drop["store"], drop["key"], drop["version"])
            found[whose] = found.get(whose, True) and name in released
        return {whose for whose, let_in in found.items() if let_in}

    def found(self) -> Found:
        """Everything."""
        before = self._exchange.before(self._session, self._whole.history + 1)
        window = self._reader.between(BARS, "session", before[0], self._session)
        sessions = self._new_sessions()
        first = min([*sessions, before[-1]])
        rejects = self._reader.between(QUARANTINE, "session", self._exchange.previous(first), self._session)
        mine = self._usable().select("source", "session").unique().rows()
        found = Found(
            self._ledger,
            rejects,
            self._reader.added(CORPORATE_ACTIONS),
            self._whole.of(self._session, window),
            self._whole.others([each for each in mine if each[1] != self._session], self._released),
            self._released,
            self._filling,
            unseen=self._unseen(sessions),
        )
        return self._with_symbols(found, window, before, sessions)

    def _unseen(self, sessions: list[date]) -> dict[str, list[date]]:
        """By source, the sessions from the first of ``sessions`` on about whose actions it showed nothing."""
        if not sessions:
            return {}
        calendar = self._exchange.between(self._exchange.before(sessions[0], 2 * NEAR)[0], self._session)
        ledger = self._reader.between(DROPS, "session", calendar[0], self._session)
        found = unseen_sessions(ledger, calendar)
        return {source: [day for day in days if day >= sessions[0]] for source, days in found.items()}

    def _usable(self) -> pl.DataFrame:
        """The usable drops of bars that the branch adds."""
        sources = [source.name for source, _ in self._judged]
        return self._ledger.filter(pl.col("source").is_in(sources) & pl.col("state").is_in(USABLE))

    def _new_sessions(self) -> list[date]:
        """The sessions of the usable drops of bars that the branch adds."""
        return sorted(self._usable()["session"].unique().to_list())

    def _with_symbols(self, found: Found, window: pl.DataFrame, before: list[date], sessions: list[date]) -> Found:
        """``found`` with what each symbol's bars show, a month at a time: memory does not grow with it."""
        if not sessions:
            return found
        first = self._exchange.before(sessions[0], _BESIDE)[0]
        actions = self._reader.between(CORPORATE_ACTIONS, "ex_session", first, sessions[-1])
        drops = self._ledger["drop_id"].to_list()
        held = found.rejects.filter(pl.col("rule").is_in(self._jump_rules())).select("symbol", "session").unique()
        sights: dict[str, list[Sight]] = {}
        confirmed, far = [], []
        for chunk in self._chunks(sessions, before):
            calendar = self._exchange.between(self._exchange.before(chunk[0], self._run)[0], chunk[-1])
            inside = calendar[0] >= before[0] and chunk[-1] <= self._session
            near = pl.col("session") >= calendar[0]
            bars = window.filter(near) if inside else self._reader.between(BARS, "session", calendar[0], chunk[-1])
            told_again = bars.filter(pl.col("drop_id").is_in(drops)).join(held, on=["symbol", "session"], how="semi")
            confirmed.append(told_again.select("symbol", "session", "close", "drop_id"))
            evidence = self._reader.between(EVIDENCE, "session", calendar[0], chunk[-1])
            # No drop had both sessions, so there was nothing to compare when the bar came in.
            untold = evidence.filter(pl.col("blur").is_null()).select("symbol", "session")
            far.append(self._largest(bars, actions, untold, calendar[max(0, calendar.index(chunk[0]) - _BESIDE) :]))
            for name, (_, sources) in self._by_rules().items():
                comparing = [source.name for source in sources if "previous" in source.carries]
                scope = Scope(calendar, chunk, drops, comparing)
                sights.setdefault(name, []).append(look(self._of(sources, bars), actions, scope, untold))
        return replace(
            found,
            symbols={name: by_symbol(mine) for name, mine in sights.items()},
            repeats=pl.concat([sight.runs for mine in sights.values() for sight in mine]),
            gaps=pl.concat([sight.gaps for mine in sights.values() for sight in mine]),
            idle=pl.concat([sight.idle for mine in sights.values() for sight in mine]),
            confirmed=pl.concat(confirmed).unique(["symbol", "session"], maintain_order=True),
            moves=_largest_of_all(far),
        )

    def _largest(
        self, bars: pl.DataFrame, actions: pl.DataFrame, untold: pl.DataFrame, near: list[date]
    ) -> pl.DataFrame:
        """The largest moves from the session before those judged on: only now is it known whether they were undone."""
        inside = bars.filter(pl.col("session").is_in(near))
        found = largest_moves(inside, actions, near, newcomers=untold, limit=2 * MOVES)
        return found.filter(pl.col("session") >= near[min(_BESIDE - 1, len(near) - 1)]).head(MOVES)

    def _jump_rules(self) -> list[str]:
        return [jump.name for _, rules in self._judged if (jump := rules.jump()) is not None]

    def _by_rules(self) -> dict[str, tuple[RuleSet, list[Source]]]:
        found: dict[str, tuple[RuleSet, list[Source]]] = {}
        for source, rules in self._judged:
            found.setdefault(rules.name, (rules, []))[1].append(source)
        return found

    def _of(self, sources: Sequence[Source], bars: pl.DataFrame) -> pl.DataFrame:
        if len(sources) == len(self._judged):
            return bars
        return bars.filter(drop_source().is_in([source.name for source in sources]))

    def _chunks(self, sessions: list[date], before: list[date]) -> Iterator[list[date]]:
        if sessions[0] >= before[self._run]:  # the window holds them, and what stands before them
            yield sessions
            return
        for _, days in groupby(sessions, key=lambda day: (day.year, day.month)):
            yield list(days)


def _largest_of_all(found: list[pl.DataFrame]) -> pl.DataFrame:
    # A month's last moves are seen again with the next one, which knows what came after them.
    moves = pl.concat(found).unique(["symbol", "session"], keep="last")
    return moves.sort((pl.col("return") + 1).log().abs(), "symbol", descending=[True, False]).head(MOVES)
