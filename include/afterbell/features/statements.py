"""What filings reported of a company, as known at a session's cut-off, in that session's own shares.

Of each period (its end, and whether it is a year or a quarter) the filing known last counts, whole: an amendment
replaces what was filed before. A 10-Q gives income, sales, earnings and dividends of its quarter, but cash flows of the
fiscal year so far; a 10-K gives the year. (Of the real drops' 10-Qs some 1 % give the year so far throughout; nothing
in them tells which.)

* The *newest* filing is that of the latest period end. Where that lies more than ``STALE`` days back, nothing is known.
* The *year* is the last fiscal year, plus the quarters of this one, less the same quarters of the last one; where one
  of these isn't known, the last fiscal year alone.
* The *quarter* is the newest filing's; that of a 10-K is the year less its three quarters.
* *Before* is the same span a year earlier.
* *Shares* are implied: net income / earnings per basic share, from the newest filing where these are at least 0.10
  (they are rounded to a cent) and the quotient is positive. They are the average of the period; of several classes of
  shares, in the one whose earnings the company reports.

Figures per share are multiplied by the factors of splits whose ex-session lies after the day (UTC) on which the filing
became known: those before it are in the figures already (FASB ASC 260-10-55-12). All other figures stand as filed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from afterbell.features.compiled import compiled
from afterbell.features.filings import FIGURES, Filings, SeriesSource
from afterbell.features.grid import Actions, Floats, Ints, SessionGrid
from afterbell.features.periods import (
    ANNUAL,
    DAY,
    END,
    HISTORY,
    KNOWLEDGE,
    STALE,
    YEAR,
    Book,
    Moves,
    adjust,
    find_period,
    known,
    quarter_of,
    year_of,
)

SERIES = (
    "sales_year", "operating_year", "income_year", "eps_year", "dividend_year", "cash_flow_year",
    "income_quarter", "eps_quarter",
    "sales_span", "income_span", "eps_span", "assets", "current_assets", "current_liabilities", "cash", "equity",
    "sales_before", "income_before", "eps_before", "assets_before",
    "shares", "days_known", "days_ended",
)  # fmt: skip
"""Money in the filing's currency, ``eps`` (diluted, else basic) and ``dividend`` per share; all of age 0 alone.
``*_span`` are the newest filing's own. ``days_known``: whole days from when that filing became known to the
cut-off; ``days_ended``: from the end of its period to the session."""

_SALES, _OPERATING, _INCOME, _BASIC, _DILUTED, _DIVIDEND, _ASSETS, _, _, _, _EQUITY, _CASH_FLOW = range(len(FIGURES))
_LEAST_EPS = 0.10


class Statements:
    """The series of one block of symbols."""

    def __init__(self, book: Book, moves: Moves, grid: SessionGrid, first: int, lanes: int) -> None:
        """``first`` is the code of the block's first symbol."""
        self._book, self._moves, self._grid, self._first = book, moves, grid, first
        self._series = np.full((len(SERIES), 1, lanes), np.nan)

    @property
    def named(self) -> dict[str, Floats]:
        """The series by their names."""
        return dict(zip(SERIES, self._series, strict=True))

    def look(self, column: int) -> None:
        """Fill the series as seen from the session of ``column``."""
        day, cut_off = int(self._grid.days[column]), int(self._grid.cut_offs[column])
        _fill_series(self._book, self._moves, self._first, day, cut_off, self._series)


def open_statements(
    filings: Filings, actions: Actions, grid: SessionGrid, n_symbols: int
) -> Callable[[int, int], Statements]:  # fmt: skip
    """What opens a block; a filing of a period that had not ended when it became known is left out."""
    ended = np.flatnonzero(filings.period_end <= filings.knowledge // DAY)
    values = filings.values[:, ended]
    values[_DILUTED] = np.where(np.isnan(values[_DILUTED]), values[_BASIC], values[_DILUTED])
    period = np.stack((filings.period_end[ended], filings.annual[ended].astype(np.int64), filings.knowledge[ended]))
    symbol = filings.symbol[ended]
    # By the figures last of all, so that no order of rows shows.
    order = np.lexsort((*values, filings.amended[ended], *period[::-1], symbol))
    starts = np.searchsorted(symbol[order], np.arange(n_symbols + 1)).astype(np.int64)
    book = Book(starts, np.ascontiguousarray(period[:, order].T), np.ascontiguousarray(values[:, order].T))
    # NaN, where another security takes the symbol: what the one before has filed is not about it.
    split = np.where(actions.split | np.isnan(actions.factor), actions.factor, 1.0)
    order = np.lexsort((split, actions.split, actions.knowledge, actions.session, actions.symbol))
    starts = np.searchsorted(actions.symbol[order], np.arange(n_symbols + 1)).astype(np.int64)
    moves = Moves(starts, actions.session[order], actions.knowledge[order], split[order])
    return lambda first, lanes: Statements(book, moves, grid, first, lanes)


STATEMENTS = SeriesSource(HISTORY, open_statements)
"""The source of ``SERIES``."""


@compiled
def _fill_series(book: Book, moves: Moves, first: int, day: int, cut_off: int, out: Floats) -> None:
    for lane in range(out.shape[2]):
        out[:, 0, lane] = np.nan
        period, figures = known(book, first + lane, day, cut_off)
        if len(period) == 0 or period[-1, END] < day - STALE:
            continue
        reported = figures[:, _BASIC].copy()
        adjust(moves, first + lane, day, cut_off, period, figures)
        series = np.concatenate((
            _flows(period, figures, day),
            _newest(period, figures),
            np.array([_shares(period, figures, reported, day),
                      float((cut_off - period[-1, KNOWLEDGE]) // DAY), float(day - period[-1, END])]),
        ))  # fmt: skip
        out[:, 0, lane] = series


@compiled
def _total(weights: Ints, figures: Floats, figure: int) -> float:
    total, counted = 0.0, False
    for row in range(len(weights)):
        if weights[row] != 0:
            total += weights[row] * figures[row, figure]
            counted = True
    return total if counted else np.nan


@compiled
def _flows(period: Ints, figures: Floats, day: int) -> Floats:
    """The series ``sales_year`` to ``eps_quarter``."""
    year, quarter = year_of(period, day), quarter_of(period)
    paid = _total(year[0], figures, _DIVIDEND)
    return np.array([
        _total(year[0], figures, _SALES),
        _total(year[0], figures, _OPERATING),
        _total(year[0], figures, _INCOME),
        _total(year[0], figures, _DILUTED),
        paid if paid >= 0.0 else np.nan,  # some filings give what was paid since the year began
        _total(year[1], figures, _CASH_FLOW),
        _total(quarter, figures, _INCOME),
        _total(quarter, figures, _DILUTED),
    ])  # fmt: skip


@compiled
def _newest(period: Ints, figures: Floats) -> Floats:
    """The series ``sales_span`` to ``assets_before``."""
    newest = len(period) - 1
    before = find_period(period, period[newest, ANNUAL], float(period[newest, END] - YEAR))
    then = figures[before] if before >= 0 else np.full(figures.shape[1], np.nan)
    now = figures[newest]
    return np.concatenate((
        np.array([now[_SALES], now[_INCOME], now[_DILUTED]]),
        now[_ASSETS : _EQUITY + 1],
        np.array([then[_SALES], then[_INCOME], then[_DILUTED], then[_ASSETS]]),
    ))  # fmt: skip


@compiled
def _shares(period: Ints, figures: Floats, reported: Floats, day: int) -> float:
    """Net income over earnings per basic share of the newest filing in which both are usable."""
    for row in range(len(period) - 1, -1, -1):
        shares = float(figures[row, _INCOME] / figures[row, _BASIC])
        if period[row, END] >= day - STALE and abs(reported[row]) >= _LEAST_EPS and 0.0 < shares < np.inf:
            return shares
    return np.nan
