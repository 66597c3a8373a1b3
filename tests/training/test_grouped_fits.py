"""Models of groups: as good as what was planted, the same in blocks as whole, and the market's for all others."""

import dataclasses
import json
from itertools import pairwise

import numpy as np
import pytest

from afterbell.errors import PermanentError
from afterbell.training import grouping
from afterbell.training.blocks import cut, join
from afterbell.training.families import FAMILIES, fit_model, load_model
from afterbell.training.families.ridge import RidgeParams
from afterbell.training.fan_out import NOWHERE, Job, fan_out_from
from afterbell.training.fit_records import identity_of
from afterbell.training.fits import FINAL, NO_TIME, Fit, FitResult, settle
from afterbell.training.fitting import run_fit
from afterbell.training.packed import is_packed, pack, read_packed
from afterbell.training.search.parts import split
from afterbell.training.search.source import Search
from afterbell.training.spark_fits import attempt_job
from tests.training.conftest import make_matrix, make_spec
from tests.training.search.world import Shelf

RIDGE = {"ridge": {"penalty": 0.01}}
SYMBOLS, SESSIONS = 12, 130
FOLD, FINAL_FIT = Fit("ridge", 1, 0, 80, 90, 109), Fit("ridge", 1, FINAL, 127)


def opposite(symbols=SYMBOLS):
    """The target is the first feature, with a sign that differs by symbol; the second feature is the sign; noise."""
    matrix = make_matrix(0.0, sessions=SESSIONS, symbols=symbols)
    rng = np.random.default_rng(3)
    features = rng.standard_normal(matrix.features.shape).astype(np.float32)
    sign = np.where(matrix.symbols % 2 == 0, 1, -1).astype(np.float32)
    features[1] = sign
    target = sign * features[0] + 0.3 * rng.standard_normal(features.shape[1]).astype(np.float32)
    return dataclasses.replace(matrix, features=features, targets=target[None], labels=target[None])


@pytest.fixture(scope="module")
def planted():
    return opposite()


def spec_of(by="symbol", families=RIDGE, search=None, **more):
    own = {"grouping": {"by": by, "min_rows": 20} | more}
    return make_spec(families=families, **own, **({"search": search} if search else {}))


def correlation(matrix, result):
    window = matrix.rows(result.fit.test_first, result.fit.test_last)
    return np.corrcoef(np.frombuffer(result.predictions, np.float32), matrix.targets[0, window])[0, 1]


@pytest.mark.parametrize("more", [{"by": "symbol"}, {"by": "column", "column": "f1"}])
def test_models_of_groups_find_what_the_market_has_not(planted, more):
    market, grouped = (run_fit(FOLD, spec, planted) for spec in (make_spec(families=RIDGE), spec_of(**more)))
    # Half of the symbols go the other way: for one linear model nothing is left. Noise of 0.3: 1 / sqrt(1.09) = 0.958.
    assert abs(correlation(planted, market)) < 0.15
    assert correlation(planted, grouped) == pytest.approx(0.958, abs=0.02)


def test_liquidity_groups_are_the_rows_of_their_ranks(planted):
    # Dollars ascend with the symbol: the first of two buckets has the symbols 0 to 5, whichever way they go.
    spec = spec_of("liquidity", buckets=2)
    packed = read_packed(run_fit(FINAL_FIT, spec, planted).model, "ridge")
    rows = np.flatnonzero((planted.sessions <= 127) & (planted.symbols < 6))
    alone = fit_model(
        "ridge", planted.take(rows), planted.targets[0, rows], planted.names, params=RidgeParams(penalty=0.01), seed=0
    )
    assert packed.open("1") == alone
    assert packed.about["members"] == {f"S{n:03d}": "1" if n < 6 else "2" for n in range(SYMBOLS)}


def test_rows_of_groups_are_weighted(planted):
    spec = make_spec(
        families=RIDGE, grouping={"by": "symbol", "min_rows": 20}, weights={"half_life": 10, "liquidity": 0.0}
    )
    found = json.loads(read_packed(run_fit(FINAL_FIT, spec, planted).model, "ridge").open("S003"))
    # The mean of the targets, each session half as much for every ten that came after it.
    rows = np.flatnonzero((planted.sessions <= 127) & (planted.symbols == 3))
    own = 0.5 ** ((127 - planted.sessions[rows]) / 10)
    mean = (planted.targets[0, rows] * own).sum() / own.sum()
    assert found["intercept"] == pytest.approx(mean, rel=1e-5)


def test_groups_with_few_rows_and_rows_in_no_group_are_scored_by_the_market(planted):
    features = planted.features.copy()
    features[5] = np.where(planted.symbols < 4, 7, np.where(planted.symbols < 8, np.nan, 9))
    features[5, (planted.symbols == 0) & (planted.sessions < 10)] = 8  # ten rows
    matrix = dataclasses.replace(planted, features=features)
    body = run_fit(FINAL_FIT, spec_of("column", column="f5"), matrix).model
    packed, model = read_packed(body, "ridge"), load_model("ridge", body)
    assert list(packed) == ["*", "7", "9"]
    x = matrix.take(np.arange(24))
    market, seven = (load_model("ridge", packed.open(name)) for name in ("*", "7"))
    assert np.array_equal(model.predict(x)[4:8], market.predict(x)[4:8])
    assert np.array_equal(model.predict(x)[0], market.predict(x)[0])  # 8
    assert np.array_equal(model.predict(x)[1:4], seven.predict(x)[1:4])


def test_a_group_may_be_an_ensemble_and_have_fewer_members_than_the_market(planted):
    # One symbol has rows in the last 40 sessions alone: the window of 30 has too few of them, so that it has one model.
    targets = planted.targets.copy()
    targets[0, (planted.symbols == 0) & (planted.sessions < 88)] = np.nan
    matrix = dataclasses.replace(planted, targets=targets)
    grouped = {"by": "symbol", "min_rows": 35}
    spec = make_spec(families=RIDGE, grouping=grouped, ensemble={"seeds": 1, "windows": [30, None]})
    body = run_fit(FINAL_FIT, spec, matrix).model
    packed, model = read_packed(body, "ridge"), load_model("ridge", body)
    assert [is_packed(packed.open(name)) for name in ("*", "S000", "S001")] == [True, False, False]
    x = matrix.take(np.arange(3))
    alone = [load_model("ridge", packed.open(name)).predict(x) for name in ("*", "S000")]
    assert model.predict(x, ["NEW", "S000", "NEW"]).tolist() == [alone[0][0], alone[1][1], alone[0][2]]


def test_without_any_group_the_market_scores_all(planted):
    features = planted.features.copy()
    features[5] = np.nan
    matrix = dataclasses.replace(planted, features=features)
    found, market = (
        run_fit(FOLD, spec, matrix) for spec in (spec_of("column", column="f5"), make_spec(families=RIDGE))
    )
    assert found.predictions == market.predictions


def test_a_grouped_model_wants_the_groups_and_does_not_know_all_of_them(planted):
    model = load_model("ridge", run_fit(FINAL_FIT, spec_of(), planted).model)
    x = planted.take(np.arange(2))
    with pytest.raises(PermanentError, match="grouped by symbol was given no groups"):
        model.predict(x)
    packed = read_packed(run_fit(FINAL_FIT, spec_of(), planted).model, "ridge")
    market = load_model("ridge", packed.open("*"))
    assert np.array_equal(model.predict(x, ["UNKNOWN", "*"]), market.predict(x))
    coefficients = [json.loads(packed.open(name))["coefficients"][0] for name in model.groups]
    assert model.weights()["f0"] == pytest.approx(np.mean(coefficients))


@pytest.mark.parametrize("family", ["ridge", "lightgbm"])
@pytest.mark.parametrize("fit", [FOLD, FINAL_FIT])
def test_blocks_put_together_are_the_whole(planted, monkeypatch, family, fit):
    monkeypatch.setattr(grouping, "_BLOCK", 5)
    params = {"lightgbm": {"rounds": 3, "num_leaves": 3, "learning_rate": 0.1, "bagging_fraction": 0.7}, **RIDGE}
    spec, fit = spec_of(families={family: params[family]}), dataclasses.replace(fit, family=family)
    blocks = cut([fit], grouping.blocks_of(spec.grouping, planted))
    assert len({block.name for block in blocks}) == len(blocks) == 1 + 3
    whole = run_fit(fit, spec, planted)
    (joined,) = join(run_fit(block, spec, planted) for block in reversed(blocks))
    assert (joined.fit, joined.rows) == (fit, whole.rows)
    assert (joined.model, joined.predictions) == (whole.model, whole.predictions)
    assert whole.model or whole.predictions


def test_a_fit_without_one_of_its_blocks_is_no_model(planted):
    first, second, third = cut([FINAL_FIT], 3)
    done = [FitResult(fit, rows=9, model=pack("groups", "ridge", {str(fit.block): b"x"})) for fit in (first, third)]
    (failed,) = join([*done, FitResult(second, "failed: MemoryError", failed=True)])
    assert (failed.fit, failed.reason, failed.failed, failed.model) == (FINAL_FIT, "failed: MemoryError", True, b"")
    (late,) = join([*done, FitResult(second, NO_TIME)])
    assert settle([late], []).late == ("ridge h1 final",)
    assert join(done)[0].reason == NO_TIME
    (mixed,) = join([FitResult(first, NO_TIME), FitResult(second, "2 of 3", broken=True), done[1]])
    assert mixed.broken


class KilledError(Exception):
    """The driver is no more."""


class Runner:
    """Runs blocks here, until the driver is killed."""

    cores = 2

    def __init__(self, matrix, lives=99):
        self.matrix, self.lives, self.ran = matrix, lives, []

    def run(self, jobs):
        self.lives -= 1
        if self.lives < 0:
            raise KilledError
        self.ran += [job.fit.name for job in jobs]
        return [attempt_job(job, self.matrix) for job in jobs]

    def cancel(self):
        return None


def test_a_driver_that_comes_back_repeats_no_block_and_has_the_same_candidate(planted, monkeypatch):
    monkeypatch.setattr(grouping, "_BLOCK", 5)
    spec, shelf = spec_of(), Shelf()

    def train(runner, records=NOWHERE, blocks=4):
        search = Search(spec, split(spec, SESSIONS, blocks=blocks), lambda _: None, lambda _: None)
        fan_out_from(search, runner, lambda *_: None, None, records)
        outcome = search.result().outcome
        return [(one.fit, one.rows, one.model, one.predictions) for one in (*outcome.finals, *outcome.folds)]

    killed, again = Runner(planted, lives=6), Runner(planted)
    with pytest.raises(KilledError):
        train(killed, shelf)
    recorded = len(shelf.results)
    done = train(again, shelf)
    assert 0 < recorded < 4 * (3 + 1)
    assert len(again.ran) == len(set(again.ran)) == 4 * (3 + 1) - recorded
    assert done == train(Runner(planted)) == train(Runner(planted), blocks=1)


def test_a_search_chooses_by_whole_fits_and_reports_blocks(planted, monkeypatch):
    monkeypatch.setattr(grouping, "_BLOCK", 5)
    parts = split(spec_of(search={"trials": 2}), SESSIONS, blocks=4)
    assert {fit.block for fits in parts.choice.values() for fit in fits} == {None}
    assert {fit.block for fit in parts.report} == {(number, 4) for number in range(4)}


def test_a_block_and_the_grouping_are_part_of_what_a_result_is_found_by():
    job = Job(FOLD, make_spec())
    assert identity_of(job, {}) != identity_of(Job(dataclasses.replace(FOLD, block=(0, 2)), make_spec()), {})
    assert identity_of(Job(FOLD, spec_of()), {}) != identity_of(Job(FOLD, spec_of(min_rows=21)), {})


def test_seeds_of_groups_differ_and_follow_from_their_names():
    spec = spec_of()
    seeds = [FOLD.seed(spec, name) for name in ("", "A", "B")]
    assert len(set(seeds)) == 3
    assert dataclasses.replace(FOLD, block=(1, 2)).seed(spec, "A") == seeds[1]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("features", [1, 3, 60])
def test_many_ridge_models_at_once_are_those_of_each_group_alone(features, weighted):
    rng = np.random.default_rng(features)
    sizes = [30, 1, 31, 30, 2, 2049, 7, 30]
    starts = np.cumsum([0, *sizes])
    x = rng.standard_normal((starts[-1], features)).astype(np.float32)
    x[rng.random(x.shape) < 0.1] = np.nan
    x[:, 0] = -0.0
    y = rng.standard_normal(starts[-1]).astype(np.float32)
    names, params = tuple(f"f{number}" for number in range(features)), RidgeParams(penalty=0.1)
    weights = rng.random(starts[-1]).astype(np.float32) + np.float32(0.1) if weighted else None
    many = FAMILIES["ridge"].fit_groups(np.asfortranarray(x), y, starts, names, params, weights)
    alone = []
    for start, end in pairwise(starts):
        own = None if weights is None else weights[start:end]
        alone.append(fit_model("ridge", x[start:end], y[start:end], names, params=params, seed=0, weights=own))
    assert many == alone
    models = [load_model("ridge", body) for body in many]
    codes = rng.integers(0, len(models), 100)
    found = FAMILIES["ridge"].predict_groups(models, x[:100], codes)
    assert found.tolist() == [models[code].predict(x[row : row + 1])[0] for row, code in enumerate(codes)]


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ({"A": b""}, r"has no part '\*'"),
        ({"*": pack("groups", "ridge", {"*": b""})}, "is grouped itself"),
        ({"*": b"pickle"}, "a linear model must be JSON"),
    ],
)
def test_no_other_parts_are_loaded(parts, why):
    with pytest.raises(PermanentError, match=why):
        load_model("ridge", pack("groups", "ridge", parts))
