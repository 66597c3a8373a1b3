"""The elastic net: the conditions of its minimum, and the cases that have a formula."""

import numpy as np
import pytest

from afterbell.errors import PermanentError
from afterbell.training.families import elastic_net, fit_model, load_model
from afterbell.training.families.elastic_net import ElasticNetParams
from afterbell.training.families.ridge import RidgeParams

NAMES = tuple(f"f{number}" for number in range(12))


def data(rows=2500):
    rng = np.random.default_rng(4)
    x = rng.standard_normal((rows, 12)).astype(np.float32)
    x[:, 3] = x[:, 2] + np.float32(0.05) * x[:, 4]
    y = (0.5 * x[:, 0] - 0.25 * x[:, 1] + 0.2 * x[:, 2] + rng.standard_normal(rows)).astype(np.float32)
    return x, y


def coefficients(x, y, weights=None, **params):
    settings = ElasticNetParams(clip=100, **params)
    body = fit_model("elastic_net", x, y, NAMES, params=settings, seed=0, weights=weights)
    return np.array(load_model("elastic_net", body).coefficients)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("penalty", "share"), [(0.05, 0.5), (0.2, 1.0), (0.01, 0.9)])
def test_the_conditions_of_the_minimum_hold(penalty, share, weighted):
    """Karush, Kuhn and Tucker: Friedman, Hastie, Tibshirani (2010), equations 1 and 5, in NumPy's plain products."""
    x, y = data()
    w = np.random.default_rng(5).random(y.size) + 0.1 if weighted else np.ones(y.size)
    w = w.astype(np.float32)
    found = coefficients(x, y, w if weighted else None, penalty=penalty, l1_share=share)
    share_of = w.astype(np.float64) / w.sum(dtype=np.float64)
    mean = share_of @ x
    z = (x - mean) / np.sqrt(share_of @ (x - mean) ** 2)
    residual = y - share_of @ y - z @ found
    gradient = z.T @ (share_of * residual) - penalty * (1 - share) * found
    active = found != 0
    assert gradient[active] == pytest.approx(penalty * share * np.sign(found[active]), abs=1e-5)
    assert (np.abs(gradient[~active]) <= penalty * share + 1e-5).all()
    assert 0 < active.sum() < 12


def test_without_an_l1_share_it_is_the_ridge_regression():
    x, y = data()
    body = fit_model("ridge", x, y, NAMES, params=RidgeParams(penalty=0.1, clip=100), seed=0)
    ridge = load_model("ridge", body).coefficients
    assert coefficients(x, y, penalty=0.1, l1_share=0) == pytest.approx(ridge, abs=1e-5)


def test_features_that_add_too_little_get_no_weight_at_all():
    x, y = data()
    assert coefficients(x, y, penalty=5.0, l1_share=1.0).tolist() == [0.0] * 12


def test_a_constant_feature_and_one_that_repeats_another_are_no_obstacle():
    x, y = data()
    x[:, 5], x[:, 3] = 7.0, x[:, 2]
    found = coefficients(x, y, penalty=0.01, l1_share=1.0)
    assert found[5] == 0.0
    assert np.isfinite(found).all()


def test_coefficients_that_do_not_settle_are_an_error(monkeypatch):
    monkeypatch.setattr(elastic_net, "_MOST_PASSES", 1)
    with pytest.raises(PermanentError, match=r"in pass 1, expected 1e-06 at most; raise the penalty"):
        coefficients(*data(), penalty=0.01)
