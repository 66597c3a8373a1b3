"""Families: right answers, the same bytes again, and nothing loaded that is not in the declared format."""

import io
import json
import pickle
import random
import re

import numpy as np
import pytest

from afterbell.errors import PermanentError
from afterbell.training.families import fit_model, load_model
from afterbell.training.families.elastic_net import ElasticNetParams
from afterbell.training.families.lightgbm import LightGBMParams
from afterbell.training.families.ridge import RidgeParams
from afterbell.training.families.xgboost import XGBoostParams

NAMES = ("a", "b", "c")
PARAMS = {
    "elastic_net": ElasticNetParams(penalty=0.01),
    "lightgbm": LightGBMParams(rounds=20, num_leaves=7, learning_rate=0.1, bagging_fraction=0.7, feature_fraction=0.8),
    "ridge": RidgeParams(penalty=0.1),
    "xgboost": XGBoostParams(rounds=20, max_leaves=7, learning_rate=0.1),
}


def data(rows=3000):
    rng = np.random.default_rng(4)
    x = rng.standard_normal((rows, 3)).astype(np.float32)
    y = (0.5 * x[:, 0] - 0.25 * x[:, 1] + rng.standard_normal(rows)).astype(np.float32)
    x[rng.random(x.shape) < 0.02] = np.nan
    return x, y


def fit(family, seed=11):
    return fit_model(family, *data(), NAMES, params=PARAMS[family], seed=seed)


@pytest.mark.parametrize("family", PARAMS)
def test_the_same_fit_twice_gives_the_same_bytes(family):
    assert fit(family) == fit(family)


@pytest.mark.parametrize("family", PARAMS)
def test_a_model_knows_its_features_and_predicts_finite_float64(family):
    model = load_model(family, fit(family))
    found = model.predict(np.array([[np.nan, 0, 1], [3, -3, 0]], np.float32))
    assert model.names == NAMES
    assert found.dtype == np.float64
    assert np.isfinite(found).all()
    assert found[1] > found[0]


@pytest.mark.parametrize("family", ["lightgbm", "xgboost"])
def test_another_seed_gives_another_model_of_trees(family):
    assert fit(family, 11) != fit(family, 12)


@pytest.mark.parametrize("family", PARAMS)
def test_the_features_that_matter_have_the_weights(family):
    weights = load_model(family, fit(family)).weights()
    assert list(weights) == list(NAMES)
    assert abs(weights["a"]) > abs(weights["b"]) > 3 * abs(weights["c"])


def test_xgboost_with_one_tree_and_two_leaves_is_a_step_at_the_best_split():
    """The leaves of squared errors are means of the target, shrunk by lambda: Chen and Guestrin (2016), equation 5."""
    x = np.repeat(np.array([[0.0], [1.0]], np.float32), [60, 40], axis=0)
    y = np.repeat(np.array([2.0, -3.0], np.float32), [60, 40])
    params = XGBoostParams(rounds=1, max_leaves=2, learning_rate=1.0, subsample=1, colsample=1, lambda_l2=10.0)
    model = load_model("xgboost", fit_model("xgboost", x, y, ("a",), params=params, seed=1))
    mean = y.mean()
    low, high = mean + (2 - mean) * 60 / (60 + 10), mean + (-3 - mean) * 40 / (40 + 10)
    assert model.predict(np.array([[0.0], [1.0]], np.float32)) == pytest.approx([low, high], rel=1e-5)


def test_ridge_solves_the_normal_equations():
    """Against a least-squares solver: the penalty is rows of its own, as in Hastie, Tibshirani, Friedman, ex. 3.12."""
    x, y = data()
    x = np.nan_to_num(x)
    model = json.loads(fit_model("ridge", x, y, NAMES, params=RidgeParams(penalty=0.1, clip=100), seed=0))
    z = (x - x.mean(axis=0, dtype=np.float64)) / x.std(axis=0, dtype=np.float64)
    tall = np.vstack([z, np.sqrt(0.1 * len(y)) * np.eye(3)])
    target = np.concatenate([y - y.mean(dtype=np.float64), np.zeros(3)])
    assert model["coefficients"] == pytest.approx(np.linalg.lstsq(tall, target)[0], rel=1e-9)
    assert model["intercept"] == pytest.approx(y.mean(dtype=np.float64))


def test_ridge_takes_a_missing_value_as_the_mean_and_pulls_in_far_ones():
    body = json.dumps({
        "format": "afterbell-ridge/1", "names": ["a"], "means": [2.0], "scales": [4.0], "coefficients": [3.0],
        "intercept": 10.0, "clip": 5.0,
    }).encode()  # fmt: skip
    found = load_model("ridge", body).predict(np.array([[np.nan], [6.0], [1000.0]], np.float32))
    assert found.tolist() == [10.0, 13.0, 25.0]


def test_ridge_of_no_rows_predicts_nothing():
    assert load_model("ridge", fit("ridge")).predict(np.empty((0, 3), np.float32)).shape == (0,)


def test_a_constant_column_gets_no_weight():
    x, y = data()
    x[:, 2] = np.float32(0.1)
    model = load_model("ridge", fit_model("ridge", x, y, NAMES, params=PARAMS["ridge"], seed=0))
    assert model.coefficients[2] == 0.0


def numpy_object_file():
    body = io.BytesIO()
    np.save(body, np.array([{}], dtype=object), allow_pickle=True)
    return body.getvalue()


@pytest.mark.parametrize("family", PARAMS)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        pickle.dumps({"coefficients": [1.0]}),
        numpy_object_file(),
        b"<html>503 Slow Down</html>",
        b"\xff\xfe\x00",
        b"tree\nversion=v4\n",
        b"tree\nversion=v4\nend of parameters",
        b"{}",
        b'{"version":[3,2,0],"learner":{}}',
        b'{"learner":' * 2000,
        b'{"format":"afterbell-ridge/2","names":["a"]}',
        b'{"format":"afterbell-ridge/1","names":["a"],"means":[0],"scales":[1],"coefficients":[1,2],"intercept":0,"clip":5}',
        b'{"format":"afterbell-ridge/1","names":["a"],"means":[0],"scales":[1],"coefficients":[NaN],"intercept":0,"clip":5}',
    ],
)
def test_bytes_of_another_format_are_refused(family, body):
    with pytest.raises(PermanentError):
        load_model(family, body)


def test_a_truncated_lightgbm_model_is_refused():
    body = fit("lightgbm")
    with pytest.raises(PermanentError, match="not loaded"):
        load_model("lightgbm", body[: len(body) // 2])


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("left_children", lambda values: [99_999, *values[1:]]),
        ("right_children", lambda values: [0, *values[1:]]),
        ("left_children", lambda values: values[:-1]),
        ("right_children", lambda values: [values[0] - 1, *values[1:]]),
        ("split_indices", lambda values: [3, *values[1:]]),
        ("split_indices", lambda values: [-1, *values[1:]]),
        ("split_conditions", lambda values: [None, *values[1:]]),
        ("default_left", lambda values: [*values, 1]),
        ("categories", lambda _: [1]),
    ],
    ids=["beyond", "itself", "short", "shared", "no-such-feature", "negative", "no-number", "long", "categories"],
)
def test_an_xgboost_model_with_nodes_out_of_bounds_is_refused(key, change):
    document = json.loads(fit("xgboost"))
    tree = document["learner"]["gradient_booster"]["model"]["trees"][3]
    tree[key] = change(tree[key])
    with pytest.raises(PermanentError, match="not loaded"):
        load_model("xgboost", json.dumps(document).encode())


def test_an_xgboost_model_with_any_number_changed_is_refused_or_predicts():
    chance, body = random.Random(3), fit("xgboost").decode()
    numbers = [match.span() for match in re.finditer(r"(?<=[\[,:\"])-?\d+(?:\.\d+)?(?:E-?\d+)?(?=[\],\"])", body)]
    for _ in range(400):
        first, end = chance.choice(numbers)
        changed = body[:first] + chance.choice(["-1", "0", "7", "99999", "4294967295", "-2147483649"]) + body[end:]
        try:
            model = load_model("xgboost", changed.encode())
        except PermanentError:
            continue
        assert model.predict(np.zeros((2, len(NAMES)), np.float32)).shape == (2,)


def test_an_unknown_family_is_refused():
    with pytest.raises(
        PermanentError, match="'forest' is not known; expected one of elastic_net, lightgbm, ridge, xgboost"
    ):
        load_model("forest", b"")
