"""Ridge regression in closed form, kept as canonical JSON.

Hoerl and Kennard, Ridge Regression (1970), on standardised features: ``(Z'Z/n + penalty I) b = Z'y/n``, with
Z's missing values at 0, their mean. Sums and the solution are taken in a fixed order: no BLAS decides a model's bytes.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from pydantic import Field

from afterbell.config.loader import Strict
from afterbell.training.families.base import Family
from afterbell.training.families.fixed_order import solve_positive
from afterbell.training.families.linear import load, normal_equations, predict_groups

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_TOGETHER = 8
"""Systems that are solved together: few enough for a processor's cache."""


class RidgeParams(Strict):
    """Linear regression on standardised features.

    Attributes:
        penalty: added to the diagonal of the features' correlation matrix, so that it means the same for any
            number of rows.
        clip: standardised values beyond this many standard deviations are pulled in.
    """

    penalty: float = Field(gt=0)
    clip: float = Field(default=5.0, gt=0)


def fit(
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    names: tuple[str, ...],
    params: RidgeParams,
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
    """
    import numpy as np  # noqa: PLC0415 - see the package

    rows = normal_equations(x, y, params.clip, weights)
    return rows.model(names, solve_positive(rows.gram + params.penalty * np.eye(len(names)), rows.cross)).body()


def fit_groups(
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    starts: NDArray[np.int64],
    names: tuple[str, ...],
    params: RidgeParams,
    weights: NDArray[np.float32] | None = None,
) -> list[bytes]:
    """``fit`` for each of many groups of rows, to the same bytes: several systems are solved together.

    Args:
        x: float32 (rows, features), group after group.
        y: float32 (rows,), finite.
        starts: where each group's rows begin, then the number of rows; int64 (groups + 1,).
        names: of the features.
        params: the family's parameters.
        weights: as of ``fit``.
    """
    import numpy as np  # noqa: PLC0415 - see the package

    texts: list[bytes] = []
    slices = [slice(start, end) for start, end in pairwise(starts.tolist())]
    for first in range(0, len(slices), _TOGETHER):
        batch = [
            normal_equations(x[rows], y[rows], params.clip, None if weights is None else weights[rows])
            for rows in slices[first : first + _TOGETHER]
        ]
        gram, cross = np.stack([rows.gram for rows in batch]), np.stack([rows.cross for rows in batch])
        solved = solve_positive(gram + params.penalty * np.eye(len(names)), cross)
        texts += [rows.model(names, coefficients).body() for rows, coefficients in zip(batch, solved, strict=True)]
    return texts


FAMILY = Family(
    name="ridge",
    params=RidgeParams,
    suffix="json",
    fit=fit,
    load=load,
    weights="coefficients",
    draws=False,
    fit_groups=fit_groups,
    predict_groups=predict_groups,
)
