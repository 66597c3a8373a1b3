"""When a portfolio's return is booked: by daily marks where there are some, otherwise where its label ends.

A portfolio formed at the close of session t is bought at the close of t + 1 and held for h sessions: what it earns is
known from t + 2 on, and all of it at t + 1 + h. Booked when it is formed, a loss would show up to h + 1 sessions before
anybody could have had it, and what overlapping portfolios lose on one day would be spread over h of them.
"""

from __future__ import annotations

import numpy as np

from afterbell.evaluation.panel import Floats, ScorePanel


def daily_marks(panel: ScorePanel, daily: ScorePanel) -> Floats:
    """The labels over one session for the cells of a panel of a longer horizon.

    Args:
        panel: of horizon h; its sessions follow each other.
        daily: of horizon 1, of the same candidate.

    Returns:
        float64 (sessions + h - 1, symbols): row t is earned between the closes of t + 1 and t + 2, the rows after the
        panel's last are those of the sessions after it; NaN where ``daily`` has no label.
    """
    later = [day for day in daily.sessions if day > panel.sessions[-1]][: panel.horizon - 1]
    row_of = {day: number for number, day in enumerate(daily.sessions)}
    column_of = {symbol: number for number, symbol in enumerate(daily.symbols)}
    rows = [(down, row_of[day]) for down, day in enumerate((*panel.sessions, *later)) if day in row_of]
    columns = [(across, column_of[name]) for across, name in enumerate(panel.symbols) if name in column_of]
    marks = np.full((len(panel.sessions) + panel.horizon - 1, len(panel.symbols)), np.nan)
    if rows and columns:
        (to_row, from_row), (to_column, from_column) = (np.array(pairs).T for pairs in (rows, columns))
        marks[np.ix_(to_row, to_column)] = daily.labels[np.ix_(from_row, from_column)]
    return marks


def paths(positions: Floats, labels: Floats, horizon: int, marks: Floats | None = None) -> Floats:
    """What each portfolio has earned after 0 to h sessions, before costs.

    A mark that is missing leaves a position where it was; after h sessions it has its label's return.

    Args:
        positions: float64 (sessions, symbols), when formed, as shares of the money put in; shorts are negative.
        labels: float64 like ``positions``, returns over h sessions.
        horizon: h.
        marks: as ``daily_marks`` returns them; without any, a return is booked where its label ends.

    Returns:
        float64 (h + 1, sessions).
    """
    sessions = positions.shape[0]
    path = np.zeros((horizon + 1, sessions))
    if marks is not None:
        growth = np.ones(positions.shape)
        for step in range(1, horizon):
            growth *= 1.0 + np.nan_to_num(marks[step - 1 : step - 1 + sessions])
            path[step] = (positions * (growth - 1.0)).sum(axis=1)
    path[horizon] = (positions * np.nan_to_num(labels)).sum(axis=1)
    return path


def wealth_of(path: Floats, costs: Floats) -> Floats:
    """What one unit grows to, spread over h portfolios that run side by side.

    The k-th is formed at every h-th session from the k-th on, with all that it has; one that has lost everything stays
    at nothing. Costs are booked at the close at which is traded.

    Args:
        path: float64 (h + 1, sessions), see ``paths``.
        costs: float64 (sessions,), as a share of the portfolio.

    Returns:
        float64 (sessions + h + 1,): at the close of each session of the panel, and of the h + 1 sessions after them,
        with the last of which the last label ends.
    """
    horizon, sessions = path.shape[0] - 1, path.shape[1]
    growth = np.maximum(1.0 + path - costs, 0.0)
    parts = np.ones((horizon, sessions + horizon + 1))
    for start in range(min(horizon, sessions)):
        own = 1.0
        for formed in range(start, sessions, horizon):
            parts[start, formed + 1 : formed + 2 + horizon] = own * growth[:, formed]
            own = parts[start, formed + 1 + horizon]
            parts[start, formed + 2 + horizon :] = own
    return np.asarray(parts.mean(axis=0))


def drawdown(wealth: Floats) -> float:
    """The deepest fall of ``wealth`` from its highest so far, the unit put in included: 0 to 1, NaN without wealth."""
    if not wealth.size:
        return float("nan")
    highest = np.maximum.accumulate(np.maximum(wealth, 1.0))
    return float((1.0 - wealth / highest).max())
