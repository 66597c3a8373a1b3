"""Collecting, a stretch of sessions at a time, which symbols have bars, and the coverage of each session. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date

import polars as pl

from afterbell.ingest.actions.evidence import drop_session
from afterbell.ingest.plan import USABLE
from afterbell.quality.neighbours import Bounds, Coverage, coverage
from afterbell.quality.sequence import drop_source
from afterbell.sources.rules import RuleSet

_KEY = ["symbol", "session"]


def bounds_of(rules: RuleSet) -> Bounds:
    """The bounds that the rules on coverage and row count set for a session; none without such rules."""
    least, rows = None, (0.0, float("inf"))
    for rule in rules.set_rules():
        if rule.kind == "symbol_coverage":
            least = rule.min
        elif rule.kind == "row_count_ratio":
            rows = (rule.min or 0.0, float("inf") if rule.max is None else rule.max)
    return Bounds(least, rows)


class Presence:
    """The symbols that have bars, by source.

    Args:
        ledger: rows of ``raw.drops`` of the sessions that are added.
        judged: rule sets by source.
    """

    def __init__(self, ledger: pl.DataFrame, judged: dict[str, RuleSet]) -> None:
        usable = ledger.filter(pl.col("state").is_in(USABLE) & pl.col("source").is_in(list(judged)))
        self._nights = usable.group_by("source", "session").agg(_as_of=pl.col("knowledge_time").max())
        self._judged = judged
        self._parts: list[pl.DataFrame] = []
        self._last: date | None = None
        self._read: set[date] = set()

    def add(self, bars: pl.DataFrame, sessions: Collection[date]) -> None:
        """Add bars of further sessions, all revisions; those of sessions that are there already are passed over.

        Args:
            bars: rows of ``market.bars``.
            sessions: which were read; some may have no bar at all.
        """
        self._read |= set(sessions)
        # Few drops have many bars: each id is parsed once.
        drops = (
            bars.select("drop_id")
            .unique()
            .with_columns(
                source=drop_source(),
                _day=drop_session(pl.col("drop_id")),
            )
        )
        rows = bars if self._last is None else bars.filter(pl.col("session") > self._last)
        rows = rows.select(*_KEY, "drop_id", "knowledge_time").join(drops, on="drop_id", how="inner")
        rows = rows.filter(pl.col("source").is_in(list(self._judged)))
        if rows.is_empty():
            return
        # A drop that came after the next session's may bring nothing new: its session still counts as delivered.
        known = (pl.col("knowledge_time") <= pl.col("_as_of")).fill_null(value=False)
        marked = rows.join(self._nights, on=["source", "session"], how="left").select(
            "source", *_KEY, on_night=(pl.col("_day") == pl.col("session")).fill_null(value=False) | known
        )
        self._parts.append(marked)
        self._last = rows["session"].max()  # type: ignore[assignment]

    def coverage(self, calendar: Sequence[date], days: Collection[date]) -> list[Coverage]:
        """Each of ``days`` that was read beside its neighbours in ``calendar``, by source, ascending.

        A source is judged on the sessions from its first usable drop to its last one.
        """
        coverages: list[Coverage] = []
        rows = pl.concat(self._parts) if self._parts else None
        for source, rules in sorted(self._judged.items()):
            delivered = set(self._nights.filter(pl.col("source") == source)["session"].to_list())
            mine = None if rows is None else rows.filter(pl.col("source") == source)
            if not delivered or mine is None or mine.is_empty():
                continue
            judged = [day for day in days if day in self._read and min(delivered) <= day <= max(delivered)]
            delivered_on = {day: day in delivered for day in judged}
            coverages += coverage(source, mine, calendar, judged, delivered_on, bounds_of(rules))
        return coverages
