"""A search that is honest about itself: settings are chosen on the earlier folds, and reported on later ones alone.

Nested in time: of the walk-forward folds the last quarter, one at least, is kept from the choice. Sessions whose label
reaches into those folds don't count for the choice either. With one trial there is nothing to choose, and every fold
is reported, as in the daily run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from statistics import variance

import numpy as np
from pydantic import JsonValue
from pyspark.sql import SparkSession

from afterbell.errors import PermanentError
from afterbell.evaluation.metrics import score_one
from afterbell.evaluation.panel import ScorePanel
from afterbell.evaluation.settings import PortfolioSettings
from afterbell.evaluation.statistics import Sharpe, deflated_sharpe, expected_maximum, sharpe_of
from afterbell.experiments.draw import Trial
from afterbell.experiments.outline import reported
from afterbell.training.fan_out import NOWHERE, Job, Records
from afterbell.training.fits import FINAL, Fit, FitResult, TrainingOutcome, plan, settle
from afterbell.training.matrix import Matrix
from afterbell.training.spark_fits import Shipped, run_jobs
from afterbell.training.spec import ModelSpec
from afterbell.training.splits import label_end

Key = tuple[str, int]
"""A family and a horizon."""


@dataclass(frozen=True)
class ScoredTrial:
    """A trial on the folds of the choice.

    Attributes:
        rank_ic: mean by session, NaN if the trial failed.
        sharpe: of its portfolio, net of costs; None where that is not defined.
        reason: why it failed; empty if it didn't.
    """

    rank_ic: float
    sharpe: Sharpe | None
    reason: str = ""


@dataclass(frozen=True)
class Split:
    """The fits of a specification, apart: those to choose by, and those to report; finals go with the latter."""

    choice: tuple[Fit, ...]
    report: tuple[Fit, ...]
    skipped: tuple[str, ...]


def split(spec: ModelSpec, sessions: int, count: int) -> Split:
    """Which folds the choice among ``count`` trials may see.

    Raises:
        PermanentError: a horizon has one fold only: chosen by it, nothing would be left to report.
    """
    fits, skipped = plan(spec, sessions)
    if count == 1:
        return Split((), tuple(fits), tuple(skipped))
    seen: set[tuple[int, int]] = set()
    for horizon in spec.horizons:
        folds = sorted({fit.fold for fit in fits if fit.horizon == horizon and fit.fold != FINAL})
        if len(folds) < 2:
            raise PermanentError(
                f"horizon {horizon} has {len(folds)} fold(s): a search needs one to choose by and one that the choice "
                "never saw; choose an earlier first day, or one trial"
            )
        seen |= {(horizon, fold) for fold in folds[: -reported(len(folds), count)]}
    choice = tuple(fit for fit in fits if (fit.horizon, fit.fold) in seen)
    return Split(choice, tuple(fit for fit in fits if (fit.horizon, fit.fold) not in seen), tuple(skipped))


def search(
    spark: SparkSession,
    shipped: Shipped,
    matrix: Matrix,
    spec: ModelSpec,
    tried: list[Trial],
    portfolio: PortfolioSettings,
    report: Callable[[str], None],
    records: Records = NOWHERE,
) -> tuple[TrainingOutcome, list[dict[str, JsonValue]]]:
    """Try, choose, and fit the chosen on what is left.

    Args:
        spark: whose executors have the matrix.
        shipped: the matrix, for the executors.
        matrix: the same, here.
        spec: the specification.
        tried: the trials of all families, as many of each.
        portfolio: costs.
        report: called with a line of text as each fit ends.
        records: where results of fits are looked for, and kept.

    Returns:
        The outcome of the fits to report, and a line a family and horizon for the report: the trials, the one that was
        chosen, and its deflated Sharpe ratio.
    """
    count = len(tried) // len(spec.families.named())
    parts = split(spec, len(matrix.grid), count)
    # Trial by trial: fits side by side are of different folds, and none waits for what another one prepares.
    jobs = [(fit, trial) for trial in tried for fit in parts.choice if trial.family == fit.family]
    results = run_jobs(
        spark,
        shipped,
        [Job(fit, trial.spec) for fit, trial in jobs],
        _report_fits(len(jobs), "trial", report),
        records=records,
    )
    by_trial: dict[tuple[Key, int], list[FitResult]] = {}
    for (fit, trial), result in zip(jobs, results, strict=True):
        by_trial.setdefault(((fit.family, fit.horizon), trial.number), []).append(result)
    by_number = {(trial.family, trial.number): trial for trial in tried}
    horizon_first = {horizon: _first_unseen(parts, horizon) for horizon in spec.horizons}
    scored = {
        key: {
            number: score_trial(matrix, by_trial[key, number], horizon_first[key[1]], portfolio)
            for number in range(count)
        }
        for key in sorted({key for key, _ in by_trial})
    }
    chosen = {key: choose(own) for key, own in scored.items()}
    table = entries(scored, chosen, by_number)
    finals = [Job(fit, by_number[fit.family, chosen.get((fit.family, fit.horizon), 0)].spec) for fit in parts.report]
    reports = _report_fits(len(finals), "fit", report)
    outcome = settle(run_jobs(spark, shipped, finals, reports, records=records), parts.skipped)
    # A trial that failed may have been the best: without it the choice is another, and so is the candidate.
    lost = [
        f"trial {trial.number} of {fit.name}"
        for (fit, trial), result in zip(jobs, results, strict=True)
        if result.failed
    ]
    return replace(outcome, failed=(*sorted(lost), *outcome.failed)), table


def _report_fits(total: int, what: str, report: Callable[[str], None]) -> Callable[[int, FitResult], None]:
    def progress(done: int, result: FitResult) -> None:
        report(f"{what} {done}/{total} {result.fit.name}: {result.reason or f'{result.rows} rows'}")

    return progress


def _first_unseen(parts: Split, horizon: int) -> int:
    """The first session that only the report sees."""
    firsts = [fit.test_first for fit in parts.report if fit.horizon == horizon and fit.fold != FINAL]
    return min(firsts, default=0)


def score_trial(matrix: Matrix, results: list[FitResult], unseen: int, portfolio: PortfolioSettings) -> ScoredTrial:
    """A trial by its predictions of the folds to choose by; a fold without predictions is not counted.

    Args:
        matrix: with the labels.
        results: of one trial and horizon.
        unseen: ordinal of the first session that the choice must know nothing of, labels included.
        portfolio: costs.
    """
    # A trial that lacks a fold which others have can't be compared with them.
    broken = [result for result in results if result.broken or result.failed]
    tested = sorted((result for result in results if result.predictions), key=lambda result: result.fit.fold)
    if broken or not tested:
        return ScoredTrial(math.nan, None, (broken or results)[0].reason or "no fold was tested")
    panels = [panel_of(matrix, result, unseen) for result in tested]
    ics, net, horizon = [], [], tested[0].fit.horizon
    for panel in panels:
        scores = score_one(panel, panel.scores["trial"], portfolio)
        ics.append(scores.rank_ic)
        net.append(np.where(np.isfinite(scores.rank_ic), scores.portfolio.net, np.nan))
    values = np.concatenate(ics)
    if not np.isfinite(values).any():
        return ScoredTrial(math.nan, None, "no session of the folds to choose by has enough symbols")
    return ScoredTrial(float(np.nanmean(values)), sharpe_of(np.concatenate(net), horizon))


def panel_of(matrix: Matrix, result: FitResult, unseen: int) -> ScorePanel:
    """The predictions of a fold and their labels as dense arrays, without what reaches ``unseen``."""
    fit = result.fit
    window = matrix.rows(fit.test_first, fit.test_last)
    sessions = matrix.sessions[window]
    keep = np.array([label_end(int(day), fit.horizon) < unseen for day in np.unique(sessions)], np.bool_)
    days, down = np.unique(sessions, return_inverse=True)
    codes, across = np.unique(matrix.symbols[window], return_inverse=True)
    labels, scores = (np.full((days.size, codes.size), np.nan) for _ in range(2))
    labels[down, across] = matrix.labels[matrix.horizons.index(fit.horizon), window]
    scores[down, across] = np.frombuffer(result.predictions, np.float32)
    scores[np.isnan(labels)] = np.nan
    dates = tuple(matrix.grid[int(day)] for day in days[keep])
    return ScorePanel(fit.horizon, dates, np.full(len(dates), fit.fold), labels[keep], {"trial": scores[keep]})


def choose(scored: Mapping[int, ScoredTrial]) -> int:
    """The trial with the best rank IC; the earlier one of equals, and the specification's own where none is left."""
    usable = {number: trial.rank_ic for number, trial in scored.items() if math.isfinite(trial.rank_ic)}
    return min(usable, key=lambda number: (-usable[number], number), default=0)


def entries(
    scored: Mapping[Key, Mapping[int, ScoredTrial]],
    chosen: Mapping[Key, int],
    trials: Mapping[tuple[str, int], Trial],
) -> list[dict[str, JsonValue]]:
    """A line a family and horizon for the report, with the deflated Sharpe ratio of the trial that was chosen.

    All of them saw the same sessions, so every trial of every family and horizon counts, failed ones too. How much
    ratios vary without skill is that of all trials of the horizon.

    Args:
        scored: the trials of each family and horizon, by their numbers.
        chosen: the number that was chosen of each.
        trials: by family and number.
    """
    made = sum(len(own) for own in scored.values())
    return [_entry(key, scored, chosen[key], trials, made) for key in sorted(scored)]


def _entry(
    key: Key,
    scored: Mapping[Key, Mapping[int, ScoredTrial]],
    chosen: int,
    trials: Mapping[tuple[str, int], Trial],
    made: int,
) -> dict[str, JsonValue]:
    family, horizon = key
    alike = [trial for (_, of), own in scored.items() if of == horizon for trial in own.values()]
    ratios = [trial.sharpe.ratio for trial in alike if trial.sharpe is not None]
    spread = variance(ratios) if len(ratios) > 1 else 0.0
    best = scored[key][chosen].sharpe
    deflated = deflated_sharpe(best, spread, made) if best else math.nan
    return {
        "family": family,
        "horizon": horizon,
        "chosen": chosen,
        "trials": [
            {
                "number": number,
                "params": trials[family, number].params,
                "rank_ic": _finite(trial.rank_ic),
                "sharpe": _finite(trial.sharpe.ratio) if trial.sharpe else None,
                "reason": trial.reason,
            }
            for number, trial in sorted(scored[key].items())
        ],
        "trials_made": made,
        "sharpe_expected_without_skill": _finite(expected_maximum(spread, made)),
        "deflated_sharpe": _finite(deflated),
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
