"""Ridge regression in closed form, kept as canonical JSON.

Hoerl and Kennard, Ridge Regression (1970), on standardised features: ``(Z'Z/n + penalty I) b = Z'y/n``, with
Z's missing values at 0, their mean. Sums and the solution are taken in a fixed order: no BLAS decides a model's bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import Field, ValidationError, model_validator

from afterbell.config.loader import Strict
from afterbell.errors import PermanentError
from afterbell.training.families.base import Family
from afterbell.training.families.fixed_order import ROWS, products, solve_positive, weigh_columns

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_FORMAT = "afterbell-ridge/1"


class RidgeParams(Strict):
    """Linear regression on standardised features.

    Attributes:
        penalty: added to the diagonal of the features' correlation matrix, so that it means the same for any
            number of rows.
        clip: standardised values beyond this many standard deviations are pulled in.
    """

    penalty: float = Field(gt=0)
    clip: float = Field(default=5.0, gt=0)


class RidgeModel(Strict):
    """A fitted ridge regression, as it is stored; lists have one value a feature."""

    format: str = Field(pattern=f"^{_FORMAT}$")
    names: tuple[str, ...] = Field(min_length=1)
    means: tuple[float, ...]
    scales: tuple[float, ...]
    coefficients: tuple[float, ...]
    intercept: float
    clip: float = Field(gt=0)

    @model_validator(mode="after")
    def _fits_together(self) -> RidgeModel:
        import numpy as np  # noqa: PLC0415 - see the package

        lists = (self.means, self.scales, self.coefficients)
        if any(len(values) != len(self.names) for values in lists):
            raise ValueError("names, means, scales and coefficients must have one length")
        if not np.isfinite([*self.means, *self.scales, *self.coefficients, self.intercept]).all():
            raise ValueError("every number must be finite")
        return self

    def predict(self, x: NDArray[np.floating]) -> Floats:
        """Scores, float64 (rows,), of ``x`` (rows, features) in the order of ``names``."""
        import numpy as np  # noqa: PLC0415 - see the package

        weights = np.asarray(self.coefficients)
        means, scales = np.asarray(self.means), np.asarray(self.scales)
        parts = [weigh_columns(z, weights) for z in _standardised(x, means, scales, self.clip)]
        return np.concatenate([np.empty(0), *parts]) + self.intercept

    def weights(self) -> dict[str, float]:
        """Coefficients of the standardised features."""
        return dict(zip(self.names, self.coefficients, strict=True))

    def body(self) -> bytes:
        """Canonical JSON: sorted keys, no spaces, floats by their shortest exact text."""
        return json.dumps(self.model_dump(), sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def fit(
    x: NDArray[np.float32], y: NDArray[np.float32], names: tuple[str, ...], params: RidgeParams, _seed: int
) -> bytes:
    """Fit and return the model's JSON; the same arguments give the same bytes.

    Args:
        x: float32 (rows, features), NaN where a factor is not defined: it counts as the mean.
        y: float32 (rows,), finite.
        names: of the features.
        params: the family's parameters.
        _seed: not used; there is nothing to draw.
    """
    import numpy as np  # noqa: PLC0415 - see the package

    means, scales = _moments(x)
    features = x.shape[1]
    level = float(y.mean(dtype=np.float64))
    sums = np.zeros((features + 1, features + 1))
    chunks = zip(_standardised(x, means, scales, params.clip), _chunks(y), strict=True)
    for z, part in chunks:
        sums += products(np.column_stack([z, part.astype(np.float64) - level]))
    averages = sums / max(y.size, 1)
    gram, cross = averages[:-1, :-1], averages[:-1, -1]
    weights = solve_positive(gram + params.penalty * np.eye(features), cross)
    return RidgeModel(
        format=_FORMAT,
        names=names,
        means=tuple(means.tolist()),
        scales=tuple(scales.tolist()),
        coefficients=tuple(weights.tolist()),
        intercept=level,
        clip=params.clip,
    ).body()


def load(body: bytes) -> RidgeModel:
    """Read a ridge model.

    Raises:
        PermanentError: ``body`` is not the JSON of one.
    """
    try:
        return RidgeModel.model_validate_json(body, strict=False)
    except ValidationError as error:
        first = error.errors()[0]
        raise PermanentError(
            f"a ridge model must be JSON of the format {_FORMAT}; found {body[:16]!r}... ({len(body)} bytes), where "
            f"{'.'.join(str(part) for part in first['loc']) or 'the whole'}: {first['msg']}: it was not loaded"
        ) from error


def _chunks(x: NDArray[np.floating]) -> Iterator[NDArray[np.floating]]:
    import numpy as np  # noqa: PLC0415 - see the package

    for start in range(0, x.shape[0], ROWS):
        # Row by row, however ``x`` lies: sums are then taken in one order, so the layout changes no digit.
        yield np.ascontiguousarray(x[start : start + ROWS])


def _moments(x: NDArray[np.floating]) -> tuple[Floats, Floats]:
    """Mean and standard deviation of each column's finite values; without a spread the scale is 1."""
    import numpy as np  # noqa: PLC0415 - see the package

    count, total = np.zeros(x.shape[1]), np.zeros(x.shape[1])
    for part in _chunks(x):
        count += np.isfinite(part).sum(axis=0)
        total += np.nansum(part, axis=0, dtype=np.float64)
    count = np.maximum(count, 1)
    means = total / count
    squares = np.zeros(x.shape[1])
    for part in _chunks(x):  # a second pass: sums of squares about zero would lose the digits of far-off means
        squares += np.nansum((part.astype(np.float64) - means) ** 2, axis=0)
    scales = np.sqrt(squares / count)
    # A column whose spread is rounding noise about its mean would be blown up to unit variance.
    steady = scales <= 1e-9 * np.maximum(np.abs(means), 1e-30)
    return means, np.where(steady, 1.0, scales)


def _standardised(x: NDArray[np.floating], means: Floats, scales: Floats, clip: float) -> Iterator[Floats]:
    import numpy as np  # noqa: PLC0415 - see the package

    for part in _chunks(x):
        z = np.clip((part.astype(np.float64) - means) / scales, -clip, clip)
        yield np.nan_to_num(z, copy=False, nan=0.0)


FAMILY = Family(name="ridge", params=RidgeParams, suffix="json", fit=fit, load=load, weights="coefficients")
