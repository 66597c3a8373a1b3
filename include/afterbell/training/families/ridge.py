"""Ridge regression in closed form, kept as canonical JSON.

Hoerl and Kennard, Ridge Regression (1970), on standardised features: ``(Z'Z/n + penalty I) b = Z'y/n``, with
Z's missing values at 0, their mean. Sums and the solution are taken in a fixed order: no BLAS decides a model's bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
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

    rows = _normal_equations(x, y, params.clip)
    weights = solve_positive(rows.gram + params.penalty * np.eye(len(names)), rows.cross)
    return rows.model(names, weights).body()


def fit_groups(
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    starts: NDArray[np.int64],
    names: tuple[str, ...],
    params: RidgeParams,
) -> list[bytes]:
    """``fit`` for each of many groups of rows, to the same bytes: several systems are solved together.

    Args:
        x: float32 (rows, features), group after group.
        y: float32 (rows,), finite.
        starts: where each group's rows begin, then the number of rows; int64 (groups + 1,).
        names: of the features.
        params: the family's parameters.
    """
    import numpy as np  # noqa: PLC0415 - see the package

    texts: list[bytes] = []
    slices = [slice(start, end) for start, end in pairwise(starts.tolist())]
    for first in range(0, len(slices), _TOGETHER):
        batch = [_normal_equations(x[rows], y[rows], params.clip) for rows in slices[first : first + _TOGETHER]]
        gram, cross = np.stack([rows.gram for rows in batch]), np.stack([rows.cross for rows in batch])
        solved = solve_positive(gram + params.penalty * np.eye(len(names)), cross)
        texts += [rows.model(names, weights).body() for rows, weights in zip(batch, solved, strict=True)]
    return texts


@dataclass(frozen=True)
class _NormalEquations:
    """What a fit takes from its rows: ``Z'Z/n`` (gram) and ``Z'(y - level)/n`` (cross), and how Z is made."""

    means: Floats
    scales: Floats
    clip: float
    level: float
    gram: Floats
    cross: Floats

    def model(self, names: tuple[str, ...], coefficients: Floats) -> RidgeModel:
        """The model of ``coefficients`` of the standardised features."""
        return RidgeModel(
            format=_FORMAT,
            names=names,
            means=tuple(self.means.tolist()),
            scales=tuple(self.scales.tolist()),
            coefficients=tuple(coefficients.tolist()),
            intercept=self.level,
            clip=self.clip,
        )


def _normal_equations(x: NDArray[np.float32], y: NDArray[np.float32], clip: float) -> _NormalEquations:
    import numpy as np  # noqa: PLC0415 - see the package

    means, scales = _moments(x)
    level = float(y.mean(dtype=np.float64))
    sums = np.zeros((x.shape[1] + 1, x.shape[1] + 1))
    for z, part in zip(_standardised(x, means, scales, clip), _chunks(y), strict=True):
        sums += products(np.column_stack([z, part.astype(np.float64) - level]))
    averages = sums / max(y.size, 1)
    return _NormalEquations(means, scales, clip, level, averages[:-1, :-1], averages[:-1, -1])


def predict_groups(models: Sequence[RidgeModel], x: NDArray[np.floating], codes: NDArray[np.integer]) -> Floats:
    """Scores, float64 (rows,), of each row of ``x`` by the model whose index ``codes`` has for it: as ``predict``."""
    import numpy as np  # noqa: PLC0415 - see the package

    out = np.empty(len(codes))
    if not len(codes):
        return out
    tables = [np.array([getattr(model, name) for model in models]) for name in ("means", "scales", "coefficients")]
    clips, levels = (np.array([getattr(model, name) for model in models]) for name in ("clip", "intercept"))
    for start in range(0, len(codes), ROWS):
        own = codes[start : start + ROWS]
        means, scales, weights = (table[own] for table in tables)
        part = np.ascontiguousarray(x[start : start + ROWS]).astype(np.float64)
        clip = clips[own][:, None]
        z = np.nan_to_num(np.clip((part - means) / scales, -clip, clip), copy=False, nan=0.0)
        out[start : start + ROWS] = weigh_columns(z, weights) + levels[own]
    return out


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


FAMILY = Family(
    name="ridge",
    params=RidgeParams,
    suffix="json",
    fit=fit,
    load=load,
    weights="coefficients",
    fit_groups=fit_groups,
    predict_groups=predict_groups,
)
