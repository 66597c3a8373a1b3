"""Runs one fit, or one block of a fit of many groups: the same on the driver and on any executor."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from afterbell.training.families import FAMILIES, load_model
from afterbell.training.families.base import GroupsFit
from afterbell.training.fit_options import ONE_MODEL
from afterbell.training.fits import FINAL, Fit, FitResult
from afterbell.training.grouped_fits import Trainer, encode_scores, train_groups
from afterbell.training.grouping_spec import ByMarket
from afterbell.training.matrix import Matrix
from afterbell.training.members import RowsFit
from afterbell.training.spec import ModelSpec
from afterbell.training.splits import Windows
from afterbell.training.weights import row_weights


def run_fit(fit: Fit, spec: ModelSpec, matrix: Matrix, shared: Path | None = None) -> FitResult:
    """Train and test one fit; the same arguments give the same model and predictions.

    A fit with too few rows, a target that does not vary or predictions that are not finite comes back with a
    reason.

    Args:
        fit: the fit.
        spec: the model specification.
        matrix: what is trained on.
        shared: the folder for what fits on the same rows share, which changes no byte; None to share nothing.
    """
    started = time.monotonic()
    column = matrix.horizons.index(fit.horizon)
    known = _known_rows(fit, matrix, column)
    rows = _sampled(known, spec.max_train_rows, fit.sample_seed(spec))
    target = matrix.targets[column, rows]
    if rows.size < spec.min_train_rows:
        return FitResult(fit, f"{rows.size} training rows, expected {spec.min_train_rows} or more", rows=rows.size)
    if target.min() == target.max():
        return FitResult(fit, "the label does not vary over the training rows", rows=rows.size)
    # A final fit is tried on the newest session, which is what it will score first.
    newest = int(matrix.sessions[-1])
    windows = ((newest, newest),) if fit.fold == FINAL else fit.test_windows
    trainer = _trainer(fit, spec, matrix, column, shared)
    places = None
    if isinstance(spec.grouping, ByMarket):
        body = trainer.single(rows, fit.seed(spec), True)
        tested = np.ascontiguousarray(matrix.features[:, _slice_or_rows(windows, matrix)]).T
        predictions = load_model(fit.family, body).predict(tested).astype(np.float32)
    else:
        trained = train_groups(fit, spec, matrix, rows, known, rows_of(windows, matrix), trainer)
        body, places, predictions = trained.body, trained.rows, trained.scores
    seconds = time.monotonic() - started
    not_finite = int((~np.isfinite(predictions)).sum())
    if not_finite:
        return FitResult(
            fit, f"{not_finite} of {predictions.size} predictions are not finite", broken=True, rows=rows.size
        )
    if fit.fold == FINAL:
        return FitResult(fit, rows=rows.size, model=body, seconds=seconds)
    kept = predictions.tobytes() if places is None or fit.has_market else encode_scores(places, predictions)
    return FitResult(fit, rows=rows.size, predictions=kept, seconds=seconds)


def _trainer(fit: Fit, spec: ModelSpec, matrix: Matrix, column: int, shared: Path | None) -> Trainer:
    """How the fit trains a model of some rows."""
    params, fit_groups = spec.families.named()[fit.family], FAMILIES[fit.family].fit_groups
    rows_fit, one_each = RowsFit(fit, spec, matrix), spec.ensemble == ONE_MODEL
    least_of_group = 1 if isinstance(spec.grouping, ByMarket) else spec.grouping.min_rows

    def single(rows: NDArray[np.int64], seed: int, shares: bool) -> bytes:
        least = spec.min_train_rows if shares else least_of_group
        return rows_fit.body(rows, seed, least, shared if shares else None)

    def batched(fit_groups: GroupsFit, groups: Sequence[NDArray[np.int64]]) -> list[bytes]:
        rows, starts = np.concatenate(groups), np.cumsum([0, *(group.size for group in groups)])
        weights = row_weights(spec.weights, matrix, rows, fit.train_last)
        return fit_groups(matrix.take(rows), matrix.targets[column, rows], starts, matrix.names, params, weights)

    def sample(rows: NDArray[np.int64], group: str) -> NDArray[np.int64]:
        return _sampled(rows, spec.max_train_rows, fit.sample_seed(spec, group))

    return Trainer(single, partial(batched, fit_groups) if fit_groups and one_each else None, sample)


def _known_rows(fit: Fit, matrix: Matrix, column: int) -> NDArray[np.int64]:
    """The rows of the training sessions that have a label, ascending."""
    rows = rows_of(fit.train_windows, matrix)
    known: NDArray[np.int64] = rows[np.isfinite(matrix.targets[column, rows])]
    return known


def _sampled(rows: NDArray[np.int64], most: int, seed: int) -> NDArray[np.int64]:
    if rows.size > most:
        rows = np.random.default_rng(seed).choice(rows, most, replace=False, shuffle=False)
        rows.sort()
    return rows


def _slice_or_rows(windows: Windows, matrix: Matrix) -> slice | NDArray[np.int64]:
    """The rows of ``windows``: a slice, which copies nothing, where there is but one."""
    return matrix.rows(*windows[0]) if len(windows) == 1 else rows_of(windows, matrix)


def rows_of(windows: Windows, matrix: Matrix) -> NDArray[np.int64]:
    """The numbers of the rows of ``windows``, int64, ascending."""
    parts = [matrix.rows(first, last) for first, last in windows]
    return np.concatenate([np.arange(part.start, part.stop, dtype=np.int64) for part in parts])
