"""Gradient-boosted trees (LightGBM), kept as LightGBM's own model text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from afterbell.config.loader import Strict
from afterbell.errors import PermanentError
from afterbell.training.families.base import Family, Preparation
from afterbell.training.families.boosting import HeldRows, Monotone, directions_of, leaf_rows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MAGIC = b"tree\nversion="
_END = b"end of parameters"
_BINNING = {
    # Neither a fit's seed nor its leaves decide the bins: fits on the same rows share them.
    "data_random_seed": 1,
    "feature_pre_filter": False,
}
_QUIET = {"deterministic": True, "force_col_wise": True, "num_threads": 1, "verbosity": -1}


class LightGBMParams(Strict):
    """Gradient-boosted trees, in LightGBM's own terms.

    Attributes:
        min_leaf_share: a share of the training rows.
        monotone: see ``boosting.Monotone``.
    """

    rounds: int = Field(ge=1, le=5000)
    num_leaves: int = Field(ge=2, le=4096)
    learning_rate: float = Field(gt=0, le=1)
    feature_fraction: float = Field(default=1.0, gt=0, le=1)
    bagging_fraction: float = Field(default=1.0, gt=0, le=1)
    max_bin: int = Field(default=255, ge=15, le=255)
    lambda_l2: float = Field(default=0.0, ge=0)
    min_leaf_share: float = Field(default=0.001, ge=0, lt=0.5)
    monotone: Monotone


class TreeModel:
    """A LightGBM booster read from its text."""

    def __init__(self, booster: Any) -> None:
        self._booster = booster
        self.names: tuple[str, ...] = tuple(booster.feature_name())

    def predict(self, x: NDArray[np.floating]) -> NDArray[np.float64]:
        """Scores, float64 (rows,), of ``x`` (rows, features) in the order of ``names``."""
        import numpy as np  # noqa: PLC0415 - see the package

        return np.asarray(self._booster.predict(x, num_threads=1), np.float64)

    def weights(self) -> dict[str, float]:
        """Total gain of the splits on each feature."""
        totals = self._booster.feature_importance(importance_type="gain")
        return dict(zip(self.names, (float(value) for value in totals), strict=True))


def fit(
    x: NDArray[np.float32] | Path,
    y: NDArray[np.float32],
    names: tuple[str, ...],
    params: LightGBMParams,
    seed: int,
    weights: NDArray[np.float32] | None = None,
) -> bytes:
    """Fit on one thread and return the model text; the same arguments give the same bytes.

    Args:
        x: float32 (rows, features), read as it lies in Fortran or C order; or a file of ``write_binned``, made with the
            same features and ``max_bin``: the same bytes.
        y: float32 (rows,), finite.
        names: of the features.
        params: the family's parameters.
        seed: below 2**31.
        weights: float32 (rows,), above 0; None where all count the same. The rows of a leaf are counted, not weighed.
    """
    return _text(_train(_dataset(x, names, params), y, names, params, seed, weights))


def best_rounds(
    x: NDArray[np.float32] | Path,
    y: NDArray[np.float32],
    names: tuple[str, ...],
    params: LightGBMParams,
    seed: int,
    weights: NDArray[np.float32] | None,
    held: HeldRows,
) -> int:
    """The rounds after which the squared error of the held rows is least; see ``BestRounds``."""
    return _best(_train(_dataset(x, names, params), y, names, params, seed, weights, held))


def write_binned(x: NDArray[np.float32], names: tuple[str, ...], params: LightGBMParams, path: Path) -> None:
    """Write the binned features as LightGBM's binary file.

    Raises:
        OSError: the file can't be written.
    """
    import lightgbm  # noqa: PLC0415 - two seconds that drivers and tests of other families need not spend

    try:
        _dataset(x, names, params).construct().save_binary(str(path))
    except lightgbm.basic.LightGBMError as error:
        raise OSError(f"{path}: LightGBM could not write binned features: {error}") from error


def _dataset(features: NDArray[np.float32] | Path, names: tuple[str, ...], params: LightGBMParams) -> Any:
    """Features with their bins, which nothing but rows, ``max_bin`` and LightGBM's version decide."""
    import lightgbm  # noqa: PLC0415 - as above

    settings = {"max_bin": params.max_bin, **_BINNING, **_QUIET}
    return lightgbm.Dataset(features, feature_name=list(names), params=settings, free_raw_data=True)


def _train(
    data: Any,
    y: NDArray[np.float32],
    names: tuple[str, ...],
    params: LightGBMParams,
    seed: int,
    weights: NDArray[np.float32] | None,
    held: HeldRows | None = None,
) -> Any:
    """A booster of all rounds; with held rows it ends once they are predicted no better."""
    import lightgbm  # noqa: PLC0415 - as above

    settings: dict[str, Any] = {
        "objective": "regression",
        "num_leaves": params.num_leaves,
        "learning_rate": params.learning_rate,
        "feature_fraction": params.feature_fraction,
        "bagging_fraction": params.bagging_fraction,
        "bagging_freq": 1 if params.bagging_fraction < 1 else 0,
        "max_bin": params.max_bin,
        "lambda_l2": params.lambda_l2,
        "min_data_in_leaf": leaf_rows(params.min_leaf_share, y.size),
        "seed": seed,
        **_BINNING,
        **_QUIET,
    }
    if directions := directions_of(params.monotone, names):
        settings["monotone_constraints"] = directions
    data.construct().set_label(y)
    if weights is not None:
        data.set_weight(weights)
    if held is None:
        return lightgbm.train(settings, data, num_boost_round=params.rounds)
    settings["metric"] = "l2"
    validation = lightgbm.Dataset(held.x, held.y, reference=data, weight=held.weights, params=settings)
    stop = lightgbm.early_stopping(held.patience, verbose=False)
    return lightgbm.train(settings, data, num_boost_round=params.rounds, valid_sets=[validation], callbacks=[stop])


def _best(booster: Any) -> int:
    return max(int(booster.best_iteration), 1)


def _text(booster: Any) -> bytes:
    text: str = booster.model_to_string()
    return text.encode("utf-8")


def load(body: bytes) -> TreeModel:
    """Read a model text.

    Raises:
        PermanentError: ``body`` is not a whole LightGBM model text.
    """
    import lightgbm  # noqa: PLC0415 - as above

    # LightGBM's parser trusts its input: the frame is checked before a byte of it gets there.
    if not body.startswith(_MAGIC) or _END not in body or b"\0" in body:
        raise PermanentError(
            "a lightgbm model must be LightGBM's model text, from 'tree' to 'end of parameters'; found "
            f"{body[:16]!r}... ({len(body)} bytes): it was not loaded"
        )
    try:
        return TreeModel(lightgbm.Booster(model_str=body.decode("utf-8")))
    except (UnicodeDecodeError, lightgbm.basic.LightGBMError) as error:
        raise PermanentError(
            f"a lightgbm model text cannot be read by lightgbm {lightgbm.__version__}: {error}"
        ) from error


FAMILY = Family(
    name="lightgbm",
    params=LightGBMParams,
    suffix="txt",
    fit=fit,
    load=load,
    weights="gains",
    slow=True,
    packages=("lightgbm",),
    preparation=Preparation(lambda params: f"max_bin={params.max_bin}", write_binned, fit, best_rounds),
    best_rounds=best_rounds,
)
