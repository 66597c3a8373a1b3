"""What linear families share: standardised features, their normal equations, and the text of a linear model.

Sums run over blocks of rows in a fixed order (``fixed_order``), so that no BLAS decides a model's bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field, ValidationError, model_validator

from afterbell.config.loader import Strict
from afterbell.errors import PermanentError
from afterbell.training.families.fixed_order import ROWS, products, weigh_columns

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Weights = NDArray[np.float32] | None

_FORMAT = "afterbell-ridge/1"
"""Says how to predict, not how a model was fitted: all linear families write it. Ridge was the first."""


class LinearModel(Strict):
    """A fitted linear model of standardised features, as it is stored; lists have one value a feature."""

    format: str = Field(pattern=f"^{_FORMAT}$")
    names: tuple[str, ...] = Field(min_length=1)
    means: tuple[float, ...]
    scales: tuple[float, ...]
    coefficients: tuple[float, ...]
    intercept: float
    clip: float = Field(gt=0)

    @model_validator(mode="after")
    def _fits_together(self) -> LinearModel:
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


@dataclass(frozen=True)
class NormalEquations:
    """What a linear fit takes from its rows: ``Z'WZ/w`` and ``Z'W(y - level)/w``, with w the sum of the weights W.

    Attributes:
        means: float64 (features,), of finite values.
        scales: float64 (features,), their standard deviations; 1 without a spread.
        clip: standardised values Z beyond it are pulled in; missing ones are 0, their mean.
        level: the mean of y.
        gram: float64 (features, features).
        cross: float64 (features,).
    """

    means: Floats
    scales: Floats
    clip: float
    level: float
    gram: Floats
    cross: Floats

    def model(self, names: tuple[str, ...], coefficients: Floats) -> LinearModel:
        """The model of ``coefficients``, float64 (features,), of the standardised features."""
        return LinearModel(
            format=_FORMAT,
            names=names,
            means=tuple(self.means.tolist()),
            scales=tuple(self.scales.tolist()),
            coefficients=tuple(coefficients.tolist()),
            intercept=self.level,
            clip=self.clip,
        )


def normal_equations(
    x: NDArray[np.float32], y: NDArray[np.float32], clip: float, weights: Weights = None
) -> NormalEquations:
    """The normal equations of standardised features, the same bits wherever they are computed.

    Args:
        x: float32 (rows, features), NaN where a factor is not defined: it counts as the mean.
        y: float32 (rows,), finite.
        clip: in standard deviations.
        weights: float32 (rows,), above 0; None where all rows count the same.
    """
    import numpy as np  # noqa: PLC0415 - see the package

    means, scales = _moments(x, weights)
    if weights is None:
        level, total = float(y.mean(dtype=np.float64)), float(max(y.size, 1))
    else:
        total = float(weights.sum(dtype=np.float64))
        level = float((y.astype(np.float64) * weights).sum()) / total
    sums = np.zeros((x.shape[1] + 1, x.shape[1] + 1))
    chunks = zip(_standardised(x, means, scales, clip), _chunks(y), _weight_chunks(weights, y.size), strict=True)
    for z, part, weight in chunks:
        block = np.column_stack([z, part.astype(np.float64) - level])
        sums += products(block if weight is None else block * np.sqrt(weight))
    averages = sums / total
    return NormalEquations(means, scales, clip, level, averages[:-1, :-1], averages[:-1, -1])


def predict_groups(models: Sequence[LinearModel], x: NDArray[np.floating], codes: NDArray[np.integer]) -> Floats:
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
        out[start : start + ROWS] = (
            weigh_columns(_z_scores(part, means, scales, clips[own][:, None]), weights) + levels[own]
        )
    return out


def load(body: bytes) -> LinearModel:
    """Read a linear model.

    Raises:
        PermanentError: ``body`` is not the JSON of one.
    """
    try:
        return LinearModel.model_validate_json(body, strict=False)
    except ValidationError as error:
        first = error.errors()[0]
        raise PermanentError(
            f"a linear model must be JSON of the format {_FORMAT}; found {body[:16]!r}... ({len(body)} bytes), where "
            f"{'.'.join(str(part) for part in first['loc']) or 'the whole'}: {first['msg']}: it was not loaded"
        ) from error


def _chunks(x: NDArray[np.floating]) -> Iterator[NDArray[np.floating]]:
    import numpy as np  # noqa: PLC0415 - see the package

    for start in range(0, x.shape[0], ROWS):
        # Row by row, however ``x`` lies: sums are then taken in one order, so the layout changes no digit.
        yield np.ascontiguousarray(x[start : start + ROWS])


def _weight_chunks(weights: Weights, rows: int) -> Iterator[Floats | None]:
    """Of each chunk the weights as a column, float64 (rows, 1), or None."""
    import numpy as np  # noqa: PLC0415 - see the package

    for start in range(0, rows, ROWS):
        yield None if weights is None else weights[start : start + ROWS, None].astype(np.float64)


def _moments(x: NDArray[np.floating], weights: Weights) -> tuple[Floats, Floats]:
    """Mean and standard deviation of each column's finite values; without a spread the scale is 1."""
    import numpy as np  # noqa: PLC0415 - see the package

    count, total = np.zeros(x.shape[1]), np.zeros(x.shape[1])
    for part, weight in zip(_chunks(x), _weight_chunks(weights, x.shape[0]), strict=True):
        known = np.isfinite(part)
        count += (known if weight is None else known * weight).sum(axis=0)
        total += np.nansum(part if weight is None else part * weight, axis=0, dtype=np.float64)
    # Nothing is counted where no value is finite. Weights may be small, so 1 is not the least count.
    count = np.where(count > 0, count, 1.0)
    means = total / count
    squares = np.zeros(x.shape[1])
    # A second pass: sums of squares about zero would lose the digits of far-off means.
    for part, weight in zip(_chunks(x), _weight_chunks(weights, x.shape[0]), strict=True):
        apart = (part.astype(np.float64) - means) ** 2
        squares += np.nansum(apart if weight is None else apart * weight, axis=0)
    scales = np.sqrt(squares / count)
    # A column whose spread is rounding noise about its mean would be blown up to unit variance.
    steady = scales <= 1e-9 * np.maximum(np.abs(means), 1e-30)
    return means, np.where(steady, 1.0, scales)


def _standardised(x: NDArray[np.floating], means: Floats, scales: Floats, clip: float) -> Iterator[Floats]:
    import numpy as np  # noqa: PLC0415 - see the package

    for part in _chunks(x):
        yield _z_scores(part.astype(np.float64), means, scales, clip)


def _z_scores(part: Floats, means: Floats, scales: Floats, clip: float | Floats) -> Floats:
    """Standardised values, pulled in to ``clip``; missing ones are 0, their mean."""
    import numpy as np  # noqa: PLC0415 - see the package

    return np.nan_to_num(np.clip((part - means) / scales, -clip, clip), copy=False, nan=0.0)
