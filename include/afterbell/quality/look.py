"""Gathering what the audit and the quality report judge: the branch's new rows and the sessions around them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import groupby

import polars as pl

from afterbell.calendar.sessions import Exchange
from afterbell.ingest.plan import USABLE
from afterbell.ingest.sources.source import Source
from afterbell.ingest.symbols import DELISTED
from afterbell.lake.tables import BARS, CORPORATE_ACTIONS, DROPS, EVIDENCE, QUARANTINE, SYMBOLS
from afterbell.quality.branch import BranchReader
from afterbell.quality.facts import SessionRows, fact, missing_symbols, trailing
from afterbell.quality.moves import largest_moves
from afterbell.quality.rules import RuleSet
from afterbell.quality.sequence import Scope, Sight, by_symbol, drop_source, look, newest, runs
from afterbell.quality.set_rules import SetRule

_HISTORY = 20
_RUN = 10
"""Sessions looked at before the one that is run, and before any other, where no rule asks for more."""

_BESIDE = 3
MOVES = 40
"""Moves that are listed."""

Judged = Sequence[tuple[Source, RuleSet]]


@dataclass(frozen=True)
class SourceFacts:
    """A session's facts for one source of bars, and what they are compared with.

    Attributes:
        source: its name.
        values: what was found, by rule.
        notes: rules that were not checked, and why.
        trailing: as ``afterbell.quality.facts.trailing`` gives it.
        missing: symbols that were expected and have no bar.
    """

    source: str
    values: dict[SetRule, float]
    notes: list[str]
    trailing: pl.DataFrame
    missing: list[str]


@dataclass(frozen=True)
class Found:
    """What was seen.

    Attributes:
        ledger: the lines of ``raw.drops`` that the branch adds.
        rejects: lines set aside, of the branch's drops and of the sessions around them.
        actions: the corporate actions that the branch adds.
        facts: of the session that is run, by source of bars.
        symbols: by rule set of bars, as ``afterbell.quality.sequence.by_symbol`` gives it.
        repeats: symbol, session, run of every bar that repeats the one before it.
        gaps: sessions that a symbol has no bar of, between two that it has (``afterbell.quality.gaps.gaps``).
        idle: symbol, session of every new session's bar without volume.
        confirmed: symbol, session, close, drop_id of bars once held for a jump and told again.
        moves: the largest that are left, and why they are believed (``afterbell.quality.moves``).
    """

    ledger: pl.DataFrame
    rejects: pl.DataFrame
    actions: pl.DataFrame
    facts: list[SourceFacts] = field(default_factory=list)
    symbols: dict[str, pl.DataFrame] = field(default_factory=dict)
    repeats: pl.DataFrame | None = None
    gaps: pl.DataFrame | None = None
    idle: pl.DataFrame | None = None
    confirmed: pl.DataFrame | None = None
    moves: pl.DataFrame | None = None


class Gatherer:
    """Reads what is judged, each thing once."""

    def __init__(self, reader: BranchReader, judged: Judged, session: date) -> None:
        self._reader, self._session = reader, session
        self._judged = [(source, rules) for source, rules in judged if source.kind == "bars"]
        self._exchange = Exchange(self._judged[0][0].exchange) if self._judged else Exchange()
        history = [rule.sessions for _, rules in self._judged for rule in rules.set_rules()]
        self._history = max([_HISTORY, *history])
        # A run that is cut off at the limit breaks the rule all the same.
        self._run = max([_RUN, *(rules.stale_limit() or 0 for _, rules in self._judged)])
        self._ledger = reader.added(DROPS)

    def found(self) -> Found:
        """Everything."""
        before = self._exchange.before(self._session, self._history + 1)
        window = self._reader.between(BARS, "session", before[0], self._session)
        sessions = self._new_sessions()
        first = min([*sessions, before[-1]])
        rejects = self._reader.between(QUARANTINE, "session", self._exchange.previous(first), self._session)
        facts = [self._facts(source, rules, window, rejects, before) for source, rules in self._judged]
        return self._with_symbols(
            Found(self._ledger, rejects, self._reader.added(CORPORATE_ACTIONS), facts), window, before, sessions
        )

    def _new_sessions(self) -> list[date]:
        """The sessions of the usable drops of bars that the branch adds."""
        sources = [source.name for source, _ in self._judged]
        mine = self._ledger.filter(pl.col("source").is_in(sources) & pl.col("state").is_in(USABLE))
        return sorted(mine["session"].unique().to_list())

    def _facts(
        self, source: Source, rules: RuleSet, window: pl.DataFrame, rejects: pl.DataFrame, before: list[date]
    ) -> SourceFacts:
        mine = self._of([source], window)
        calendar = [*before, self._session]
        known = newest(mine)
        repeating = runs(known, Scope(calendar, calendar, (), ())).select(
            "symbol", "session", repeats=pl.lit(value=True)
        )
        bars = known.select("symbol", "session", "volume").join(repeating, on=["symbol", "session"], how="left")
        bars = bars.with_columns(pl.col("repeats").fill_null(value=False))
        jump = rules.jump()
        held = rejects.filter(
            (pl.col("source") == source.name)
            & (pl.col("session") == self._session)
            & (pl.col("rule") == (jump.name if jump else ""))
        )
        rows = SessionRows(
            session=self._session,
            calendar=before,
            bars=bars.filter(pl.col("session") > before[0]),
            lines=self._lines(source),
            held=held["symbol"].drop_nulls().to_list(),
            delisted=self._delisted(before),
        )
        values, notes = self._values(rules, rows)
        missing = next(
            (missing_symbols(rows, rule.sessions) for rule in rules.set_rules() if rule.kind == "symbol_coverage"), None
        )
        return SourceFacts(source.name, values, notes, trailing(rows), missing[0] if missing else [])

    def _values(self, rules: RuleSet, rows: SessionRows) -> tuple[dict[SetRule, float], list[str]]:
        half_day = self._exchange.half_day(self._session)
        values: dict[SetRule, float] = {}
        notes = []
        for rule in rules.set_rules():
            if half_day and rule.half_days == "skip":
                notes.append(f"rule {rule.name}: not checked for {self._session}, a half day")
                continue
            value = fact(rule, rows)
            if value is None:
                notes.append(f"rule {rule.name}: not checked for {self._session}, too little history before it")
            else:
                values[rule] = value
        return values, notes

    def _lines(self, source: Source) -> dict[str, int]:
        drops = self._reader.between(DROPS, "session", self._session, self._session)
        usable = drops.filter((pl.col("source") == source.name) & pl.col("state").is_in(USABLE))
        # A ledger of before the column was there has no count of collapsed lines.
        return {name: int(usable[name].fill_null(0).sum()) for name in ("rows", "quarantined", "collapsed")}

    def _delisted(self, before: list[date]) -> list[str]:
        events = self._reader.between(SYMBOLS, "valid_from", before[0], self._session)
        last = events.sort("knowledge_time").unique("symbol", keep="last")
        return last.filter(pl.col("status") == DELISTED)["symbol"].to_list()

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
