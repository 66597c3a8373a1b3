"""Weights of training rows: by hand, and as good as rows that stand there several times."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from afterbell.training.families import FAMILIES, fit_model, load_model
from afterbell.training.families.fixed_order import fixed_power
from afterbell.training.fits import FINAL, Fit
from afterbell.training.fitting import run_fit
from afterbell.training.spec import ModelSpec
from afterbell.training.weights import row_weights
from tests.training.conftest import make_matrix, make_spec

NAMES = ("a", "b", "c")
PARAMS = {
    "elastic_net": {"penalty": 0.01},
    "lightgbm": {"rounds": 5, "num_leaves": 6, "learning_rate": 0.2},
    "ridge": {"penalty": 0.1},
    "xgboost": {"rounds": 5, "max_leaves": 6, "learning_rate": 0.2, "subsample": 1, "colsample": 1},
}


def weights(**settings):
    return make_spec(weights=settings)


def test_a_rows_weight_halves_with_its_age_and_grows_with_its_share_of_the_dollars():
    matrix = make_matrix(0.1, sessions=4, symbols=2)
    matrix = dataclasses.replace(matrix, dollars=np.array([1, 3, 2, 2, 0, 0, 9, 1], np.float32))
    given = weights(half_life=2, liquidity=0.5).weights
    found = row_weights(given, matrix, np.arange(8), last=2)
    # Ages 2, 1, 0, and a session after the last one; shares of means 2, 2, none and 5, to the power of a half.
    half = 2**-0.5
    expected = [0.5 * 0.5**0.5, 0.5 * 1.5**0.5, half, half, 1, 1, 1.8**0.5, 0.2**0.5]
    assert found.dtype == np.float32
    assert found == pytest.approx(expected, rel=1e-6)


def test_old_rows_keep_a_weight_above_zero():
    found = row_weights(weights(half_life=1).weights, make_matrix(0.1, sessions=3, symbols=2), np.arange(6), last=5000)
    assert found.tolist() == [np.finfo(np.float32).tiny] * 6


@pytest.mark.parametrize("exponent", [0.0, 0.25, 0.3, 1 / 3, 0.999, 1.0])
def test_powers_are_those_of_the_c_library(exponent):
    base = np.array([0.0, 1e-300, 0.5, 1.0, 7.25, 1e12])
    assert fixed_power(base, exponent) == pytest.approx([value**exponent for value in base.tolist()], rel=1e-9)
    assert fixed_power(base, np.full(6, exponent)).tolist() == fixed_power(base, exponent).tolist()


@pytest.mark.parametrize("family", PARAMS)
def test_a_weight_of_whole_numbers_is_that_many_equal_rows(family):
    rng = np.random.default_rng(6)
    # Few values, so that repeated rows change no bin.
    x = rng.integers(0, 9, (600, 3)).astype(np.float32)
    y = (0.3 * x[:, 0] - 0.1 * x[:, 1] + rng.standard_normal(600)).astype(np.float32)
    x[rng.random(x.shape) < 0.02] = np.nan
    times = rng.integers(1, 4, 600)
    params = FAMILIES[family].params.model_validate(PARAMS[family])
    weighted = fit_model(family, x, y, NAMES, params=params, seed=1, weights=times.astype(np.float32))
    repeated = fit_model(family, np.repeat(x, times, axis=0), np.repeat(y, times), NAMES, params=params, seed=1)
    plain = fit_model(family, x, y, NAMES, params=params, seed=1)
    found, expected, other = (load_model(family, body).predict(x) for body in (weighted, repeated, plain))
    assert found == pytest.approx(expected, abs=1e-5)
    assert np.abs(other - expected).max() > 1e-3


@pytest.mark.parametrize("family", PARAMS)
def test_without_weights_not_even_an_array_of_ones_is_passed(family, planted):
    spec = make_spec(families={family: PARAMS[family]})
    fit, target = Fit(family, 1, FINAL, 127), planted.targets[0, : planted.rows(0, 127).stop]
    rows = np.flatnonzero(np.isfinite(target))
    body = fit_model(family, planted.take(rows), target[rows], planted.names,
                     params=spec.families.named()[family], seed=fit.seed(spec))  # fmt: skip
    assert run_fit(fit, spec, planted).model == body


def test_weighted_fits_share_bins_and_keep_their_bytes(planted, tmp_path):
    fit, spec = Fit("lightgbm", 1, FINAL, 127), weights(half_life=30, liquidity=0.3)
    alone, shared = (run_fit(fit, spec, planted, folder).model for folder in (None, Path(tmp_path)))
    assert alone == shared
    assert alone != run_fit(fit, spec.model_copy(update={"weights": make_spec().weights}), planted).model
    assert len(list(tmp_path.glob("*[0-9a-f]"))) == 1


def test_weights_are_left_out_of_a_specification_that_has_none():
    assert "weights" not in make_spec(weights={"half_life": None}).model_dump()
    own = weights(half_life=60)
    assert own.model_dump()["weights"] == {"half_life": 60, "liquidity": 0}
    assert ModelSpec.model_validate_json(own.model_dump_json()) == own


@pytest.mark.parametrize("given", [{"half_life": 0.5}, {"liquidity": 1.5}, {"liquidity": -1}, {"age": 3}])
def test_weights_out_of_bounds_are_refused(given):
    with pytest.raises(ValidationError):
        weights(**given)
