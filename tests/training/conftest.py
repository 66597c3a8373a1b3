"""A synthetic panel with a signal of known strength."""

from datetime import date, timedelta

import numpy as np
import pytest

from afterbell.training.matrix import Matrix, session_starts
from afterbell.training.spec import ModelSpec
from afterbell.training.targets import session_targets

SPEC = {
    "feature_sets": ["one"],
    "horizons": [1],
    "seed": 3,
    "target": "rank",
    "families": {
        "lightgbm": {"rounds": 40, "num_leaves": 8, "learning_rate": 0.1, "min_leaf_share": 0.01},
        "ridge": {"penalty": 0.1},
    },
    "split": {"folds": 3, "test_sessions": 20, "min_train_sessions": 40, "embargo": 2},
    "universe": {
        "min_price": 1.0, "min_median_dollar_volume": 1000.0, "window": 5, "min_window": 2, "min_feature_share": 0.5,
    },
    "min_train_rows": 100,
    "max_train_rows": 1000000,
}  # fmt: skip


def make_spec(**changes: object) -> ModelSpec:
    return ModelSpec.model_validate(SPEC | changes)


def make_matrix(correlation: float, *, sessions: int = 130, symbols: int = 200, seed: int = 1) -> Matrix:
    """Six features, the first of which has the given correlation with the label."""
    rng = np.random.default_rng(seed)
    rows = sessions * symbols
    features = rng.standard_normal((rows, 6)).astype(np.float32)
    noise = rng.standard_normal(rows)
    labels = 0.02 * (correlation * features[:, 0] + np.sqrt(1 - correlation**2) * noise)
    features[rng.random(features.shape) < 0.01] = np.nan
    ordinals = np.repeat(np.arange(sessions, dtype=np.int32), symbols)
    labels[ordinals > sessions - 3] = np.nan
    labels = labels.astype(np.float32)[None]
    return Matrix(
        features=np.ascontiguousarray(features.T),
        labels=labels,
        targets=session_targets(labels[0], session_starts(ordinals), "rank")[None],
        sessions=ordinals,
        symbols=np.tile(np.arange(symbols, dtype=np.int32), sessions),
        dollars=np.tile(np.geomspace(1e5, 1e9, symbols, dtype=np.float32), sessions),
        names=tuple(f"f{number}" for number in range(6)),
        horizons=(1,),
        grid=tuple(date(2020, 1, 1) + timedelta(days=day) for day in range(sessions)),
        tickers=tuple(f"S{number:03d}" for number in range(symbols)),
    )


@pytest.fixture(scope="session")
def planted() -> Matrix:
    return make_matrix(0.1)
