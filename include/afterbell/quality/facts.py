"""A session's facts as a whole, beside the sessions before it: what the rules on sets bound. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType

import polars as pl

from afterbell.errors import ConfigError
from afterbell.sources.set_rules import Fact, SetRule

ENOUGH = 5
"""Sessions with bars that a comparison needs."""


@dataclass(frozen=True)
class SessionRows:
    """The rows of one session of one source.

    Attributes:
        session: the session.
        calendar: the exchange's sessions before it, ascending.
        bars: symbol, session, volume, and repeats (Boolean: with volume, and equal to the bar of the session before);
            at most one row a symbol and session, of this one and of those before it.
        lines: lines of the session's usable drops by what became of them: rows, quarantined, collapsed.
        held: symbols held for a jump in this session.
        delisted: symbols that are not expected to trade any more.
    """

    session: date
    calendar: Sequence[date]
    bars: pl.DataFrame
    lines: Mapping[str, int] = field(default_factory=dict)
    held: Collection[str] = ()
    delisted: Collection[str] = ()

    def here(self) -> pl.DataFrame:
        """The bars of the session."""
        return self.bars.filter(pl.col("session") == self.session)

    def before(self, sessions: int) -> pl.DataFrame:
        """The bars of the last ``sessions`` before it that have any: one that was refused must not blind a rule."""
        days = set(self.bars["session"].unique().to_list())
        return self.bars.filter(pl.col("session").is_in([day for day in self.calendar if day in days][-sessions:]))


def fact(rule: SetRule, rows: SessionRows) -> float | None:
    """The fact that ``rule`` bounds; None where there is too little history.

    Raises:
        ConfigError: no such fact is known.
    """
    compute = _FACTS.get(rule.kind)
    if compute is None:
        raise ConfigError(f"rule {rule.name!r}: kind {rule.kind!r} has no fact; there are: {', '.join(_FACTS)}")
    return compute(rows, rule.sessions)


def _row_count_ratio(rows: SessionRows, sessions: int) -> float | None:
    counts = rows.before(sessions).group_by("session").len()["len"]
    median = counts.median()
    if counts.len() < ENOUGH or not isinstance(median, float):
        return None
    return rows.here().height / median


def missing_symbols(rows: SessionRows, sessions: int) -> tuple[list[str], int] | None:
    """Symbols that are missing from the session, and how many were expected; None where the history is too short."""
    before = rows.before(sessions)
    days = before["session"].n_unique()
    if days < min(ENOUGH, sessions):
        return None
    counts = before.group_by("symbol").len()
    usual = counts.filter(pl.col("len") > days / 2)["symbol"]
    expected = set(usual.to_list()) - set(rows.delisted)
    return sorted(expected - set(rows.here()["symbol"].to_list())), len(expected)


def _symbol_coverage(rows: SessionRows, sessions: int) -> float | None:
    symbols = missing_symbols(rows, sessions)
    if symbols is None:
        return None
    missing, expected = symbols
    return 1 - len(missing) / expected if expected else None


def _share_of_lines(name: str) -> Callable[[SessionRows, int], float | None]:
    def share(rows: SessionRows, sessions: int) -> float | None:  # noqa: ARG001 - one shape for all facts
        total = sum(rows.lines.values())
        return rows.lines.get(name, 0) / total if total else None

    return share


def _jump_share(rows: SessionRows, sessions: int) -> float | None:  # noqa: ARG001 - one shape for all facts
    symbols = set(rows.here()["symbol"].to_list()) | set(rows.held)
    return len(set(rows.held)) / len(symbols) if symbols else None


def _share_of_bars(column: str) -> Callable[[SessionRows, int], float | None]:
    def share(rows: SessionRows, sessions: int) -> float | None:  # noqa: ARG001 - one shape for all facts
        here = rows.here()
        marked = here["repeats"] if column == "repeats" else here["volume"] == 0
        return float(marked.sum()) / here.height if here.height else None

    return share


_FACTS: Mapping[Fact, Callable[[SessionRows, int], float | None]] = MappingProxyType(
    {
        "row_count_ratio": _row_count_ratio,
        "symbol_coverage": _symbol_coverage,
        "quarantine_share": _share_of_lines("quarantined"),
        "duplicate_share": _share_of_lines("collapsed"),
        "jump_share": _jump_share,
        "stale_share": _share_of_bars("repeats"),
        "zero_volume_share": _share_of_bars("volume"),
    }
)


def trailing(rows: SessionRows) -> pl.DataFrame:
    """The session and those before it, a row each: session, bars, without_volume, repeating (shares, Float64)."""
    shares = {"without_volume": (pl.col("volume") == 0).mean(), "repeating": pl.col("repeats").mean()}
    return rows.bars.group_by("session").agg(pl.len().alias("bars"), **shares).sort("session")
