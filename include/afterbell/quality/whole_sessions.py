"""The facts that rules about whole sessions bound, for every session that a branch adds, by source of bars."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import groupby

import polars as pl

from afterbell.calendar.sessions import Exchange
from afterbell.ingest.plan import USABLE
from afterbell.ingest.symbols import DELISTED
from afterbell.lake.tables import BARS, DROPS, QUARANTINE, SYMBOLS
from afterbell.quality.branch import BranchReader
from afterbell.quality.facts import SessionRows, fact, missing_symbols, trailing
from afterbell.quality.sequence import Scope, drop_source, runs
from afterbell.sources.rules import RuleSet
from afterbell.sources.set_rules import SetRule
from afterbell.sources.source import Source

HISTORY = 20
"""Sessions examined before one that is judged, where no rule needs more."""


@dataclass(frozen=True)
class SourceFacts:
    """A session's facts for one source of bars, and what they are compared with.

    Attributes:
        source: its name.
        session: the session.
        values: the facts, by rule.
        unchecked: rules that were not checked, and why.
        trailing: as ``afterbell.quality.facts.trailing`` gives it.
        missing: symbols that were expected and have no bar.
    """

    source: str
    session: date
    values: dict[SetRule, float]
    unchecked: dict[str, str] = field(default_factory=dict)
    trailing: pl.DataFrame = field(default_factory=pl.DataFrame)
    missing: list[str] = field(default_factory=list)

    @property
    def notes(self) -> list[str]:
        """A sentence for each rule that was not checked."""
        return [f"rule {name}: not checked for {self.session}, {why}" for name, why in self.unchecked.items()]

    def broken(self) -> list[str]:
        """A sentence for each rule that fails the session."""
        return [
            f"rule {rule.name}: {rule.kind} is {value:.4g}, expected {_bounds(rule)}"
            for rule, value in self.values.items()
            if rule.severity == "fail" and not rule.keeps(value)
        ]


def _bounds(rule: SetRule) -> str:
    low = "" if rule.min is None else f"at least {rule.min}"
    high = "" if rule.max is None else f"at most {rule.max}"
    return " and ".join(bound for bound in (low, high) if bound)


@dataclass(frozen=True)
class _Window:
    """Rows around some sessions: bars as ``revisions`` gives them, lines set aside, drops and events of symbols."""

    bars: pl.DataFrame
    rejects: pl.DataFrame
    drops: pl.DataFrame
    events: pl.DataFrame


class WholeSessions:
    """Computes the facts of sessions on a branch.

    Args:
        reader: of the branch.
        judged: the sources of bars with their rules.
        exchange: their calendar.
    """

    def __init__(self, reader: BranchReader, judged: Sequence[tuple[Source, RuleSet]], exchange: Exchange) -> None:
        self._reader, self._judged, self._exchange = reader, judged, exchange
        lengths = [rule.sessions for _, rules in judged for rule in rules.set_rules()]
        self.history = max([HISTORY, *lengths])

    def of(self, session: date, bars: pl.DataFrame) -> list[SourceFacts]:
        """The facts of one session, by source, whether the branch adds to it or not.

        Args:
            session: the session.
            bars: all bars of it and of ``history`` + 1 sessions before it.
        """
        before = self._exchange.before(session, self.history + 1)
        return [
            self._facts(source, rules, session, self._window(source, bars, [*before, session], [session]), whole=True)
            for source, rules in self._judged
        ]

    def others(
        self, sessions: Collection[tuple[str, date]], released: Collection[tuple[str, date]]
    ) -> list[SourceFacts]:
        """The facts of more sessions, in their order; a month's rows are read at a time.

        Each is judged by what was known on its own night: what a later drop brings of it hides nothing. A session that
        breaks a rule is not compared with: it will not be on ``main`` when the next one is run.

        Args:
            sessions: source and session of each.
            released: those that a person lets in even if they break the rules.
        """
        all_facts = []
        for source, rules in self._judged:
            mine = sorted(session for name, session in sessions if name == source.name)
            let_in = {session for name, session in released if name == source.name}
            for days in _months(mine):
                calendar = self._exchange.between(self._exchange.before(days[0], self.history + 1)[0], days[-1])
                bars = self._reader.between(BARS, "session", calendar[0], days[-1])
                window = self._window(source, bars, calendar, days)
                for day in days:
                    facts = self._facts(source, rules, day, window)
                    all_facts.append(facts)
                    if facts.broken() and day not in let_in:
                        window = replace(window, bars=window.bars.filter(pl.col("session") != day))
        return all_facts

    def _window(self, source: Source, bars: pl.DataFrame, calendar: list[date], days: Sequence[date]) -> _Window:
        mine = bars if len(self._judged) == 1 else bars.filter(drop_source() == source.name)
        first, last = min(days), max(days)
        drops = self._reader.between(DROPS, "session", first, last)
        rejects = self._reader.between(QUARANTINE, "session", first, last)
        events = self._reader.between(SYMBOLS, "valid_from", calendar[0], last)
        return _Window(
            revisions(mine),
            rejects.filter(pl.col("source") == source.name),
            drops.filter((pl.col("source") == source.name) & pl.col("state").is_in(USABLE)),
            events.sort("knowledge_time"),
        )

    def _facts(
        self, source: Source, rules: RuleSet, session: date, window: _Window, *, whole: bool = False
    ) -> SourceFacts:
        """The facts of a session; with what they are compared with, where ``whole``."""
        before = self._exchange.before(session, self.history + 1)
        jump = rules.jump()
        held = window.rejects.filter((pl.col("session") == session) & (pl.col("rule") == (jump.name if jump else "")))
        drops = window.drops.filter(pl.col("session") == session)
        events = window.events.filter(pl.col("valid_from").is_between(before[0], session))
        last = events.unique("symbol", keep="last", maintain_order=True)
        near = window.bars.filter(pl.col("session").is_between(before[0], session))
        # Repeats in the sessions before are shown, and no rule bounds them.
        bars = _with_repeats(known_on_night(near, session, drops), [*before, session], whole=whole)
        rows = SessionRows(
            session=session,
            calendar=before,
            bars=bars.filter(pl.col("session") > before[0]),
            # A ledger older than the column has no count of collapsed lines.
            lines={name: int(drops[name].fill_null(0).sum()) for name in ("rows", "quarantined", "collapsed")},
            held=held["symbol"].drop_nulls().to_list(),
            delisted=last.filter(pl.col("status") == DELISTED)["symbol"].to_list(),
        )
        values, unchecked = self._values(rules, rows)
        facts = SourceFacts(source.name, session, values, unchecked)
        if not whole:
            return facts
        missing = next(
            (missing_symbols(rows, rule.sessions) for rule in rules.set_rules() if rule.kind == "symbol_coverage"), None
        )
        return replace(facts, trailing=trailing(rows), missing=missing[0] if missing else [])

    def _values(self, rules: RuleSet, rows: SessionRows) -> tuple[dict[SetRule, float], dict[str, str]]:
        half_day = self._exchange.half_day(rows.session)
        values: dict[SetRule, float] = {}
        unchecked = {}
        for rule in rules.set_rules():
            if half_day and rule.half_days == "skip":
                unchecked[rule.name] = "a half day"
                continue
            value = fact(rule, rows)
            if value is None:
                unchecked[rule.name] = "too little history before it"
            else:
                values[rule] = value
        return values, unchecked


_VALUES = ("open", "high", "low", "close", "volume")
_SHOWN = ("symbol", "session", *_VALUES, "knowledge_time", "drop_id")


def revisions(bars: pl.DataFrame) -> pl.DataFrame:
    """All revisions, sorted by symbol and session, each with ``_until``: when the next one became known, or null."""
    ordered = bars.sort("symbol", "session", "knowledge_time", "revision").select(_SHOWN)
    same = pl.all_horizontal(pl.col(name) == pl.col(name).shift(-1) for name in ("symbol", "session"))
    return ordered.with_columns(_until=pl.when(same).then(pl.col("knowledge_time").shift(-1)))


def known_on_night(bars: pl.DataFrame, session: date, drops: pl.DataFrame) -> pl.DataFrame:
    """One revision of each bar: the newest known when the last of ``drops`` was; without drops the newest of all.

    Args:
        bars: as ``revisions`` gives them.
        session: whose night.
        drops: rows of ``raw.drops``, those of the session.
    """
    here = bars.filter(pl.col("session") == session)
    own = here.filter(pl.col("drop_id").is_in(drops["drop_id"].implode()))["knowledge_time"].max()
    instants = [instant for instant in (own, drops["knowledge_time"].max()) if instant is not None]
    if not instants:
        return bars.filter(pl.col("_until").is_null())
    night = pl.lit(max(instants), bars.schema["knowledge_time"])
    return bars.filter((pl.col("knowledge_time") <= night) & (pl.col("_until").is_null() | (pl.col("_until") > night)))


def _with_repeats(known: pl.DataFrame, calendar: Sequence[date], *, whole: bool) -> pl.DataFrame:
    """symbol, session, volume, repeats: whether a bar repeats the one before; in the last session, or ``whole``."""
    columns = ("symbol", "session", "volume")
    if whole:
        repeats = runs(known, Scope(calendar, calendar, (), ())).select("symbol", "session", repeats=pl.lit(value=True))
        marked = known.select(columns).join(repeats, on=["symbol", "session"], how="left")
        return marked.with_columns(pl.col("repeats").fill_null(value=False))
    late = pl.col("session") >= calendar[-2]
    same = pl.all_horizontal(pl.col(name) == pl.col(name).shift(1) for name in ("symbol", *_VALUES))
    near = known.filter(late).select(*columns, repeats=(same & (pl.col("volume") > 0)).fill_null(value=False))
    return pl.concat([known.filter(~late).select(*columns, repeats=pl.lit(value=False)), near])


def _months(sessions: Sequence[date]) -> Iterator[list[date]]:
    for _, days in groupby(sessions, key=lambda day: (day.year, day.month)):
        yield list(days)
