"""Two contenders on what both have scored: the same sessions, the same symbols, the same labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from afterbell.evaluation.metrics import row_correlations
from afterbell.evaluation.panel import Floats, ScorePanel, row_ranks


@dataclass(frozen=True)
class Scores:
    """The blend of one contender for one horizon, wherever it has one.

    Attributes:
        sessions: ascending.
        symbols: ascending.
        values: float64 (sessions, symbols), NaN where there is none.
    """

    sessions: tuple[date, ...]
    symbols: tuple[str, ...]
    values: Floats


@dataclass(frozen=True)
class PairedICs:
    """Rank ICs of a candidate and of a rival, of the cells that both have.

    Attributes:
        sessions: ascending, those on which both rank ICs are defined.
        own: float64 (sessions,), the candidate's.
        rival: float64 (sessions,).
        cells: how many labelled (session, symbol) cells both have.
    """

    sessions: tuple[date, ...]
    own: Floats
    rival: Floats
    cells: int

    @property
    def difference(self) -> Floats:
        """The candidate's rank IC less the rival's, float64 (sessions,)."""
        return self.own - self.rival


def blended(panel: ScorePanel) -> Scores:
    """The blend of a panel's families."""
    return Scores(panel.sessions, panel.symbols, panel.blend())


def join_scores(earlier: Scores, later: Scores) -> Scores:
    """Both, the later one's sessions in place of the earlier one's where both have some."""
    sessions = tuple(sorted({*earlier.sessions, *later.sessions}))
    symbols = tuple(sorted({*earlier.symbols, *later.symbols}))
    values = np.full((len(sessions), len(symbols)), np.nan)
    for part in (earlier, later):
        down = np.searchsorted(_days(sessions), _days(part.sessions))
        across = np.searchsorted(np.array(symbols), np.array(part.symbols))
        values[down] = np.nan
        values[np.ix_(down, across)] = part.values
    return Scores(sessions, symbols, values)


def pair(panels: Mapping[int, ScorePanel], rivals: Mapping[int, Scores], least: int) -> dict[int, PairedICs]:
    """Rank ICs of both, by each horizon that both have; labels are the candidate's.

    What only one of them has scored counts for neither: a candidate is not better for having easier symbols.

    Args:
        panels: the candidate's, by horizon.
        rivals: the rival's, by horizon.
        least: fewest common symbols of a session.
    """
    return {horizon: _pair(panel, rivals[horizon], least) for horizon, panel in panels.items() if horizon in rivals}


def _pair(panel: ScorePanel, rival: Scores, least: int) -> PairedICs:
    sessions, down, rival_down = np.intersect1d(_days(panel.sessions), _days(rival.sessions), return_indices=True)
    _, across, rival_across = np.intersect1d(np.array(panel.symbols), np.array(rival.symbols), return_indices=True)
    cells = np.ix_(down, across)
    own, other, labels = panel.blend()[cells], rival.values[np.ix_(rival_down, rival_across)], panel.labels[cells]
    common = np.isfinite(own) & np.isfinite(other) & np.isfinite(labels)
    own, other, labels = (row_ranks(np.where(common, values, np.nan)) for values in (own, other, labels))
    ics = [row_correlations(values, labels, least) for values in (own, other)]
    defined = np.isfinite(ics[0]) & np.isfinite(ics[1])
    return PairedICs(tuple(sessions[defined].tolist()), ics[0][defined], ics[1][defined], int(common.sum()))


def _days(sessions: tuple[date, ...]) -> NDArray[np.datetime64]:
    return np.array(sessions, "datetime64[D]")
