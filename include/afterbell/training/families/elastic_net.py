"""Linear regression with an elastic net's penalty, by coordinate descent; features that add nothing get weight 0.

Zou and Hastie (2005); the algorithm is that of covariance updates in Friedman, Hastie and Tibshirani, Regularization
Paths for Generalized Linear Models via Coordinate Descent (2010), section 2.2: it needs the features' products alone.
Coordinates are taken in the order of the features, and sums element by element: no BLAS decides a model's bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from afterbell.config.loader import Strict
from afterbell.errors import PermanentError
from afterbell.training.families.base import Family
from afterbell.training.families.linear import load, normal_equations, predict_groups

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_CLOSE = 1e-6
"""A pass that changes no coefficient by more, of features with variance 1, is the last one."""
_MOST_PASSES = 20_000


class ElasticNetParams(Strict):
    """Linear regression on standardised features, of which those that add nothing get no weight.

    Attributes:
        penalty: of ``|y - Zb|^2 / 2n + penalty * (l1_share * |b|_1 + (1 - l1_share) * |b|^2 / 2)``. A feature whose
            correlation with the target is below ``penalty * l1_share`` gets no weight by itself.
        l1_share: 1 for a lasso, 0 for a ridge regression.
        clip: standardised values beyond this many standard deviations are pulled in.
    """

    penalty: float = Field(default=0.002, gt=0)
    l1_share: float = Field(default=0.5, ge=0, le=1)
    clip: float = Field(default=5.0, gt=0)


def fit(
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    names: tuple[str, ...],
    params: ElasticNetParams,
    _seed: int,
    weights: NDArray[np.float32] | None = None,
) -> bytes:
    """Fit and return the model's JSON; the same arguments give the same bytes.

    Args:
        x: float32 (rows, features), NaN where a factor is not defined: it counts as the mean.
        y: float32 (rows,), finite.
        names: of the features.
        params: the family's parameters.
        _seed: not used; there is nothing to draw.
        weights: float32 (rows,), above 0; None where all rows count the same. Means and scales are weighted, too.

    Raises:
        PermanentError: the coefficients do not settle.
    """
    rows = normal_equations(x, y, params.clip, weights)
    coefficients = _descend(
        rows.gram, rows.cross, params.penalty * params.l1_share, params.penalty * (1 - params.l1_share)
    )
    return rows.model(names, coefficients).body()


def _descend(gram: Floats, cross: Floats, l1: float, l2: float) -> Floats:
    """The minimum of ``b'Gb/2 - c'b + l1 |b|_1 + l2 |b|^2 / 2``, from b = 0, coordinate by coordinate.

    All coordinates are visited until one pass changes none; in between only those that are not 0.
    """
    import numpy as np  # noqa: PLC0415 - see the package

    coefficients, fitted = np.zeros(cross.size), np.zeros(cross.size)
    curvature = gram.diagonal() + l2
    every = np.flatnonzero(curvature > 0)  # any other column is constant
    visited = every
    for _ in range(_MOST_PASSES):
        largest = 0.0
        for j in visited.tolist():
            before = float(coefficients[j])
            pull = float(cross[j]) - float(fitted[j]) + float(gram[j, j]) * before
            after = max(abs(pull) - l1, 0.0) / float(curvature[j]) * (1.0 if pull > 0 else -1.0)
            if after != before:
                fitted += gram[j] * (after - before)
                coefficients[j] = after
                largest = max(largest, abs(after - before))
        if largest > _CLOSE:
            visited = np.flatnonzero(coefficients)
        elif visited is every:
            return coefficients + 0.0  # no -0.0
        else:
            visited = every
    raise PermanentError(
        f"the coefficients of {cross.size} features changed by {largest:.1e} in pass {_MOST_PASSES}, expected {_CLOSE} "
        "at most; raise the penalty, lower l1_share, or leave out features that repeat others"
    )


FAMILY = Family(
    name="elastic_net",
    params=ElasticNetParams,
    suffix="json",
    fit=fit,
    load=load,
    weights="coefficients",
    draws=False,
    predict_groups=predict_groups,
)
