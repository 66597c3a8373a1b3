"""From a search to the gate's verdict on drawn markets: what is published where there is nothing to find.

Every market has its own returns, with a part that all symbols share and fat tails, and features of which three are sums
of past returns. The fits, the search, the evaluation and the gate are those of the pipeline; only Spark is left out.
Some markets more have a signal of known strength, so that the best rank IC possible is known as well.
"""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from statistics import mean, median, quantiles

import numpy as np
import polars as pl

from afterbell.evaluation.candidate_scores import CandidateScores, judge
from afterbell.evaluation.gate import GateDecision, decide
from afterbell.evaluation.metrics import score_one
from afterbell.evaluation.panel import BLEND, Floats
from afterbell.evaluation.settings import GateSettings, load_gate
from afterbell.evaluation.trial_scores import TrialJudge, describe_search
from afterbell.training.fan_out import Job, fan_out_from
from afterbell.training.fits import FitResult
from afterbell.training.matrix import Matrix, session_starts
from afterbell.training.search.parts import split
from afterbell.training.search.source import Search, SearchResult
from afterbell.training.spark_fits import attempt_job, out_of_sample_rows
from afterbell.training.spec import ModelSpec
from afterbell.training.splits import label_end
from afterbell.training.targets import session_targets
from bench.measure import Figure

MARKETS, PLANTED = 100, 6
STRENGTH = 0.1
"""Correlation of the planted signal with the return of a session, within the session."""
_SYMBOLS, _FEATURES, _PAST = 120, 9, (1, 5, 20)
_SHARED, _OWN = 0.01, 0.02
"""Standard deviations of a session's return: the part that all symbols share, and each one's own."""
_CORES = 2
_SPEC = {
    "feature_sets": ["drawn"], "horizons": [1, 5], "seed": 7, "target": "rank",
    "families": {
        "lightgbm": {"rounds": 20, "num_leaves": 7, "learning_rate": 0.1, "max_bin": 31, "min_leaf_share": 0.01},
        "ridge": {"penalty": 0.1},
    },
    "split": {"folds": 4, "test_sessions": 40, "min_train_sessions": 60, "embargo": 2},
    "universe": {
        "min_price": 1.0, "min_median_dollar_volume": 1000.0, "window": 5, "min_window": 2, "min_feature_share": 0.5,
    },
    "min_train_rows": 100, "max_train_rows": 1_000_000,
    "search": {
        "trials": 12, "cohort": 6,
        "lightgbm": {"num_leaves": {"low": 3, "high": 15}, "learning_rate": {"low": 0.02, "high": 0.3, "log": True}},
        "ridge": {"penalty": {"low": 0.001, "high": 10.0, "log": True}, "clip": {"low": 2.0, "high": 8.0}},
    },
}  # fmt: skip
_SESSIONS = 60 + 4 * 40 + 12
"""As many as the folds take, with what is purged before them and the labels at the end."""


@dataclass(frozen=True)
class Outcome:
    """What became of one market.

    Attributes:
        seed: the market's.
        decision: the gate's, while nothing serves.
        deflated: deflated Sharpe ratio of the chosen trial by family and horizon, where it is defined.
        found: mean rank IC of the blend over one session.
        possible: the same of the planted signal itself; 0 where none is planted.
    """

    seed: int
    decision: GateDecision
    deflated: dict[str, float]
    found: float
    possible: float


def draw(seed: int, strength: float) -> tuple[Matrix, Floats]:
    """A market, and its first feature, float64 (sessions, symbols).

    That one is drawn anew each session and has the correlation ``strength`` with the return of the session that the
    label over one session is of; all others say nothing about returns to come.
    """
    dice, shape = np.random.default_rng([23, seed]), (_SESSIONS, _SYMBOLS)
    signal = dice.standard_normal(shape)
    own = dice.standard_t(5, shape) / np.sqrt(5 / 3)
    own[2:] = strength * signal[:-2] + np.sqrt(1 - strength**2) * own[2:]
    returns = _SHARED * dice.standard_normal((_SESSIONS, 1)) + _OWN * own
    level = np.vstack([np.zeros((1, _SYMBOLS)), np.cumsum(np.log1p(np.maximum(returns, -0.5)), axis=0)])
    features = [signal, *(_past(level, length) for length in _PAST)]
    features += [_persistent(dice, shape) for _ in range(_FEATURES - 1)]
    horizons = ModelSpec.model_validate(_SPEC).horizons
    labels = np.stack([_labels(level[1:], horizon).ravel() for horizon in horizons]).astype(np.float32)
    sessions = np.repeat(np.arange(_SESSIONS, dtype=np.int32), _SYMBOLS)
    matrix = Matrix(
        features=np.stack([one.ravel() for one in features]).astype(np.float32),
        labels=labels,
        targets=np.stack([session_targets(one, session_starts(sessions), "rank") for one in labels]),
        sessions=sessions,
        symbols=np.tile(np.arange(_SYMBOLS, dtype=np.int32), _SESSIONS),
        dollars=np.full(sessions.size, 1e6, np.float32),
        names=tuple(f"f{number}" for number in range(len(features))),
        horizons=horizons,
        grid=tuple(date(2020, 1, 1) + timedelta(days=day) for day in range(_SESSIONS)),
        tickers=tuple(f"S{number:03d}" for number in range(_SYMBOLS)),
    )
    return matrix, signal


def _past(level: Floats, length: int) -> Floats:
    """The return over the last ``length`` sessions, of fewer at the beginning."""
    before = np.maximum(np.arange(_SESSIONS) + 1 - length, 0)
    past: Floats = level[1:] - level[before]
    return past


def _persistent(dice: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """What moves slowly, as most factors do: a tenth of it is new each session."""
    values = dice.standard_normal(shape)
    for session in range(1, shape[0]):
        values[session] = np.sqrt(0.9) * values[session - 1] + np.sqrt(0.1) * values[session]
    return values


def _labels(level: Floats, horizon: int) -> Floats:
    """The return from the next session's close over ``horizon`` sessions; NaN where it isn't known."""
    labels = np.full(level.shape, np.nan)
    known = _SESSIONS - label_end(0, horizon)
    labels[:known] = np.expm1(level[label_end(0, horizon) :] - level[1 : 1 + known])
    return labels


class _Here:
    """Runs fits in this process, one at a time."""

    cores = 1

    def __init__(self, matrix: Matrix) -> None:
        self._matrix = matrix

    def run(self, jobs: Sequence[Job]) -> list[FitResult]:
        return [attempt_job(job, self._matrix) for job in jobs]

    def cancel(self) -> None:
        return None


def play(seed: int, strength: float, settings: GateSettings) -> Outcome:
    """Search, evaluate and judge on one market."""
    matrix, signal = draw(seed, strength)
    spec = ModelSpec.model_validate(_SPEC | {"seed": seed})
    judge_of = partial(TrialJudge, settings.portfolio)
    search = Search(spec, split(spec, len(matrix.grid)), judge_of, lambda _: None)
    fan_out_from(search, _Here(matrix), lambda *_: None)
    result = search.result()
    scores = judge(_rows(matrix, result), "drawn", matrix.grid[-1], settings)
    decision = decide(scores.contender, None, spec.horizons, settings)
    return Outcome(
        seed, decision, _deflated(result), *_rank_ics(matrix, scores, signal if strength else None, settings)
    )


def _rows(matrix: Matrix, result: SearchResult) -> pl.DataFrame:
    """The out-of-sample predictions as the lake has them."""
    names = ("family", "horizon", "fold", "test_first", "test_last")
    batches = [
        batch
        for fold in result.outcome.folds
        for batch in out_of_sample_rows(
            matrix, "drawn", {name: getattr(fold.fit, name) for name in names} | {"predictions": fold.predictions}
        )
    ]
    return pl.concat([pl.DataFrame(batch) for batch in batches])


def _deflated(result: SearchResult) -> dict[str, float]:
    entries = describe_search(result.studies)
    ratios = {f"{entry['family']} h{entry['horizon']}": entry["deflated_sharpe"] for entry in entries}
    return {name: ratio for name, ratio in ratios.items() if isinstance(ratio, float)}


def _rank_ics(
    matrix: Matrix, scores: CandidateScores, signal: Floats | None, settings: GateSettings
) -> tuple[float, float]:
    """Mean rank ICs over one session: the blend's, and the signal's on the same cells."""
    panel, found = scores.panels[1], float(np.nanmean(scores.scored[1][BLEND].rank_ic))
    if signal is None:
        return found, 0.0
    down = [matrix.grid.index(day) for day in panel.sessions]
    across = [matrix.tickers.index(symbol) for symbol in panel.symbols]
    best = score_one(panel, signal[np.ix_(down, across)], settings.portfolio)
    return found, float(np.nanmean(best.rank_ic))


def judged_markets() -> list[Figure]:
    """Markets without a signal: what is published, offered, and left of the best Sharpe ratios; and planted ones."""
    settings = load_gate()
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(_CORES, mp_context=spawn) as pool:
        futures = [pool.submit(play, seed, 0.0, settings) for seed in range(MARKETS)]
        outcomes = []
        for future in as_completed(futures):
            outcomes.append(future.result())
            print(f"  {len(outcomes)}/{MARKETS} {_line(outcomes[-1])}", file=sys.stderr, flush=True)
        planted = list(pool.map(partial(play, strength=STRENGTH, settings=settings), range(MARKETS, MARKETS + PLANTED)))
    return [*_without_signal(outcomes), *_with_signal(planted)]


def _line(outcome: Outcome) -> str:
    deflated = ", ".join(f"{name} {ratio:.2f}" for name, ratio in sorted(outcome.deflated.items()))
    offer = " (offered)" if outcome.decision.offer else ""
    return f"market {outcome.seed}: {outcome.decision.verdict}{offer}; deflated Sharpe ratio {deflated}"


def _without_signal(outcomes: Sequence[Outcome]) -> list[Figure]:
    trials = f"{MARKETS} markets of {_SYMBOLS} symbols and {_SESSIONS} sessions without a signal"
    note = f"{trials}, 12 trials of ridge and LightGBM over 1 and 5 sessions each; nothing serves"
    published = sum(outcome.decision.verdict == "publish" for outcome in outcomes)
    offered = sum(outcome.decision.offer for outcome in outcomes)
    ratios = sorted(ratio for outcome in outcomes for ratio in outcome.deflated.values())
    spread = ", ".join(f"{value:.2f}" for value in quantiles(ratios, n=10))
    surely = sum(ratio > 0.95 for ratio in ratios)
    return [
        Figure("published unattended", published, f"of {MARKETS}", f"{note}; expected at most 1", 0),
        Figure("offered to a person", offered, f"of {MARKETS}", "of the same; expected at most 10", 0),
        Figure("deflated Sharpe, median", median(ratios), "", f"of {len(ratios)} searches; tenths: {spread}"),
        Figure("deflated Sharpe, highest", ratios[-1], "", f"{surely} of {len(ratios)} above 0.95"),
        Figure("rank IC of the blend", mean(outcome.found for outcome in outcomes), "", "of the same; mean", 4),
    ]


def _with_signal(outcomes: Sequence[Outcome]) -> list[Figure]:
    found, possible = (mean(values) for values in zip(*((one.found, one.possible) for one in outcomes), strict=True))
    note = (
        f"{PLANTED} markets with one feature of correlation {STRENGTH}: mean out-of-sample rank IC over one session, "
        f"the blend's {found:.4f} / that feature's own {possible:.4f}; expected 90 % or more"
    )
    return [Figure("found of a planted signal", 100 * found / possible, "%", note, 0)]
