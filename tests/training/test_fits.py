"""Fits: planned by the split, deterministic, and as good as what was planted."""

import dataclasses

import numpy as np
import pytest
from scipy import stats

from afterbell.training.families import fit_model, load_model
from afterbell.training.fits import FINAL, Fit, FitResult, plan, settle
from afterbell.training.fitting import run_fit
from afterbell.training.matrix import ARRAYS, session_starts
from afterbell.training.splits import last_trainable
from afterbell.training.targets import session_targets
from tests.training.conftest import make_matrix, make_spec


def session_ics(matrix, results):
    """Rank IC by session of out-of-sample predictions, by scipy."""
    found = []
    for result in results:
        window = matrix.rows(result.fit.test_first, result.fit.test_last)
        predictions = np.frombuffer(result.predictions, np.float32)
        sessions, labels = matrix.sessions[window], matrix.labels[0, window]
        for session in np.unique(sessions):
            own = sessions == session
            found.append(stats.spearmanr(predictions[own], labels[own]).statistic)
    return np.array(found)


def folds_of(family, matrix):
    spec = make_spec()
    fits, _ = plan(spec, len(matrix.grid))
    return [run_fit(fit, spec, matrix) for fit in fits if fit.family == family and fit.fold != FINAL]


def test_the_plan_has_every_family_horizon_and_fold_and_a_final_fit_of_each():
    fits, skipped = plan(make_spec(horizons=[1, 5]), 130)
    assert len(fits) == 2 * 2 * (3 + 1)
    assert skipped == []
    assert fits[0] == Fit("ridge", 1, FINAL, 127)


def test_what_each_horizon_needs_for_a_model_comes_first_and_long_fits_before_short_ones():
    fits, _ = plan(make_spec(horizons=[1, 5]), 130)
    needed = [(family, h, fold) for family in ("ridge", "lightgbm") for h in (1, 5) for fold in (FINAL, 2)]
    assert sorted((fit.family, fit.horizon, fit.fold) for fit in fits[:4]) == sorted(needed[:4])
    assert sorted((fit.family, fit.horizon, fit.fold) for fit in fits[4:8]) == sorted(needed[4:])
    rest = [(fit.family, fit.horizon, fit.fold) for fit in fits[8:]]
    assert rest == [(family, h, fold) for family in ("lightgbm", "ridge") for fold in (1, 0) for h in (1, 5)]


def test_folds_that_do_not_fit_are_named():
    fits, skipped = plan(make_spec(), 90)
    assert sum(fit.fold != FINAL for fit in fits) == 2 * 2
    assert skipped == ["h1: 1 of 3 folds would train on fewer than 40 of 90 sessions"]


@pytest.mark.parametrize("family", ["lightgbm", "ridge"])
def test_a_planted_signal_is_found_within_its_standard_error(family, planted):
    ics = session_ics(planted, folds_of(family, planted))
    # The rank correlation of jointly normal variables with correlation 0.1 is 6/pi asin(0.05) = 0.0955.
    assert len(ics) == 60
    error = ics.std(ddof=1) / np.sqrt(len(ics))
    assert ics.mean() < 0.0955 + 3 * error
    # Trees also fit some noise: ridge must come within its error, trees within a third of the signal.
    assert ics.mean() > (0.0955 - 3 * error if family == "ridge" else 0.0955 * 2 / 3)


@pytest.mark.parametrize("family", ["lightgbm", "ridge"])
def test_where_there_is_no_signal_none_is_found(family):
    matrix = make_matrix(0.0, seed=8)
    ics = session_ics(matrix, folds_of(family, matrix))
    assert abs(ics.mean()) < 3 * ics.std(ddof=1) / np.sqrt(len(ics))


def leaky(seed=5):
    """Labels over five sessions that overlap, and features that only name the symbol and the fortnight.

    No feature says anything about shocks to come; but neighbouring sessions share features and most of their labels.
    """
    matrix = make_matrix(0.0, sessions=80, seed=seed)
    rng = np.random.default_rng(seed)
    shocks = rng.standard_normal((80 + 7, 200))
    labels = sum(shocks[2 + k : 82 + k] for k in range(5)).astype(np.float32)
    marks = np.repeat(rng.standard_normal((8, 200, 6)), 10, axis=0).astype(np.float32)
    flat = labels.reshape(1, -1)
    return dataclasses.replace(
        matrix,
        features=np.ascontiguousarray(np.roll(marks, 5, axis=0).reshape(-1, 6).T),
        labels=flat,
        targets=session_targets(flat[0], session_starts(matrix.sessions), "rank")[None],
        horizons=(5,),
    )


def test_purging_keeps_a_planted_leak_out():
    keen = {"lightgbm": {"rounds": 200, "num_leaves": 63, "learning_rate": 0.1, "min_leaf_share": 0.0}}
    matrix, spec = leaky(), make_spec(horizons=[5], families=keen)
    # Sessions 55 to 64 share their features. The label of 59 is decided at 65, the label of 53 at 59.
    careless = Fit("lightgbm", 5, 0, 59, 60, 62)
    purged = dataclasses.replace(careless, train_last=last_trainable(60, 5, embargo=0))
    leaked, clean = (session_ics(matrix, [run_fit(fit, spec, matrix)]) for fit in (careless, purged))
    assert purged.train_last == 53
    assert leaked[0] > 0.3
    # 200 symbols: the standard error of one session's correlation is 0.07.
    assert abs(clean[0]) < 3 * 0.071


@pytest.mark.parametrize("family", ["lightgbm", "ridge"])
def test_the_same_fit_twice_gives_the_same_bytes(family, planted):
    spec = make_spec()
    for fit in (Fit(family, 1, FINAL, 127), Fit(family, 1, 0, 60, 70, 89)):
        one, two = run_fit(fit, spec, planted), run_fit(fit, spec, planted)
        assert (one.model, one.predictions, one.rows) == (two.model, two.predictions, two.rows)
        assert one.model or one.predictions


@pytest.mark.parametrize("family", ["lightgbm", "ridge"])
def test_the_layout_of_the_features_changes_no_byte_of_a_model(family, planted):
    spec, target = make_spec(), np.nan_to_num(planted.targets[0])
    lying, standing = (layout(planted.features.T) for layout in (np.ascontiguousarray, np.asfortranarray))
    bodies = {
        fit_model(family, x, target, planted.names, params=spec.families.named()[family], seed=7)
        for x in (lying, standing)
    }
    assert len(bodies) == 1
    one, two = (load_model(family, next(iter(bodies))).predict(x) for x in (lying, standing))
    assert one.tobytes() == two.tobytes()


def test_the_rows_of_a_fit_are_copied_once_column_by_column(planted):
    rows = np.array([3, 5, 1000])
    found = planted.take(rows)
    assert np.array_equal(found, planted.features[:, [3, 5, 1000]].T, equal_nan=True)
    assert found.flags.f_contiguous


def test_mapped_files_give_the_same_model_as_memory(planted, tmp_path):
    for name in ARRAYS:
        np.save(tmp_path / f"{name}.npy", getattr(planted, name))
    mapped = {name: np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in ARRAYS}
    fit, spec = Fit("lightgbm", 1, FINAL, 127), make_spec()
    assert run_fit(fit, spec, dataclasses.replace(planted, **mapped)).model == run_fit(fit, spec, planted).model


def test_what_comes_after_the_training_window_does_not_change_a_fold(planted):
    fit, spec = Fit("ridge", 1, 0, 60, 70, 89), make_spec()
    later = planted.rows(61, 129)
    targets = planted.targets.copy()
    targets[:, later] = targets[:, later][:, ::-1]
    assert run_fit(fit, spec, dataclasses.replace(planted, targets=targets)).predictions == (
        run_fit(fit, spec, planted).predictions
    )


def test_seeds_differ_by_identity_and_stay_the_same():
    spec = make_spec()
    fits = [Fit(family, 1, fold, 60) for family in ("lightgbm", "ridge") for fold in range(3)]
    assert len({fit.seed(spec) for fit in fits}) == 6
    assert fits[0].seed(spec) == Fit("lightgbm", 1, 0, 99).seed(spec)
    assert fits[0].seed(make_spec(seed=4)) != fits[0].seed(spec)


def test_too_many_rows_are_sampled_the_same_way_each_time(planted):
    spec = make_spec(max_train_rows=500)
    fit = Fit("ridge", 1, FINAL, 127)
    one = run_fit(fit, spec, planted)
    assert one.rows == 500
    assert one.model == run_fit(fit, spec, planted).model


def test_too_few_rows_and_a_constant_label_are_skipped_with_a_reason(planted):
    spec = make_spec(min_train_rows=1000)
    assert run_fit(Fit("ridge", 1, 0, 2, 70, 89), spec, planted).reason == "600 training rows, expected 1000 or more"
    flat = dataclasses.replace(planted, targets=np.ones_like(planted.targets))
    assert "does not vary" in run_fit(Fit("ridge", 1, 0, 60, 70, 89), spec, flat).reason


def test_predictions_that_are_not_finite_fail_the_model(planted, monkeypatch):
    class Wild:
        names = planted.names

        def predict(self, x):
            return np.full(len(x), np.inf)

    monkeypatch.setattr("afterbell.training.fitting.load_model", lambda *_: Wild())
    broken = run_fit(Fit("ridge", 1, 0, 60, 70, 89), make_spec(), planted)
    assert broken.broken
    assert "4000 of 4000 predictions are not finite" in broken.reason
    final = FitResult(Fit("ridge", 1, FINAL, 127), model=b"{}")
    sound = FitResult(Fit("ridge", 1, 1, 80, 90, 109), predictions=b"0000")
    kept = settle([broken, final, sound], [])
    assert (kept.finals, kept.folds) == ((), ())
    assert kept.skipped[-1].startswith("ridge h1: no model")


def test_a_model_whose_other_folds_ran_is_kept_without_the_skipped_one():
    final = FitResult(Fit("ridge", 1, FINAL, 127), model=b"{}")
    sound = FitResult(Fit("ridge", 1, 1, 80, 90, 109), predictions=b"0000")
    thin = FitResult(Fit("ridge", 1, 0, 60, 70, 89), reason="3 training rows, expected 100 or more")
    kept = settle([sound, thin, final], ["h1: a note"])
    assert kept.finals == (final,)
    assert kept.folds == (sound,)
    assert kept.skipped == ("h1: a note", "ridge h1 fold 1: 3 training rows, expected 100 or more")
