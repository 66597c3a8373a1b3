"""Gathering what the audit and the quality report judge: the branch's new rows and the sessions around them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import groupby

import polars as pl

from afterbell.calendar.sessions import Exchange
from afterbell.errors import CalendarBoundsError
from afterbell.ingest.actions.decide import MOVED, PRICE, UNDECIDED
from afterbell.ingest.plan import USABLE, refusal_id
from afterbell.lake.listings import is_factor
from afterbell.lake.tables import BARS, CORPORATE_ACTIONS, DROPS, EVIDENCE, QUARANTINE, SYMBOLS
from afterbell.lake.unseen import NEAR, unseen_sessions
from afterbell.quality.branch import BranchReader
from afterbell.quality.exhibits import BESIDE as AROUND
from afterbell.quality.exhibits import Exhibits
from afterbell.quality.findings import Found
from afterbell.quality.listings import symbol_changes
from afterbell.quality.moves import furthest
from afterbell.quality.neighbours import BESIDE
from afterbell.quality.presence import Presence, bounds_of
from afterbell.quality.sequence import Scope, Sight, by_symbol, drop_source, look
from afterbell.quality.whole_sessions import WholeSessions
from afterbell.sources.rules import RuleSet
from afterbell.sources.source import Source

_RUN = 10
"""Sessions examined before the one that is run, and before any other, where no rule needs more."""

MOVES = 40
"""Moves that are listed, whatever their size."""
_KEPT = 120
"""Held bars and inferred actions that are shown with the bars beside them."""
_EVER = (date(1900, 1, 1), date(2200, 1, 1))
INFERRED = (PRICE, MOVED, UNDECIDED)
"""Where a factor comes from that the vendor does not show for its session."""

Judged = Sequence[tuple[Source, RuleSet]]


class Gatherer:
    """Reads what is judged, each thing once."""

    def __init__(
        self, reader: BranchReader, judged: Judged, session: date, released: Collection[str], *, filling: bool
    ) -> None:
        """``released`` are the ids of refusals that a person has lifted; ``filling``: a range was requested."""
        self._reader, self._session, self._filling = reader, session, filling
        self._judged = [(source, rules) for source, rules in judged if source.kind == "bars"]
        self._exchange = Exchange(self._judged[0][0].exchange) if self._judged else Exchange()
        self._whole = WholeSessions(reader, self._judged, self._exchange)
        # A run that is cut off at the limit breaks the rule, too.
        self._run = max([_RUN, *(rules.stale_limit() or 0 for _, rules in self._judged)])
        self._ledger = reader.added(DROPS)
        self._released = self._fully_released(released)

    def _fully_released(self, released: Collection[str]) -> set[tuple[str, date]]:
        """Source and session of those whose every drop on the branch was released."""
        all_released: dict[tuple[str, date], bool] = {}
        for drop in self._usable().select("source", "session", "store", "key", "version").iter_rows(named=True):
            key = (drop["source"], drop["session"])
            name = refusal_id(drop["source"], drop["store"], drop["key"], drop["version"])
            all_released[key] = all_released.get(key, True) and name in released
        return {key for key, let_in in all_released.items() if let_in}

    def collect(self) -> Found:
        """All findings."""
        before = self._exchange.before(self._session, self._whole.history + 1)
        window = self._reader.between(BARS, "session", before[0], self._session)
        sessions = self._new_sessions()
        first = min([*sessions, before[-1]])
        rejects = self._reader.between(QUARANTINE, "session", self._exchange.previous(first), self._session)
        mine = self._usable().select("source", "session").unique().rows()
        ledger = self._ledger_around(sessions)
        findings = Found(
            self._ledger,
            rejects,
            self._reader.added(CORPORATE_ACTIONS),
            self._whole.of(self._session, window),
            self._whole.others([key for key in mine if key[1] != self._session], self._released),
            self._released,
            self._filling,
            unseen=self._unseen(sessions, ledger),
            listings=self._listings(),
        )
        presence = Presence(ledger, {source.name: rules for source, rules in self._judged})
        if sessions and sessions[0] >= before[self._run]:
            presence.add(window, [*before, self._session])
        findings = self._with_symbols(findings, window, before, sessions, presence)
        return self._with_coverage(findings, presence, sessions)

    def _listings(self) -> pl.DataFrame:
        """What the branch adds to the log of symbols; read whole only where it adds anything."""
        added = self._reader.added(SYMBOLS)
        log = self._reader.between(SYMBOLS, "valid_from", *_EVER) if added.height else added
        return symbol_changes(log, added)

    def _ledger_around(self, sessions: list[date]) -> pl.DataFrame:
        """The lines of ``raw.drops`` from well before the first of ``sessions`` on."""
        first = self._exchange.before(sessions[0] if sessions else self._session, 2 * NEAR)[0]
        return self._reader.between(DROPS, "session", first, max([*sessions, self._session]))

    def _unseen(self, sessions: list[date], ledger: pl.DataFrame) -> dict[str, list[date]]:
        """By source, the sessions from the first of ``sessions`` on about whose actions it showed nothing."""
        if not sessions:
            return {}
        calendar = self._exchange.between(self._exchange.before(sessions[0], 2 * NEAR)[0], self._session)
        unseen = unseen_sessions(ledger, calendar)
        return {source: [day for day in days if day >= sessions[0]] for source, days in unseen.items()}

    def _with_coverage(self, findings: Found, presence: Presence, sessions: list[date]) -> Found:
        """``findings`` with each session beside its neighbours, and those of a run over many that have too little."""
        if not sessions:
            return findings
        last, several = max(sessions), len(sessions) > 1
        after = self._after(last) if several else []
        if after:
            presence.add(self._reader.between(BARS, "session", after[0], after[-1]), after)
        calendar = self._exchange.between(self._exchange.before(sessions[0], self._whole.history)[0], last)
        days = [day for day in calendar if day >= sessions[0]] if several else calendar
        seen = presence.coverage([*calendar, *after], days)
        bounds = {source.name: bounds_of(rules) for source, rules in self._judged}
        new = set(self._usable().select("source", "session").rows())
        named = {(facts.source, facts.session) for facts in (*findings.facts, *findings.others) if facts.broken()}
        thin = [
            f"session {coverage.session} of {coverage.source}: {reason}"
            for coverage in seen
            if several and ((coverage.source, coverage.session) in new or not coverage.delivered)
            if (coverage.source, coverage.session) not in named
            for reason in coverage.broken(bounds[coverage.source])
        ]
        return replace(findings, coverage=seen, thin=thin)

    def _after(self, session: date) -> list[date]:
        """The sessions after ``session`` that are compared with; none where the calendar ends."""
        try:
            return self._exchange.between(session, session + timedelta(days=3 * BESIDE))[1 : BESIDE + 1]
        except CalendarBoundsError:
            return []

    def _usable(self) -> pl.DataFrame:
        """The usable drops of bars that the branch adds."""
        sources = [source.name for source, _ in self._judged]
        return self._ledger.filter(pl.col("source").is_in(sources) & pl.col("state").is_in(USABLE))

    def _new_sessions(self) -> list[date]:
        """The sessions of the usable drops of bars that the branch adds."""
        return sorted(self._usable()["session"].unique().to_list())

    def _with_symbols(
        self, findings: Found, window: pl.DataFrame, before: list[date], sessions: list[date], presence: Presence
    ) -> Found:
        """``findings`` with what each symbol's bars show, a month at a time: memory does not grow with it."""
        if not sessions:
            return findings
        first = self._exchange.before(sessions[0], AROUND)[0]
        actions = self._reader.between(CORPORATE_ACTIONS, "ex_session", first, sessions[-1])
        drops = self._ledger["drop_id"].to_list()
        held = findings.rejects.filter(pl.col("rule").is_in(self._jump_rules())).select("symbol", "session").unique()
        sights: dict[str, list[Sight]] = {}
        confirmed, far = [], []
        exhibits = Exhibits(actions, drops, pl.concat([held, self._inferred(findings.actions)]).head(_KEPT))
        for chunk in self._chunks(sessions, before):
            calendar = self._exchange.between(self._exchange.before(chunk[0], self._run)[0], chunk[-1])
            inside = calendar[0] >= before[0] and chunk[-1] <= self._session
            recent = pl.col("session") >= calendar[0]
            bars = window.filter(recent) if inside else self._reader.between(BARS, "session", calendar[0], chunk[-1])
            presence.add(bars, calendar)
            repeated = bars.filter(pl.col("drop_id").is_in(drops)).join(held, on=["symbol", "session"], how="semi")
            confirmed.append(repeated.select("symbol", "session", "close", "drop_id"))
            evidence = self._reader.between(EVIDENCE, "session", calendar[0], chunk[-1])
            # No drop had both sessions, so there was nothing to compare when the bar came in.
            uncompared = evidence.filter(pl.col("blur").is_null()).select("symbol", "session")
            near = calendar[max(0, calendar.index(chunk[0]) - AROUND) :]
            # Only now is it known whether the moves of the stretch before were undone.
            far.append(furthest(exhibits.add(bars, calendar, near, uncompared), MOVES))
            for name, (_, sources) in self._by_rules().items():
                comparing = [source.name for source in sources if "previous" in source.carries]
                scope = Scope(calendar, chunk, drops, comparing)
                sights.setdefault(name, []).append(look(self._bars_of(sources, bars), actions, scope, uncompared))
        return replace(
            findings,
            symbols={name: by_symbol(mine) for name, mine in sights.items()},
            repeats=pl.concat([sight.runs for mine in sights.values() for sight in mine]),
            gaps=pl.concat([sight.gaps for mine in sights.values() for sight in mine]),
            idle=pl.concat([sight.idle for mine in sights.values() for sight in mine]),
            confirmed=pl.concat(confirmed).unique(["symbol", "session"], maintain_order=True),
            moves=_largest_of_all(far),
            exhibits=exhibits,
        )

    @staticmethod
    def _inferred(actions: pl.DataFrame) -> pl.DataFrame:
        """Symbol and session of the newest actions that no vendor showed for their session, and of held listings."""
        if "basis" not in actions.columns:
            return actions.select("symbol", session="ex_session").head(0)
        inferred = actions.filter(pl.col("basis").is_in(INFERRED) | ~is_factor()).sort(
            "ex_session", "symbol", descending=[True, False]
        )
        return inferred.select("symbol", session="ex_session")

    def _jump_rules(self) -> list[str]:
        return [jump.name for _, rules in self._judged if (jump := rules.jump()) is not None]

    def _by_rules(self) -> dict[str, tuple[RuleSet, list[Source]]]:
        sources_by_rules: dict[str, tuple[RuleSet, list[Source]]] = {}
        for source, rules in self._judged:
            sources_by_rules.setdefault(rules.name, (rules, []))[1].append(source)
        return sources_by_rules

    def _bars_of(self, sources: Sequence[Source], bars: pl.DataFrame) -> pl.DataFrame:
        if len(sources) == len(self._judged):
            return bars
        return bars.filter(drop_source().is_in([source.name for source in sources]))

    def _chunks(self, sessions: list[date], before: list[date]) -> Iterator[list[date]]:
        if sessions[0] >= before[self._run]:  # the window holds them, and what stands before them
            yield sessions
            return
        for _, days in groupby(sessions, key=lambda day: (day.year, day.month)):
            yield list(days)


def _largest_of_all(frames: list[pl.DataFrame]) -> pl.DataFrame:
    # A month's last moves are seen again with the next one, which knows what came after them.
    moves = pl.concat(frames).unique(["symbol", "session"], keep="last")
    return moves.sort((pl.col("return") + 1).log().abs(), "symbol", descending=[True, False]).head(MOVES)
