"""The trials of a search by the figures that a candidate is judged by, and what is left of the best one's Sharpe ratio.

A trial is scored where it was fitted: what travels are figures by session.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import variance

import numpy as np
from pydantic import JsonValue

from afterbell.evaluation.metrics import finite_or_none, score_one
from afterbell.evaluation.panel import Floats, ScorePanel
from afterbell.evaluation.settings import PortfolioSettings
from afterbell.evaluation.sharpe import Sharpe, deflated_sharpe, expected_maximum, sharpe_of
from afterbell.training.fits import Fit
from afterbell.training.fitting import rows_of
from afterbell.training.matrix import Matrix
from afterbell.training.search.samplers import Ending
from afterbell.training.search.scores import FoldScores, net_by_session
from afterbell.training.search.source import StudyResult
from afterbell.training.search.study import Key, TrialRecord
from afterbell.training.splits import label_end


@dataclass(frozen=True)
class TrialJudge:
    """Makes figures by session of a fold's predictions.

    Attributes:
        portfolio: costs.
        unseen: ordinal of the first session that the choice must know nothing of, labels included.
    """

    portfolio: PortfolioSettings
    unseen: int

    def __call__(self, matrix: Matrix, fit: Fit, predictions: bytes) -> bytes:
        """The figures of a fold; see ``FoldScores``."""
        days, panel = panel_of(matrix, fit, predictions, self.unseen)
        scored = score_one(panel, panel.scores["trial"], self.portfolio)
        net = np.where(np.isfinite(scored.rank_ic), scored.portfolio.net, np.nan)
        return FoldScores(days, scored.rank_ic, net).encode()


def panel_of(matrix: Matrix, fit: Fit, predictions: bytes, unseen: int) -> tuple[Floats, ScorePanel]:
    """The predictions of a fold and their labels as dense arrays, without sessions whose labels reach ``unseen``.

    Returns:
        The sessions' ordinals, float64, and the panel.
    """
    rows = rows_of(fit.test_windows, matrix)
    days, down = np.unique(matrix.sessions[rows], return_inverse=True)
    codes, across = np.unique(matrix.symbols[rows], return_inverse=True)
    keep = np.array([label_end(int(day), fit.horizon) < unseen for day in days], np.bool_)
    labels, scores = (np.full((days.size, codes.size), np.nan) for _ in range(2))
    labels[down, across] = matrix.labels[matrix.horizons.index(fit.horizon), rows]
    scores[down, across] = np.frombuffer(predictions, np.float32)
    scores[np.isnan(labels)] = np.nan
    dates = tuple(matrix.grid[int(day)] for day in days[keep])
    folds = np.full(len(dates), fit.fold)
    return days[keep].astype(np.float64), ScorePanel(fit.horizon, dates, folds, labels[keep], {"trial": scores[keep]})


def describe_search(studies: Sequence[StudyResult]) -> list[dict[str, JsonValue]]:
    """The entries of ``search`` in ``candidate.json``, one a family and horizon.

    Each has the trials with their figures on the folds to choose by, the one that was chosen, what was planned, done,
    pruned and left out, and the deflated Sharpe ratio. All trials saw the same sessions, so every one of every family
    and horizon counts in it, pruned and failed ones too. How much ratios vary without skill is that of all trials of
    the horizon.
    """
    made = sum(len(study.trials) for study in studies)
    sharpes = {
        study.key: {number: _sharpe(record, study.key[1]) for number, record in study.trials.items()}
        for study in studies
    }
    return [_entry(study, sharpes, made) for study in studies]


def _entry(study: StudyResult, sharpes: Mapping[Key, Mapping[int, Sharpe | None]], made: int) -> dict[str, JsonValue]:
    family, horizon = study.key
    alike = [sharpe for (_, of), own in sharpes.items() if of == horizon for sharpe in own.values()]
    ratios = [sharpe.ratio for sharpe in alike if sharpe is not None]
    spread = variance(ratios) if len(ratios) > 1 else 0.0
    best, tried = sharpes[study.key].get(study.chosen), max(1, made)
    return {
        "family": family,
        "horizon": horizon,
        "chosen": study.chosen,
        "used": study.used,
        "planned": study.planned,
        "done": len(study.trials),
        **{ending.value: _count(study.trials, ending) for ending in Ending},
        "left_out": study.left_out,
        "why": study.why,
        "trials": [_trial(record, sharpes[study.key][number]) for number, record in sorted(study.trials.items())],
        "trials_made": made,
        "sharpe_expected_without_skill": finite_or_none(expected_maximum(spread, tried)),
        "deflated_sharpe": finite_or_none(deflated_sharpe(best, spread, tried) if best else math.nan),
    }


def _count(trials: Mapping[int, TrialRecord], ending: Ending) -> int:
    return sum(record.ending is ending for record in trials.values())


def _sharpe(record: TrialRecord, horizon: int) -> Sharpe | None:
    usable = record.folds and record.ending is not Ending.FAILED
    return sharpe_of(net_by_session(record.folds), horizon) if usable else None


def _trial(record: TrialRecord, sharpe: Sharpe | None) -> dict[str, JsonValue]:
    return {
        "number": record.trial.number,
        "params": record.trial.params,
        "rank_ic": finite_or_none(record.rank_ic),
        "sharpe": finite_or_none(sharpe.ratio) if sharpe else None,
        "ending": record.ending.value if record.ending else "",
        "folds": len(record.folds),
        "reason": record.reason,
    }
