"""How far a candidate's scores have moved from the champion's, and how many symbols each has scored."""

from __future__ import annotations

from datetime import date

import numpy as np

from afterbell.evaluation.metrics import row_correlations
from afterbell.evaluation.panel import Floats, ScorePanel, row_ranks


def coverage(panel: ScorePanel) -> Floats:
    """Symbols that every family scored, float64 (sessions,)."""
    return np.asarray(np.isfinite(panel.blend()).sum(axis=1), np.float64)


def score_drift(own: ScorePanel, other: ScorePanel, least: int) -> tuple[list[date], Floats]:
    """The rank correlation of two candidates' blends by session, on the symbols that both have scored.

    Args:
        own: of the one.
        other: of the other, of the same horizon.
        least: a session with fewer symbols in common has NaN.

    Returns:
        The sessions that both have, ascending, and float64 (sessions,): 1 where the order is the same.
    """
    sessions = sorted(set(own.sessions) & set(other.sessions))
    symbols = sorted(set(own.symbols) & set(other.symbols))
    left, right = (_cells(panel, sessions, symbols) for panel in (own, other))
    both = np.isfinite(left) & np.isfinite(right)
    own_ranks, ranks = (row_ranks(np.where(both, values, np.nan)) for values in (left, right))
    return sessions, row_correlations(own_ranks, ranks, least)


def _cells(panel: ScorePanel, sessions: list[date], symbols: list[str]) -> Floats:
    row_of = {day: number for number, day in enumerate(panel.sessions)}
    column_of = {symbol: number for number, symbol in enumerate(panel.symbols)}
    rows, columns = [row_of[day] for day in sessions], [column_of[symbol] for symbol in symbols]
    return np.asarray(panel.blend()[np.ix_(np.array(rows, int), np.array(columns, int))])
