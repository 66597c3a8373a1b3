"""Symbols and bars of a run as codes and ordinals, read a calendar month at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from afterbell.errors import PermanentError
from afterbell.features.grid import Ints, SessionGrid
from afterbell.features.labels import last_bars
from afterbell.lake.listings import WRONG_LISTING, withhold

_KEPT_MONTHS = 6
_NEWEST = ["known", "revision", "close", "volume"]
_NONE = pl.DataFrame(
    schema={"symbol": pl.Int64, "session": pl.Int64, "close": pl.Float64, "volume": pl.Float64, "known": pl.Int64,
            "revision": pl.Int32}
)  # fmt: skip


class Monthly(Protocol):
    """A table that is read a calendar month at a time; months are counted from January 1970."""

    @property
    def months(self) -> Sequence[int]:
        """Those that may have rows, ascending."""
        ...

    @property
    def room(self) -> int:
        """No fewer than there are rows."""
        ...

    def read(self, month: int, columns: Sequence[str]) -> pl.DataFrame:
        """The rows of a month, in no particular order."""
        ...


@dataclass(frozen=True)
class Listing:
    """Every symbol that has a bar.

    Attributes:
        tickers: sorted; a symbol's place is its code.
        ends: by code, the ordinal of the last bar if the symbol is delisted, the number of sessions if it isn't.
    """

    tickers: tuple[str, ...]
    ends: Ints

    def codes(self, symbols: pl.Series) -> NDArray[np.int64]:
        """The code of each symbol, -1 where it has no bar."""
        kind = pl.Enum(self.tickers)
        return symbols.cast(kind, strict=False).to_physical().cast(pl.Int64).fill_null(-1).to_numpy()


def list_symbols(bars: Monthly, grid: SessionGrid) -> Listing:
    """The symbols with a bar on the grid that was known at the cut-off of its last session.

    Args:
        bars: rows of ``market.bars``.
        grid: the run's sessions.

    Raises:
        PermanentError: no bar was known.
    """
    columns = ("symbol", "session", "knowledge_time")
    last_sessions = pl.DataFrame(schema={"symbol": pl.String, "session": pl.Date})
    for month in np.intersect1d(bars.months, months_of(grid.days)).tolist():
        latest = known_rows(bars.read(month, columns), grid).select("symbol", "session")
        last_sessions = pl.concat([last_sessions, latest]).group_by("symbol").agg(pl.col("session").max())
    last_sessions = last_sessions.sort("symbol")
    if last_sessions.is_empty():
        raise PermanentError(
            "no bar of the run's sessions was known at its cut-off; expected some: check the steps `ingest` and "
            "`validate`"
        )
    last = grid.columns(days_of(last_sessions["session"]))
    return Listing(tuple(last_sessions["symbol"]), last_bars(last, len(grid.days)))


def days_of(sessions: pl.Series) -> Ints:
    """Sessions as days since 1970-01-01."""
    return sessions.cast(pl.Int32).cast(pl.Int64).to_numpy()


def known_rows(rows: pl.DataFrame, grid: SessionGrid) -> pl.DataFrame:
    """Rows about the grid's sessions that were known at the cut-off of the last of them."""
    known = pl.col("knowledge_time").cast(pl.Int64)
    since = pl.lit(int(grid.days[0]), pl.Int32).cast(pl.Date)
    until = pl.lit(int(grid.days[-1]), pl.Int32).cast(pl.Date)
    return rows.filter((known <= int(grid.cut_offs[-1])) & pl.col("session").is_between(since, until))


class WithoutHeld:
    """``market.bars`` without bars of another security: a ``Monthly``."""

    def __init__(self, bars: Monthly, actions: pl.DataFrame) -> None:
        """``actions``: rows of ``market.corporate_actions``, those of kind ``wrong_listing`` among them."""
        self._bars = bars
        self._holds = actions.filter(pl.col("kind") == WRONG_LISTING)

    @property
    def months(self) -> Sequence[int]:
        """Those that may have rows, ascending."""
        return self._bars.months

    @property
    def room(self) -> int:
        """No fewer than there are rows."""
        return self._bars.room

    def read(self, month: int, columns: Sequence[str]) -> pl.DataFrame:
        """The rows of a month; ``columns`` has symbol, session, close and knowledge_time among them."""
        return withhold(self._bars.read(month, columns), self._holds)


class KnownBars:
    """The bars of the run's sessions that were known at its cut-off; the months last read are kept in memory."""

    def __init__(self, bars: Monthly, grid: SessionGrid, listing: Listing) -> None:
        self._bars, self._grid, self._listing = bars, grid, listing
        self._months = frozenset(bars.months)
        self._read: dict[int, pl.DataFrame] = {}

    def month(self, month: int) -> pl.DataFrame:
        """All revisions: symbol (code), session (ordinal), close, volume, known (microseconds), revision; newest last.

        Raises:
            PermanentError: a bar lies on a day that is no session.
        """
        if month not in self._read:
            self._read = dict(list(self._read.items())[1 - _KEPT_MONTHS :]) | {month: self._load(month)}
        return self._read[month]

    def at_own_cut_off(self, month: int) -> pl.DataFrame:
        """Symbol, session, close and volume: one row each, the revision known at the session's own cut-off."""
        rows = self.month(month)
        in_time = rows.filter(rows["known"].to_numpy() <= self._grid.cut_offs[rows["session"].to_numpy()])
        newest = in_time.unique(["symbol", "session"], keep="last")
        return newest.select("symbol", "session", "close", "volume")

    def _load(self, month: int) -> pl.DataFrame:
        columns = ("symbol", "session", "close", "volume", "knowledge_time", "revision")
        if month not in self._months:
            return _NONE
        rows = known_rows(self._bars.read(month, columns), self._grid)
        return rows.select(
            pl.Series("symbol", self._listing.codes(rows["symbol"])),
            pl.Series("session", self._grid.columns(days_of(rows["session"]))),
            pl.col("close").cast(pl.Float64),
            pl.col("volume").cast(pl.Float64),
            pl.col("knowledge_time").cast(pl.Int64).alias("known"),
            "revision",
        ).sort(_NEWEST)


def months_of(days: Ints) -> NDArray[np.int64]:
    """The months, counted from January 1970, of days since 1970-01-01."""
    return days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
