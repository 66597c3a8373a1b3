"""What a search keeps of a fold of a trial: its figures by session, not its predictions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class FoldScores:
    """The figures of one fold.

    Attributes:
        sessions: ordinals, float64 (sessions,), ascending.
        rank_ic: float64 (sessions,), NaN where it is not defined.
        net: return of the portfolio formed at the session, net of costs, likewise.
    """

    sessions: Floats
    rank_ic: Floats
    net: Floats

    def encode(self) -> bytes:
        """The figures as bytes."""
        return np.stack([self.sessions, self.rank_ic, self.net]).astype("<f8").tobytes()

    @classmethod
    def decode(cls, body: bytes) -> FoldScores:
        """The figures that ``encode`` gave."""
        sessions, rank_ic, net = np.frombuffer(body, "<f8").reshape(3, -1).astype(np.float64)
        return cls(sessions, rank_ic, net)


def mean_rank_ic(folds: Sequence[FoldScores]) -> float:
    """The mean over all sessions of ``folds`` that have a rank IC; NaN where none has."""
    values = np.concatenate([fold.rank_ic for fold in folds])
    values = values[np.isfinite(values)]
    return float(values.mean()) if values.size else math.nan


def net_by_session(folds: Sequence[FoldScores]) -> Floats:
    """Net returns in order of the sessions; of a session that several folds tested their mean."""
    sessions = np.concatenate([fold.sessions for fold in folds])
    net = np.concatenate([fold.net for fold in folds])
    days, places = np.unique(sessions, return_inverse=True)
    known = np.isfinite(net)
    count = np.bincount(places[known], minlength=days.size)
    total = np.bincount(places[known], net[known], minlength=days.size)
    mean = np.full(days.size, np.nan)
    np.divide(total, count, out=mean, where=count > 0)
    return mean
