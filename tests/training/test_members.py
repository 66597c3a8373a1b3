"""Monotone constraints, counted rounds, and ensembles: what a specification asks of the models of its fits."""

import dataclasses

import numpy as np
import pytest
from pydantic import ValidationError

from afterbell.errors import PermanentError
from afterbell.training.families import FAMILIES, fit_model, load_model
from afterbell.training.families.boosting import HeldRows
from afterbell.training.families.composite.ensemble import pack_members
from afterbell.training.fits import FINAL, Fit
from afterbell.training.fitting import run_fit
from afterbell.training.packed import is_packed, pack, read_packed
from afterbell.training.spec import ModelSpec
from tests.training.conftest import SPEC, make_matrix, make_spec

BOOSTED = {
    "lightgbm": {"rounds": 60, "num_leaves": 8, "learning_rate": 0.3, "min_leaf_share": 0.01, "bagging_fraction": 0.8},
    "xgboost": {"rounds": 60, "max_leaves": 8, "learning_rate": 0.3, "min_leaf_share": 0.01},
}
STOPPING = {"sessions": 20, "patience": 5}


def spec_of(family, **changes):
    return make_spec(families={family: BOOSTED.get(family, {"penalty": 0.1})}, **changes)


def trees(family, body):
    """Trees of a model, by a reader of the text that is not ours."""
    return body.count(b"\nTree=") if family == "lightgbm" else body.count(b'"num_nodes"')


# Monotone constraints.


@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize("family", BOOSTED)
def test_predictions_go_one_way_along_a_constrained_feature(family, direction):
    rng = np.random.default_rng(2)
    x = rng.uniform(-3, 3, (2000, 2)).astype(np.float32)
    y = (np.sin(2 * x[:, 0]) + direction * 0.5 * x[:, 0] + x[:, 1] + 0.3 * rng.standard_normal(2000)).astype(np.float32)
    along = np.column_stack([np.linspace(-3, 3, 200), np.zeros(200)]).astype(np.float32)

    def steps(**more):
        params = FAMILIES[family].params.model_validate(BOOSTED[family] | more)
        body = fit_model(family, x, y, ("a", "b"), params=params, seed=1)
        return np.diff(load_model(family, body).predict(along)) * direction

    assert steps().min() < -0.01
    found = steps(monotone={"a": direction})
    assert found.min() >= 0
    assert found.max() > 0


@pytest.mark.parametrize("family", BOOSTED)
def test_a_constraint_on_no_feature_is_an_error(family, planted):
    spec = make_spec(families={family: BOOSTED[family] | {"monotone": {"size": 1}}})
    with pytest.raises(PermanentError, match="monotone names 'size', which is none of the 6 features"):
        run_fit(Fit(family, 1, FINAL, 127), spec, planted)


@pytest.mark.parametrize("family", BOOSTED)
def test_constraints_are_left_out_of_parameters_that_have_none(family):
    params = FAMILIES[family].params
    assert "monotone" not in params.model_validate(BOOSTED[family]).model_dump()
    own = params.model_validate(BOOSTED[family] | {"monotone": {"a": -1}})
    assert params.model_validate_json(own.model_dump_json()) == own
    with pytest.raises(ValidationError):
        params.model_validate(BOOSTED[family] | {"monotone": {"a": 2}})


def test_constraints_are_not_searched():
    with pytest.raises(ValidationError, match=r"lightgbm.monotone can't be searched: a range varies numbers alone"):
        make_spec(search={"lightgbm": {"monotone": {"low": 0, "high": 1}}})


# Early stopping.


@pytest.mark.parametrize("family", BOOSTED)
def test_rounds_are_where_the_held_rows_are_predicted_best(family):
    """Against models of each number of rounds, each predicting by itself."""
    rng = np.random.default_rng(3)
    x = rng.standard_normal((900, 3)).astype(np.float32)
    y = (0.3 * x[:, 0] + rng.standard_normal(900)).astype(np.float32)
    w = rng.random(900).astype(np.float32) + np.float32(0.1)
    names, params = ("a", "b", "c"), FAMILIES[family].params.model_validate(BOOSTED[family] | {"rounds": 12})
    held = HeldRows(x[600:], y[600:], w[600:], patience=100)
    found = FAMILIES[family].best_rounds(x[:600], y[:600], names, params, 4, w[:600], held)
    errors = []
    for rounds in range(1, 13):
        own = params.model_copy(update={"rounds": rounds})
        body = fit_model(family, x[:600], y[:600], names, params=own, seed=4, weights=w[:600])
        errors.append(np.average((load_model(family, body).predict(x[600:]) - y[600:]) ** 2, weights=w[600:]))
    assert found == int(np.argmin(errors)) + 1
    assert 1 < found < 12


@pytest.mark.parametrize("family", BOOSTED)
def test_a_fit_is_made_on_the_whole_window_with_the_rounds_that_were_counted(family, planted, tmp_path):
    fit, spec = Fit(family, 1, 0, 100, 105, 110), spec_of(family, early_stopping=STOPPING)
    final = dataclasses.replace(fit, fold=FINAL)
    body = run_fit(final, spec, planted).model
    rounds = trees(family, body)
    assert 1 <= rounds < 60
    # Sessions 81 to 100 are held back; the label of 76 ends with 78, and 79 and 80 are the embargo.
    targets = planted.targets.copy()
    targets[0, planted.rows(77, 80)] = np.flip(targets[0, planted.rows(77, 80)])
    params = spec.families.named()[family]
    held = HeldRows(*whole(planted, 100, 81), None, patience=5)
    before = whole(planted, 76)
    assert FAMILIES[family].best_rounds(*before, planted.names, params, final.seed(spec), None, held) == rounds
    known = params.model_copy(update={"rounds": rounds})
    assert trees(family, run_fit(final, spec, dataclasses.replace(planted, targets=targets)).model) == rounds
    plain = fit_model(family, *whole(planted, 100), planted.names, params=known, seed=final.seed(spec))
    assert body == plain
    assert run_fit(final, spec, planted, tmp_path).model == body


def whole(matrix, last, first=0):
    rows = matrix.rows(first, last)
    rows = np.arange(rows.start, rows.stop)
    return matrix.take(rows), matrix.targets[0, rows]


def test_with_too_few_sessions_before_the_held_ones_the_rounds_are_those_of_the_parameters(planted):
    spec = spec_of("lightgbm", early_stopping={"sessions": 200, "patience": 5})
    assert trees("lightgbm", run_fit(Fit("lightgbm", 1, FINAL, 100), spec, planted).model) == 60


def test_early_stopping_is_refused_only_where_no_family_has_rounds():
    assert make_spec(early_stopping=STOPPING).early_stopping.sessions == 20
    with pytest.raises(ValidationError, match="early_stopping has no effect on ridge, which make no rounds"):
        spec_of("ridge", early_stopping=STOPPING)


# Ensembles.


def test_an_ensemble_is_the_mean_of_its_seeds_and_windows(planted):
    spec = spec_of("lightgbm", ensemble={"seeds": 2, "windows": [40, None]})
    fit = Fit("lightgbm", 1, FINAL, 100)
    body = run_fit(fit, spec, planted).model
    packed = read_packed(body, "lightgbm")
    assert packed.kind == "ensemble"
    assert list(packed) == ["000", "001", "002", "003"]
    first, other_seed, *_ = members = [packed.open(name) for name in packed]
    assert len(set(members)) == 4
    params = spec.families.named()["lightgbm"]
    recent = fit_model("lightgbm", *whole(planted, 100, 61), planted.names, params=params, seed=fit.seed(spec))
    assert first == recent
    assert other_seed != recent
    x = whole(planted, 5)[0]
    models = [load_model("lightgbm", member) for member in members]
    model = load_model("lightgbm", body)
    assert model.predict(x) == pytest.approx(np.mean([one.predict(x) for one in models], axis=0), rel=1e-12)
    assert model.weights()["f0"] == pytest.approx(np.mean([one.weights()["f0"] for one in models]))
    assert model.names == planted.names


def test_a_family_that_draws_nothing_has_one_member_a_window(planted):
    many, one = (spec_of("ridge", ensemble={"seeds": 5} | more) for more in ({"windows": [40, None]}, {}))
    fit = Fit("ridge", 1, FINAL, 100)
    assert len(read_packed(run_fit(fit, many, planted).model, "ridge")) == 2
    assert run_fit(fit, one, planted).model == run_fit(fit, spec_of("ridge"), planted).model


def test_a_window_with_too_few_rows_has_no_member(planted):
    fit = Fit("ridge", 1, FINAL, 100)
    plain = run_fit(fit, spec_of("ridge", min_train_rows=3000), planted).model
    for windows in ([10, None], [10, 12]):
        spec = spec_of("ridge", min_train_rows=3000, ensemble={"windows": windows})
        assert run_fit(fit, spec, planted).model == plain


def test_folds_are_predicted_by_the_ensemble_and_the_same_twice(planted):
    spec = spec_of("xgboost", ensemble={"seeds": 2}, early_stopping=STOPPING, weights={"half_life": 30})
    one, two = (run_fit(Fit("xgboost", 1, 0, 60, 70, 79), spec, planted) for _ in range(2))
    assert one.predictions == two.predictions
    assert not one.reason


def test_groups_have_ensembles_too():
    matrix = make_matrix(0.1, sessions=100, symbols=3)
    spec = spec_of("ridge", ensemble={"windows": [70, None]}, grouping={"by": "symbol", "min_rows": 60})
    body = run_fit(Fit("ridge", 1, FINAL, 97), spec, matrix).model
    packed = read_packed(body, "ridge")
    assert list(packed) == ["*", "S000", "S001", "S002"]
    assert all(is_packed(packed.open(name)) for name in packed)
    own = load_model("ridge", packed.open("S001"))
    x = matrix.take(np.arange(3))
    assert load_model("ridge", body).predict(x, ["S001"] * 3).tolist() == own.predict(x).tolist()


def test_members_of_another_kind_are_refused():
    body = fit_model("ridge", *whole(make_matrix(0.1, sessions=9), 5), tuple("abcdef"),
                     params=FAMILIES["ridge"].params(penalty=1), seed=0)  # fmt: skip
    assert pack_members("ridge", [body]) == body
    nested = pack("ensemble", "ridge", {"a": body, "b": pack_members("ridge", [body, body])})
    with pytest.raises(PermanentError, match="is a packed text itself"):
        load_model("ridge", nested)
    other = body.replace(b'"names":["a"', b'"names":["z"')
    with pytest.raises(PermanentError, match="take different features"):
        load_model("ridge", pack_members("ridge", [body, other]))


def test_what_has_its_default_is_left_out_of_a_specification():
    plain = make_spec(ensemble={"windows": None}).model_dump(mode="json")
    assert set(plain) & {"early_stopping", "ensemble", "weights"} == set()
    own = make_spec(early_stopping=STOPPING, ensemble={"seeds": 3, "windows": [120, None]})
    assert own.model_dump(mode="json")["ensemble"] == {"seeds": 3, "windows": [120, None]}
    assert ModelSpec.model_validate_json(own.model_dump_json()) == own
    assert ModelSpec.model_validate(SPEC).model_dump(mode="json") == plain


@pytest.mark.parametrize(
    "given", [{"seeds": 0}, {"windows": []}, {"windows": [0]}, {"windows": [60, 60]}, {"windows": 60}]
)
def test_ensembles_out_of_bounds_are_refused(given):
    with pytest.raises(ValidationError):
        make_spec(ensemble=given)
