"""The model of some rows as the specification asks for it: weighted, with counted rounds, of several members."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afterbell.training.families import family_of
from afterbell.training.families.boosting import HeldRows
from afterbell.training.families.composite.ensemble import pack_members
from afterbell.training.fits import Fit, member_seed
from afterbell.training.matrix import Matrix
from afterbell.training.shared_features import best_rounds_of_rows, fit_rows
from afterbell.training.spec import ModelSpec
from afterbell.training.splits import last_trainable
from afterbell.training.weights import row_weights

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class RowsFit:
    """Fits models of rows of a matrix.

    Attributes:
        fit: whose training window the rows are of.
        spec: the model specification.
        matrix: with the features and targets.
    """

    fit: Fit
    spec: ModelSpec
    matrix: Matrix

    def body(self, rows: Rows, seed: int, least: int, shared: Path | None) -> bytes:
        """The text of the model of ``rows``, a packed one where it has several members.

        A window with fewer than ``least`` rows, or without two labels, has no member; where none has one, the model
        is of all rows.

        Args:
            rows: with labels that vary, ascending.
            seed: of the first member; the others' follow from it.
            least: rows that a model needs.
            shared: the folder for what fits on the same rows share; None to share nothing.
        """
        ensemble = self.spec.ensemble
        seeds = ensemble.seeds if family_of(self.fit.family).draws else 1
        windows = [own for window in ensemble.windows if self._suffices(own := self._last(rows, window), least)]
        members = [
            self._member(own, member_seed(seed, number * seeds + place), least, shared)
            for number, own in enumerate(windows or [rows])
            for place in range(seeds)
        ]
        return pack_members(self.fit.family, members)

    def _last(self, rows: Rows, sessions: int | None) -> Rows:
        """Those of ``rows`` that lie in the last ``sessions`` training sessions."""
        if sessions is None:
            return rows
        first = self._sessions_of_window()[-sessions:][0]
        own: Rows = rows[self.matrix.sessions[rows] >= first]
        return own

    def _sessions_of_window(self) -> NDArray[np.int64]:
        return np.concatenate([np.arange(first, last + 1) for first, last in self.fit.train_windows])

    def _suffices(self, rows: Rows, least: int) -> bool:
        target = self._target(rows)
        return rows.size >= max(least, 1) and bool(target.min() < target.max())

    def _target(self, rows: Rows) -> NDArray[np.float32]:
        target: NDArray[np.float32] = self.matrix.targets[self.matrix.horizons.index(self.fit.horizon), rows]
        return target

    def _member(self, rows: Rows, seed: int, least: int, shared: Path | None) -> bytes:
        params = self.spec.families.named()[self.fit.family]
        rounds = self._best_rounds(rows, seed, params, least, shared)
        if rounds is not None:
            params = params.model_copy(update={"rounds": rounds})
        weights = row_weights(self.spec.weights, self.matrix, rows, self.fit.train_last)
        target = self._target(rows)
        return fit_rows(
            self.fit.family, self.matrix, rows, target, params=params, seed=seed, weights=weights, shared=shared
        )

    def _best_rounds(self, rows: Rows, seed: int, params: Any, least: int, shared: Path | None) -> int | None:
        """The rounds that early stopping counts; None without it, and where too few rows lie before the held ones."""
        stopping, family = self.spec.early_stopping, family_of(self.fit.family)
        if stopping is None or family.best_rounds is None:
            return None
        sessions = self.matrix.sessions[rows]
        first_held = int(np.unique(sessions)[-stopping.sessions :][0])
        last = last_trainable(first_held, self.fit.horizon, self.spec.split.embargo)
        before, after = rows[sessions <= last], rows[sessions >= first_held]
        if not self._suffices(before, least):
            return None
        # Ages count from the last session that each fit knows; the held rows are weighed as the whole window is.
        weights = row_weights(self.spec.weights, self.matrix, before, last)
        held_weights = row_weights(self.spec.weights, self.matrix, after, self.fit.train_last)
        held = HeldRows(self.matrix.take(after), self._target(after), held_weights, stopping.patience)
        target = self._target(before)
        return best_rounds_of_rows(
            family, self.matrix, before, (target, weights), held, params=params, seed=seed, shared=shared
        )
