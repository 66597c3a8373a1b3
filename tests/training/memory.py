"""Tables in memory, read by months as those of a lake are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np
import polars as pl

from afterbell.features.grid import SessionGrid
from afterbell.training.assemble import MatrixInputs
from afterbell.training.rows import SetRows
from tests.features.worlds import World

BARS = {
    "symbol": pl.String, "session": pl.Date, "close": pl.Float64, "volume": pl.Float64,
    "knowledge_time": pl.Datetime("us", "UTC"), "revision": pl.Int32,
}  # fmt: skip
ACTIONS = {
    "symbol": pl.String, "ex_session": pl.Date, "factor": pl.Float64, "kind": pl.String,
    "knowledge_time": pl.Datetime("us", "UTC"),
}  # fmt: skip
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Memory:
    """A ``bars.Monthly`` of a frame."""

    frame: pl.DataFrame

    def _month(self) -> pl.Series:
        session = self.frame["session"]
        return (session.dt.year().cast(pl.Int64) - 1970) * 12 + session.dt.month() - 1

    @property
    def months(self) -> Sequence[int]:
        found: list[int] = self._month().unique().sort().to_list()
        return found

    @property
    def room(self) -> int:
        return self.frame.height

    def read(self, month: int, columns: Sequence[str]) -> pl.DataFrame:
        return self.frame.filter(self._month() == month).select(columns)


def grid_of(days: Sequence[date]) -> SessionGrid:
    """Sessions whose cut-offs are midnight after them."""
    numbers = np.array([(day - _EPOCH).days for day in days], dtype=np.int64)
    return SessionGrid(numbers, (numbers + 1) * 86_400_000_000)


def at_noon(days: pl.Series) -> pl.Series:
    """The knowledge time of what is delivered on its own session."""
    return pl.Series([datetime.combine(day, time(12), UTC) for day in days], dtype=pl.Datetime("us", "UTC"))


def bars_of(rows: pl.DataFrame) -> pl.DataFrame:
    """Bars (symbol, session, close, volume) known at noon of their session, unless they say otherwise."""
    if "knowledge_time" not in rows.columns:
        rows = rows.with_columns(knowledge_time=at_noon(rows["session"]))
    return rows if "revision" in rows.columns else rows.with_columns(revision=pl.lit(0, pl.Int32))


def inputs_of(
    features: pl.DataFrame | dict[str, pl.DataFrame],
    bars: pl.DataFrame,
    days: Sequence[date],
    actions: Sequence[tuple[Any, ...]] = (),
) -> MatrixInputs:
    """Inputs of frames: features by the name of their set, or those of the set ``one``."""
    sets = features if isinstance(features, dict) else {"one": features}
    return MatrixInputs(
        sets=tuple(
            SetRows(
                name, tuple(column for column in frame.columns if column not in ("symbol", "session")), Memory(frame)
            )
            for name, frame in sets.items()
        ),
        bars=Memory(bars_of(bars)),
        actions=pl.DataFrame(list(actions), schema=ACTIONS, orient="row"),
        grid=grid_of(days),
    )


def weekdays(first: date, count: int) -> list[date]:
    """``count`` days from ``first`` on that are no weekend: some months' worth of sessions."""
    days = (first + timedelta(days=day) for day in range(2 * count + 7))
    return [day for day in days if day.weekday() < 5][:count]


def market(world: World) -> tuple[Memory, pl.DataFrame]:
    """Bars and actions of a drawn market, in no order; its sessions are numbered like days since 1970-01-01."""
    bars = [(name(r[0]), _EPOCH + timedelta(days=r[1]), r[7], r[8], _instant(r[2]), r[3]) for r in world.bars]
    actions = [
        (name(symbol), _EPOCH + timedelta(days=session), factor, "split" if split else "dividend", _instant(known))
        for symbol, session, known, factor, split in world.actions
    ]
    frames = (pl.DataFrame(bars, BARS, orient="row"), pl.DataFrame(actions, ACTIONS, orient="row"))
    one, two = (frame.sample(fraction=1, shuffle=True, seed=1) for frame in frames)
    return Memory(one), two


def name(symbol: int) -> str:
    """The symbol with that number."""
    return f"S{symbol:02d}"


def _instant(micros: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(micros))
