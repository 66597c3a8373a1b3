"""Fits on the same rows share what is made of them, once a host, and no byte of a model changes by it."""

import dataclasses
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from afterbell.training.families import FAMILIES, fit_model
from afterbell.training.fan_out import Job
from afterbell.training.fits import FINAL, Fit
from afterbell.training.fitting import run_fit
from afterbell.training.shared_features import _made_once, fit_rows
from afterbell.training.spark_fits import fits_that_share
from tests.training.conftest import make_matrix, make_spec

ROWS = np.arange(0, 24_000, 2)


def trial(**changes):
    settings = {"rounds": 15, "num_leaves": 8, "learning_rate": 0.1, "feature_fraction": 0.5, "bagging_fraction": 0.7}
    return make_spec(families={"lightgbm": settings | changes})


TRIALS = [trial(), trial(num_leaves=31), trial(min_leaf_share=0.2), trial(lambda_l2=50.0, learning_rate=0.02)]
OTHER_BINS = trial(max_bin=15)


def model(matrix, spec, shared, rows=ROWS, seed=5):
    params = spec.families.named()["lightgbm"]
    target = np.nan_to_num(matrix.targets[0, rows])
    return fit_rows("lightgbm", matrix, rows, target, params=params, seed=seed, shared=shared)


def files(folder):
    return sorted(path.name for path in folder.iterdir() if not path.suffix)


@pytest.mark.parametrize("spec", [*TRIALS, OTHER_BINS], ids=["own", "leaves", "large leaves", "slow", "other bins"])
@pytest.mark.parametrize("seed", [1, 99])
def test_the_bytes_of_a_model_are_the_same_with_and_without_shared_bins(planted, tmp_path, spec, seed):
    alone = model(planted, spec, None, seed=seed)
    made, found = (model(planted, spec, tmp_path, seed=seed) for _ in range(2))
    assert alone == made == found
    assert len(files(tmp_path)) == 1


def test_all_trials_on_the_same_rows_share_one_file(planted, tmp_path):
    for spec in TRIALS:
        model(planted, spec, tmp_path)
    assert len(files(tmp_path)) == 1


def test_more_rows_than_the_bins_are_drawn_from_are_shared_too(tmp_path):
    # LightGBM looks at 200,000 rows, drawn by a seed: every fit must draw the same.
    matrix = make_matrix(0.1, sessions=210, symbols=1000)
    rows = np.arange(matrix.sessions.size - 3000)
    one, other = (model(matrix, trial(rounds=2), tmp_path, rows, seed) for seed in (1, 2))
    assert [one, other] == [model(matrix, trial(rounds=2), None, rows, seed) for seed in (1, 2)]
    assert one != other
    assert len(files(tmp_path)) == 1


def test_other_bins_other_rows_and_another_matrix_are_other_files(planted, tmp_path):
    model(planted, TRIALS[0], tmp_path)
    model(planted, OTHER_BINS, tmp_path)
    model(planted, TRIALS[0], tmp_path, ROWS[:-1])
    model(dataclasses.replace(planted, made_from={"inputs": 2}), TRIALS[0], tmp_path)
    assert len(files(tmp_path)) == 4


def test_several_at_once_make_the_file_once(tmp_path):
    made = []

    def write(path):
        made.append(path)
        path.write_bytes(b"whole")

    with ThreadPoolExecutor(8) as pool:
        paths = set(pool.map(lambda _: _made_once(tmp_path / "one", write), range(8)))
    assert paths == {tmp_path / "one"}
    assert len(made) == 1


def test_what_a_killed_task_left_is_not_used(tmp_path):
    script = (
        "import os, sys; from pathlib import Path; from afterbell.training.shared_features import _made_once\n"
        "def die(path):\n    path.write_bytes(b'half'); os._exit(9)\n"
        "_made_once(Path(sys.argv[1]), die)\n"
    )
    env = {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", script, str(tmp_path / "one")]
    assert subprocess.run(command, env=env, check=False).returncode == 9
    assert not (tmp_path / "one").exists()
    assert _made_once(tmp_path / "one", lambda path: path.write_bytes(b"whole")).read_bytes() == b"whole"


@pytest.mark.parametrize("left", [0, 100, 0.5, -1], ids=["empty", "the beginning", "half", "all but a byte"])
def test_a_file_that_is_broken_is_replaced(planted, tmp_path, left):
    expected = model(planted, TRIALS[0], tmp_path)
    (path,) = (tmp_path / name for name in files(tmp_path))
    body = path.read_bytes()
    path.write_bytes(body[: int(left * len(body)) if 0 < left < 1 else left])
    assert [model(planted, TRIALS[0], tmp_path) for _ in range(2)] == [expected, expected]
    assert path.read_bytes() == body


def test_a_folder_that_cannot_be_written_or_a_full_disk_costs_nothing_but_time(planted, tmp_path, monkeypatch):
    expected = model(planted, TRIALS[0], None)
    (tmp_path / "file").write_bytes(b"")
    assert model(planted, TRIALS[0], tmp_path / "file") == expected
    monkeypatch.setattr("afterbell.training.shared_features._SPARE", 1 << 60)
    assert model(planted, TRIALS[0], tmp_path / "full") == expected
    assert files(tmp_path / "full") == []


def test_a_family_without_a_preparation_shares_nothing(planted, tmp_path):
    spec, target = make_spec(), np.nan_to_num(planted.targets[0, ROWS])
    params = spec.families.named()["ridge"]
    shared = fit_rows("ridge", planted, ROWS, target, params=params, seed=0, shared=tmp_path)
    assert shared == fit_model("ridge", planted.take(ROWS), target, planted.names, params=params, seed=0)
    assert files(tmp_path) == []


def test_a_fit_that_shares_has_the_same_result(planted, tmp_path):
    for fit in (Fit("lightgbm", 1, FINAL, 127), Fit("lightgbm", 1, 0, 60, 70, 89)):
        one, other = (run_fit(fit, TRIALS[0], planted, shared) for shared in (None, Path(tmp_path)))
        assert (one.model, one.predictions) == (other.model, other.predictions)


def test_fits_that_stand_alone_do_not_share():
    fold, final = Fit("lightgbm", 1, 0, 60, 70, 89), Fit("lightgbm", 1, FINAL, 127)
    ridge = Fit("ridge", 1, 0, 60, 70, 89)
    jobs = [Job(fold, TRIALS[0]), Job(fold, TRIALS[1]), Job(final, TRIALS[0]), Job(ridge, make_spec())]
    assert fits_that_share([*jobs, Job(ridge, make_spec(seed=9))]) == {fold}
    assert fits_that_share([Job(fold, TRIALS[0]), Job(fold, OTHER_BINS)]) == frozenset()


def test_trials_train_on_the_same_rows_where_there_are_too_many(planted):
    fit = Fit("lightgbm", 1, 0, 60, 70, 89)
    few = [trial(num_leaves=leaves).model_copy(update={"max_train_rows": 500}) for leaves in (7, 9)]
    assert fit.sample_seed(few[0]) == fit.sample_seed(few[1])
    assert fit.seed(few[0]) != fit.seed(few[1])


def test_only_families_that_gain_by_it_have_a_preparation():
    assert [name for name, family in FAMILIES.items() if family.preparation is not None] == ["lightgbm"]
