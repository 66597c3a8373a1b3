"""Ridge regression in closed form, kept as canonical JSON.

Hoerl and Kennard, Ridge Regression (1970), on standardised features: ``(Z'Z/n + penalty I) b = Z'y/n``, with
Z's missing values at 0, their mean. Sums and the solution are taken in a fixed order: no BLAS decides a model's bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from afterbell.config.loader import Strict
from afterbell.training.families.base import Family
from afterbell.training.families.fixed_order import solve_positive
from afterbell.training.families.linear import load, normal_equations

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


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


FAMILY = Family(name="ridge", params=RidgeParams, suffix="json", fit=fit, load=load, weights="coefficients")
