"""Model families behind one interface: fit gives bytes in a text format, bytes give a model back.

A family is one module with ``SUFFIX``, ``fit(x, y, names, params, seed) -> bytes`` and ``load(body) ->
Model``.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from afterbell.errors import PermanentError
from afterbell.training.families import lightgbm, ridge


class Model(Protocol):
    """A fitted model."""

    @property
    def names(self) -> tuple[str, ...]:
        """The features it was fitted on, in the order of the columns."""
        ...

    def predict(self, x: NDArray[np.floating]) -> NDArray[np.float64]:
        """Scores, float64 (rows,), of ``x``, float32 or float64 (rows, features), NaN allowed."""
        ...


SUFFIXES = {"lightgbm": lightgbm.SUFFIX, "ridge": ridge.SUFFIX}
"""File suffix of each family's text format."""


def load_model(family: str, body: bytes) -> Model:
    """The model that ``body`` describes, in the declared text format of ``family``; nothing is unpickled.

    Raises:
        PermanentError: the family is not known, or ``body`` is not in its format.
    """
    if family == "lightgbm":
        return lightgbm.load(body)
    if family == "ridge":
        return ridge.load(body)
    raise PermanentError(f"model family {family!r} is not known; expected one of {', '.join(sorted(SUFFIXES))}")


def fit_model(
    family: str,
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    names: tuple[str, ...],
    *,
    params: Any,
    seed: int,
) -> bytes:
    """Fit one model and return its text: the same arguments give the same bytes.

    Args:
        family: ``lightgbm`` or ``ridge``.
        x: float32 (rows, features), NaN where a factor is not defined; a layout of columns is not copied.
        y: float32 (rows,), finite.
        names: of the features.
        params: the family's parameters, a ``LightGBMParams`` or ``RidgeParams``.
        seed: for families that draw random numbers.

    Raises:
        PermanentError: the family is not known.
    """
    if family == "lightgbm":
        return lightgbm.fit(x, y, names, params, seed)
    if family == "ridge":
        return ridge.fit(x, y, names, params)
    raise PermanentError(f"model family {family!r} is not known; expected one of {', '.join(sorted(SUFFIXES))}")
