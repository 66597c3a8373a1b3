"""How much of the market each session has, beside the sessions before and after it. Pure.

A night can compare a session with those before it alone. A run over many sessions knows what came after as well, and a
symbol that trades before a session and after it should have a bar of it: a listing or a delisting never looks like
that. What a session's own drops delivered on its night is counted apart from what later drops have added.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

BESIDE = 5
"""Sessions on either side that are compared with."""
REACH = 20
"""Sessions on either side within which a symbol must be seen once to count as one that still trades, or already."""
SAMPLES = 12
"""Missing symbols that are named."""

PRESENCE = ("symbol", "session", "on_night")
"""What is known of bars: one row a symbol and session, and whether the session's own drops delivered it (Boolean)."""

_Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Coverage:
    """One session of one source beside its neighbours.

    Attributes:
        source: its name.
        session: the session.
        bars: symbols with a bar, whichever drop delivered it.
        on_night: of these, those that the session's own drops delivered.
        usual: median of the bars of its neighbours; None without any.
        expected: symbols that the sessions around it have.
        present: of these, those with a bar.
        present_on_night: of these, those that the session's own drops delivered.
        missing: the first few that those drops did not deliver, by name.
        delivered: whether the session has a usable drop of its own.
    """

    source: str
    session: date
    bars: int
    on_night: int
    usual: float | None
    expected: int
    present: int
    present_on_night: int
    missing: tuple[str, ...] = ()
    delivered: bool = True

    def broken(self, bounds: Bounds) -> list[str]:
        """A sentence for each bound that the session's own drops break; one for a session without any."""
        if not self.delivered:
            return [f"it has no usable drop of its own; {self._describe_later()}"]
        sentences = []
        share = self.present_on_night / self.expected if self.expected else 1.0
        if bounds.coverage is not None and share < bounds.coverage:
            sentences.append(
                f"its own drops have {self.present_on_night:,} of {self.expected:,} symbols that the sessions before "
                f"and after it have: coverage is {share:.4g}, expected at least {bounds.coverage:g}; missing are "
                f"{self._name_missing()}; {self._describe_later()}"
            )
        ratio = self.on_night / self.usual if self.usual else 1.0
        if not bounds.rows[0] <= ratio <= bounds.rows[1]:
            sentences.append(
                f"its own drops have bars of {self.on_night:,} symbols, the sessions around it of {self.usual:,.0f}: "
                f"the ratio is {ratio:.4g}, expected {bounds.rows[0]:g} to {bounds.rows[1]:g}; {self._describe_later()}"
            )
        return sentences

    def _name_missing(self) -> str:
        more = self.expected - self.present_on_night - len(self.missing)
        return ", ".join(self.missing) + (f" and {more:,} others" if more > 0 else "")

    def _describe_later(self) -> str:
        added = self.bars - self.on_night
        return f"later drops brought bars of {added:,} symbols" if added else "no later drop brought any of its bars"


@dataclass(frozen=True)
class Bounds:
    """The bounds for a session: the least coverage, and the bars over those of its neighbours (least, most)."""

    coverage: float | None = None
    rows: tuple[float, float] = (0.0, float("inf"))


def coverage(
    source: str,
    presence: pl.DataFrame,
    calendar: Sequence[date],
    days: Collection[date],
    delivered: Mapping[date, bool],
    bounds: Bounds,
) -> list[Coverage]:
    """Each of ``days`` beside its neighbours.

    Sessions that break ``bounds`` are not compared with: a week of half sessions does not hide itself.

    Args:
        source: its name.
        presence: ``PRESENCE``, of ``calendar``.
        calendar: sessions, ascending and without a gap: the days and their neighbours.
        days: sessions that are judged.
        delivered: whether a session has a usable drop of its own; True where it isn't named.
        bounds: what is expected.
    """
    market = _Market.of(presence, calendar)
    too_little = replace(bounds, rows=(bounds.rows[0], float("inf")))  # after thin days a whole one looks too large
    judged = [place for place, day in enumerate(calendar) if day in set(days)]
    for order in (judged, judged[::-1]):  # from the front, then from the back: the first days have no past
        for place in order:
            compared = market.beside(source, calendar[place], place, delivered=delivered.get(calendar[place], True))
            market.doubted[place] = market.doubted[place] or bool(compared.broken(too_little))
    return [
        market.beside(source, calendar[place], place, delivered=delivered.get(calendar[place], True), name=True)
        for place in judged
    ]


@dataclass(frozen=True)
class _Market:
    """Which symbols (rows) have a bar of which sessions (columns); ``doubted`` are sessions not to compare with."""

    symbols: list[str]
    has_bar: _Flags
    on_night: _Flags
    doubted: _Flags

    @classmethod
    def of(cls, presence: pl.DataFrame, calendar: Sequence[date]) -> _Market:
        place = pl.DataFrame({"session": list(calendar)}, schema={"session": pl.Date}).with_row_index("at")
        symbols = presence.select(pl.col("symbol").cast(pl.String).unique().sort()).with_row_index("row")
        rows = presence.with_columns(pl.col("symbol").cast(pl.String))
        rows = rows.join(place, on="session", how="inner").join(symbols, on="symbol", how="inner")
        has_bar = np.zeros((symbols.height, len(calendar)), np.bool_)
        on_night = has_bar.copy()
        has_bar[rows["row"].to_numpy(), rows["at"].to_numpy()] = True
        own = rows.filter("on_night")
        on_night[own["row"].to_numpy(), own["at"].to_numpy()] = True
        return cls(symbols["symbol"].to_list(), has_bar, on_night, np.asarray(~has_bar.any(axis=0), np.bool_))

    def beside(self, source: str, session: date, place: int, *, delivered: bool, name: bool = False) -> Coverage:
        trusted = np.flatnonzero(~self.doubted)
        before, after = trusted[trusted < place][-BESIDE:], trusted[trusted > place][:BESIDE]
        usually_before, usually_after = self._in_most_of(before), self._in_most_of(after)
        seen_before = self._ever_seen(before, max(0, place - REACH), place)
        seen_after = self._ever_seen(after, place + 1, place + 1 + REACH)
        expected = (usually_before & seen_after) | (usually_after & seen_before)
        counts = self.has_bar[:, [*before, *after]].sum(axis=0)
        here, night = self.has_bar[:, place], self.on_night[:, place]
        coverage_here = Coverage(
            source=source,
            session=session,
            bars=int(here.sum()),
            on_night=int(night.sum()),
            usual=float(np.median(counts)) if counts.size else None,
            expected=int(expected.sum()),
            present=int((expected & here).sum()),
            present_on_night=int((expected & night).sum()),
            delivered=delivered,
        )
        if not name:
            return coverage_here
        missing = np.flatnonzero(expected & ~night)[:SAMPLES]
        return replace(coverage_here, missing=tuple(self.symbols[row] for row in missing))

    def _in_most_of(self, places: npt.NDArray[np.intp]) -> _Flags:
        if not places.size:
            return np.zeros(len(self.symbols), np.bool_)
        most: _Flags = self.has_bar[:, places].sum(axis=1) > places.size / 2
        return most

    def _ever_seen(self, trusted: npt.NDArray[np.intp], first: int, stop: int) -> _Flags:
        """Symbols seen on that side; all, where nothing trusted lies there: absence proves nothing then."""
        if not trusted.size:
            return np.ones(len(self.symbols), np.bool_)
        seen: _Flags = np.asarray(self.has_bar[:, first:stop].any(axis=1), np.bool_)
        return seen
