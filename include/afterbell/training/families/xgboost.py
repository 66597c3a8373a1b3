"""Gradient-boosted trees (XGBoost), kept as XGBoost's own JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pydantic import Field

from afterbell.config.loader import Strict
from afterbell.errors import PermanentError
from afterbell.training.families.base import Family
from afterbell.training.families.boosting import HeldRows, Monotone, directions_of, leaf_rows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_LEAF, _ROOT = -1, 2**31 - 1
_OF_NODES = frozenset({
    "left_children", "right_children", "parents", "split_indices", "split_conditions", "default_left", "base_weights",
    "loss_changes", "sum_hessian",
})  # fmt: skip
"""Lists of a tree with a number for each node."""
_BROKEN = (ValueError, LookupError, TypeError, AttributeError, RecursionError)


class XGBoostParams(Strict):
    """Gradient-boosted trees that grow leaf by leaf.

    Attributes:
        min_leaf_share: a share of the training rows.
        monotone: see ``boosting.Monotone``.
    """

    rounds: int = Field(default=150, ge=1, le=5000)
    max_leaves: int = Field(default=31, ge=2, le=4096)
    learning_rate: float = Field(default=0.05, gt=0, le=1)
    subsample: float = Field(default=0.7, gt=0, le=1)
    colsample: float = Field(default=0.8, gt=0, le=1)
    max_bin: int = Field(default=63, ge=15, le=255)
    lambda_l2: float = Field(default=10.0, ge=0)
    min_leaf_share: float = Field(default=0.001, ge=0, lt=0.5)
    monotone: Monotone


class XGBoostModel:
    """An XGBoost booster read from its JSON."""

    def __init__(self, booster: Any) -> None:
        self._booster = booster
        self.names: tuple[str, ...] = tuple(booster.feature_names)

    def predict(self, x: NDArray[np.floating]) -> NDArray[np.float64]:
        """Scores, float64 (rows,), of ``x`` (rows, features) in the order of ``names``."""
        import numpy as np  # noqa: PLC0415 - see the package

        if x.shape[0] == 0:
            return np.empty(0)
        return np.asarray(self._booster.inplace_predict(x), np.float64)

    def weights(self) -> dict[str, float]:
        """Total gain of the splits on each feature."""
        totals = self._booster.get_score(importance_type="total_gain")
        return {name: float(totals.get(name, 0.0)) for name in self.names}


def fit(
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    names: tuple[str, ...],
    params: XGBoostParams,
    seed: int,
    weights: NDArray[np.float32] | None = None,
) -> bytes:
    """Fit on one thread and return the model's JSON; the same arguments give the same bytes.

    Args:
        x: float32 (rows, features), NaN where a factor is not defined.
        y: float32 (rows,), finite.
        names: of the features.
        params: the family's parameters.
        seed: below 2**31.
        weights: float32 (rows,), above 0; None where all rows count the same. The rows of a leaf are weighed as well.
    """
    return bytes(_train(x, y, names, params, seed, weights).save_raw("json"))


def best_rounds(
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    names: tuple[str, ...],
    params: XGBoostParams,
    seed: int,
    weights: NDArray[np.float32] | None,
    held: HeldRows,
) -> int:
    """The rounds after which the squared error of the held rows is least; see ``BestRounds``."""
    return int(_train(x, y, names, params, seed, weights, held).best_iteration) + 1


def _train(
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    names: tuple[str, ...],
    params: XGBoostParams,
    seed: int,
    weights: NDArray[np.float32] | None,
    held: HeldRows | None = None,
) -> Any:
    """A booster of all rounds; with held rows it ends once they are predicted no better."""
    import xgboost  # noqa: PLC0415 - drivers and tests of other families need not load it

    settings = {
        "objective": "reg:squarederror",
        "tree_method": "hist",
        "grow_policy": "lossguide",
        "max_depth": 0,
        "max_leaves": params.max_leaves,
        "learning_rate": params.learning_rate,
        "subsample": params.subsample,
        "colsample_bytree": params.colsample,
        "max_bin": params.max_bin,
        "reg_lambda": params.lambda_l2,
        # With squared errors each row's hessian is its weight, or 1, so this is the number of rows of a leaf.
        "min_child_weight": leaf_rows(
            params.min_leaf_share, y.size if weights is None else float(weights.sum(dtype="float64"))
        ),
        "seed": seed,
        "nthread": 1,
        "verbosity": 0,
    }
    if directions := directions_of(params.monotone, names):
        settings["monotone_constraints"] = tuple(directions)
    data = xgboost.QuantileDMatrix(
        x, label=y, weight=weights, feature_names=list(names), max_bin=params.max_bin, nthread=1
    )
    if held is None:
        return xgboost.train(settings, data, num_boost_round=params.rounds)
    validation = xgboost.QuantileDMatrix(
        held.x,
        label=held.y,
        weight=held.weights,
        feature_names=list(names),
        max_bin=params.max_bin,
        ref=data,
        nthread=1,
    )
    return xgboost.train(
        settings | {"eval_metric": "rmse"},
        data,
        num_boost_round=params.rounds,
        evals=[(validation, "held")],
        early_stopping_rounds=held.patience,
        verbose_eval=False,
    )


def load(body: bytes) -> XGBoostModel:
    """Read a model's JSON.

    Raises:
        PermanentError: ``body`` is not the JSON of a regression by trees, with nodes and features within bounds.
    """
    import xgboost  # noqa: PLC0415 - as above

    # XGBoost's parser trusts the numbers of nodes: one that is out of bounds ends the process.
    try:
        _check(json.loads(body))
    except _BROKEN as error:
        raise PermanentError(
            f"an xgboost model must be the JSON of XGBoost's trees; found {body[:16]!r}... ({len(body)} bytes): "
            f"{type(error).__name__}: {error}; it was not loaded"
        ) from error
    booster = xgboost.Booster(params={"nthread": 1})
    try:
        booster.load_model(bytearray(body))
    except xgboost.core.XGBoostError as error:
        raise PermanentError(f"an xgboost model cannot be read by xgboost {xgboost.__version__}: {error}") from error
    return XGBoostModel(booster)


def _check(document: Any) -> None:
    """Check that a model is what ``fit`` writes: its own numbers, and nothing else, may differ."""
    import numpy as np  # noqa: PLC0415 - see the package

    learner = document["learner"]
    names, booster = learner["feature_names"], learner["gradient_booster"]
    trees = booster["model"]["trees"]
    if not names or not all(isinstance(name, str) and name for name in names) or len(set(names)) != len(names):
        raise ValueError("expected a name for each feature, none of them twice")
    base = learner["learner_model_param"]["base_score"]
    (score,) = json.loads(base)
    if not np.isfinite(float(score)):
        raise ValueError(f"expected one finite base_score, found {base!r:.40}")
    frame = {
        "version": document["version"],
        "learner": {
            "attributes": {},
            "feature_names": names,
            "feature_types": [],
            "gradient_booster": {
                "model": {
                    "cats": {"enc": [], "feature_segments": [], "sorted_idx": []},
                    "gbtree_model_param": {"num_parallel_tree": "1", "num_trees": str(len(trees))},
                    "iteration_indptr": list(range(len(trees) + 1)),
                    "tree_info": [0] * len(trees),
                    "trees": trees,
                },
                "name": "gbtree",
            },
            "learner_model_param": {
                "base_score": base,
                "boost_from_average": "1",
                "num_class": "0",
                "num_feature": str(len(names)),
                "num_target": "1",
            },
            "objective": {"name": "reg:squarederror", "reg_loss_param": {"scale_pos_weight": "1"}},
        },
    }
    if document != frame or not all(isinstance(part, int) for part in document["version"]):
        raise ValueError("expected a regression by gbtree, all settings as they are written here")
    for number, tree in enumerate(trees):
        _check_tree(tree, number, len(names))


def _check_tree(tree: Any, number: int, features: int) -> None:
    """Check that a tree's nodes lead downwards within it, and look at features that exist."""
    import numpy as np  # noqa: PLC0415 - see the package

    count = len(tree["left_children"])
    frame = {
        "categories": [],
        "categories_nodes": [],
        "categories_segments": [],
        "categories_sizes": [],
        "id": number,
        "split_type": [0] * count,
        "tree_param": {
            "num_deleted": "0",
            "num_feature": str(features),
            "num_nodes": str(count),
            "size_leaf_vector": "1",
        },
    }
    if count < 1 or {key: value for key, value in tree.items() if key not in _OF_NODES} != frame:
        raise ValueError(f"tree {number}: expected {count} nodes, none of them categorical or deleted")
    numbers = {name: np.asarray(tree[name], np.float64) for name in _OF_NODES}
    if any(values.shape != (count,) or not np.isfinite(values).all() for values in numbers.values()):
        raise ValueError(f"tree {number}: expected {count} finite numbers in each list")
    nodes, inner = np.arange(count), numbers["left_children"] != _LEAF
    for children in (numbers["left_children"], numbers["right_children"]):
        if (children[inner] <= nodes[inner]).any() or (children[~inner] != _LEAF).any():
            raise ValueError(f"tree {number}: a node's child does not come after it")
    below = np.concatenate([numbers[name][inner] for name in ("left_children", "right_children")])
    if not np.array_equal(np.sort(below), nodes[1:]):
        raise ValueError(f"tree {number}: a node is out of bounds, or not the child of exactly one other")
    parents = np.full(count, _ROOT)
    parents[below.astype(np.int64)] = np.tile(nodes[inner], 2)
    if not np.array_equal(parents, numbers["parents"]):
        raise ValueError(f"tree {number}: a node names another parent than the one it is the child of")
    splits = numbers["split_indices"]
    if ((splits < 0) | (splits >= features) | (splits % 1 != 0)).any():
        raise ValueError(f"tree {number}: a split looks at a feature that doesn't exist")


FAMILY = Family(
    name="xgboost",
    params=XGBoostParams,
    suffix="json",
    fit=fit,
    load=load,
    weights="gains",
    slow=True,
    packages=("xgboost-cpu",),
    best_rounds=best_rounds,
)
