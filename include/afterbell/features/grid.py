"""Long rows of revisions to dense grids that know what was known when; pure numpy.

A value of session ``s`` that first became known by the cut-off of session ``s + a``, and not before, has the
*age of knowledge* ``a``. A row of session ``t`` looks back to ``s = t - k`` and sees the newest revision of age
``k`` or less: the newest one known by the cut-off of ``t``. So one grid per age that occurs (nearly always 0 and
1) answers for every ``t`` at once, and a row is the same whether its session was computed alone or among many.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from afterbell.calendar.sessions import Exchange
from afterbell.errors import PermanentError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FIELDS = ("open", "high", "low", "close", "volume")
CUT_OFF = timedelta(hours=2)
"""From the close of a session to the moment after which nothing new enters its feature row.

It belongs to the definition of every factor: a run's deadline may be set otherwise, rows stay what they are.
"""

_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Bars:
    """Revisions of bars, one a position, in any order.

    Attributes:
        symbol: codes ``0 .. n_symbols - 1``.
        session: days since 1970-01-01.
        knowledge: microseconds since 1970-01-01 UTC.
        revision: breaks ties of equal knowledge time, the higher one wins.
        values: shape ``(5, n)``, in the order of ``FIELDS``; prices as traded, volume in shares.
    """

    symbol: Ints
    session: Ints
    knowledge: Ints
    revision: Ints
    values: Floats

    def where(self, rows: npt.NDArray[np.bool_]) -> Bars:
        """Those of ``rows``, a mask."""
        return Bars(self.symbol[rows], self.session[rows], self.knowledge[rows], self.revision[rows],
                    self.values[:, rows])  # fmt: skip


@dataclass(frozen=True)
class Actions:
    """Revisions of corporate actions: a price before ``session`` times ``factor`` compares with later ones.

    The newest one known about a symbol and ex-session replaces those before it, whatever their kind; 1 withdraws it.

    Attributes:
        symbol: codes as in ``Bars``.
        session: the ex-session, days since 1970-01-01.
        knowledge: microseconds since 1970-01-01 UTC.
        factor: 0.5 for a split of two for one, ``1 - dividend / close before`` for a dividend; NaN where the symbol
            stands for another security from then on.
        split: whether shares outstanding change too, so that volume is divided by the factor.
    """

    symbol: Ints
    session: Ints
    knowledge: Ints
    factor: Floats
    split: npt.NDArray[np.bool_]

    def where(self, rows: npt.NDArray[np.bool_]) -> Actions:
        """Those of ``rows``, a mask."""
        return Actions(self.symbol[rows], self.session[rows], self.knowledge[rows], self.factor[rows], self.split[rows])


@dataclass(frozen=True)
class SessionGrid:
    """Consecutive sessions of the exchange.

    Attributes:
        days: shape ``(T,)``, days since 1970-01-01, ascending without a gap in the calendar.
        cut_offs: shape ``(T,)``, microseconds since 1970-01-01 UTC.
    """

    days: Ints
    cut_offs: Ints

    @classmethod
    def of(cls, exchange: Exchange, sessions: list[date]) -> SessionGrid:
        """The grid of ``sessions``, which must be all of the exchange's between the first and the last."""
        return cls(
            np.array([to_day(day) for day in sessions], dtype=np.int64),
            np.array([cut_off_micros(exchange, day) for day in sessions], dtype=np.int64),
        )

    def part(self, start: int, stop: int) -> SessionGrid:
        """The columns ``start`` to ``stop``."""
        return SessionGrid(self.days[start:stop], self.cut_offs[start:stop])

    def columns(self, days: Ints) -> Ints:
        """The column of each of ``days``.

        Raises:
            PermanentError: one of them is no session of this grid.
        """
        if not len(days):
            return np.zeros(0, dtype=np.int64)
        positions = np.searchsorted(self.days, days)
        wrong = self.days[np.minimum(positions, len(self.days) - 1)] != days
        if wrong.any():
            day, first, last = (from_day(int(d)) for d in (days[wrong][0], self.days[0], self.days[-1]))
            raise PermanentError(
                f"{int(wrong.sum())} rows lie on days that are no session of the grid {first} to {last}, "
                f"such as {day}: quarantine them in ingest"
            )
        return positions.astype(np.int64)

    def ages(self, columns: Ints, knowledge: Ints) -> Ints:
        """The age of knowledge of each row in sessions; ``len(days)`` if not known within this grid."""
        known = np.searchsorted(self.cut_offs, knowledge, side="left")
        ages = np.maximum(known - columns, 0)
        return np.where(known == len(self.cut_offs), len(self.days), ages).astype(np.int64)


@dataclass(frozen=True)
class Layers:
    """What could be seen at each age of knowledge: ``arrays[i]`` from age ``ages[i]`` up to the next one.

    Attributes:
        ages: ascending, the first is 0.
        arrays: float64 of shape ``(len(ages), fields, T, n_symbols)``.
    """

    ages: tuple[int, ...]
    arrays: Floats

    def by_age(self, depth: int) -> Ints:
        """The layer that holds at each age ``0 .. depth``."""
        return np.searchsorted(np.array(self.ages), np.arange(depth + 1), side="right").astype(np.int64) - 1


@dataclass(frozen=True)
class FactorPanel:
    """All a factor may look at, for ``n_symbols`` symbols over ``T`` sessions.

    Attributes:
        grid: the sessions.
        bars: fields in the order of ``FIELDS``, NaN where there is no bar.
        actions: the factors of splits and of all other actions on their ex-sessions, 1 elsewhere.
    """

    grid: SessionGrid
    bars: Layers
    actions: Layers


def cut_off_micros(exchange: Exchange, session: date) -> int:
    """The cut-off of ``session``, microseconds since 1970-01-01 UTC."""
    return round((exchange.close(session) + CUT_OFF).timestamp()) * 1_000_000


def to_day(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - _EPOCH).days


def from_day(day: int) -> date:
    """The date of a number of days since 1970-01-01."""
    return _EPOCH + timedelta(days=day)
