"""Sums of products and linear systems: right to rounding, and the same bits under every BLAS and processor."""

import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from afterbell.errors import PermanentError
from afterbell.training.families.fixed_order import ROWS, products, solve_positive, weigh_columns

ROOT = Path(__file__).parents[2]
DIGESTS = """
import hashlib
import numpy as np
from afterbell.training.families import FAMILIES, fit_model, load_model
from afterbell.training.families.fixed_order import fixed_power

rng = np.random.default_rng(8)
x = rng.standard_normal((5000, 23)).astype(np.float32)
x[:, 5] = x[:, 4] + np.float32(0.01) * x[:, 6]
y = (x[:, 0] - 0.5 * x[:, 1] + rng.standard_normal(5000)).astype(np.float32)
x[rng.random(x.shape) < 0.02] = np.nan
given = {
    "elastic_net": {"penalty": 0.01},
    "lightgbm": {"rounds": 10, "num_leaves": 7, "learning_rate": 0.1},
    "ridge": {"penalty": 1e-4},
    "xgboost": {"rounds": 10},
}
names = tuple(f"f{number}" for number in range(23))
for name in given:
    params = FAMILIES[name].params.model_validate(given[name])
    for weights in (None, fixed_power(rng.random(5000), 0.3).astype(np.float32)):
        body = fit_model(name, x, y, names, params=params, seed=3, weights=weights)
        print(name, hashlib.sha256(body).hexdigest(), hashlib.sha256(load_model(name, body).predict(x)).hexdigest())
    if FAMILIES[name].fit_groups:
        starts = np.array([0, 300, 500, 600, 900])
        bodies = FAMILIES[name].fit_groups(x[:900], y[:900], starts, names, params)
        print("groups", hashlib.sha256(b"".join(bodies)).hexdigest())
"""
MACHINES = {
    "Haswell, one thread": {"OPENBLAS_CORETYPE": "Haswell", "OPENBLAS_NUM_THREADS": "1"},
    "Haswell, two threads": {"OPENBLAS_CORETYPE": "Haswell", "OPENBLAS_NUM_THREADS": "2", "OMP_NUM_THREADS": "2"},
    "Nehalem, one thread": {"OPENBLAS_CORETYPE": "Nehalem", "OPENBLAS_NUM_THREADS": "1"},
    "Prescott, two threads": {"OPENBLAS_CORETYPE": "Prescott", "OPENBLAS_NUM_THREADS": "2"},
    "NumPy without AVX2 and AVX512": {
        "OPENBLAS_CORETYPE": "Nehalem", "OPENBLAS_NUM_THREADS": "1",
        "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
    },
}  # fmt: skip


def test_every_family_gives_the_same_bytes_under_other_kernels_threads_and_processors():
    found = {name: digests(changes) for name, changes in MACHINES.items()}
    (first, *_) = found.values()
    kinds = [line.split()[0] for line in first]
    assert kinds == ["elastic_net"] * 2 + ["lightgbm"] * 2 + ["ridge"] * 2 + ["groups"] + ["xgboost"] * 2
    assert found == dict.fromkeys(MACHINES, first)


def digests(changes):
    path = os.pathsep.join(str(ROOT / part) for part in ("include", "."))
    env = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "PYTHONPATH": path} | changes
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", DIGESTS], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("scale", [1.0, 1e-30, 1e30])
def test_products_are_those_of_exact_fractions(scale):
    rng = np.random.default_rng(1)
    block = rng.standard_normal((50, 4)) * np.array([1.0, 1e-6, 1e6, 0.0]) * scale
    exact = [[Fraction(0)] * 4 for _ in range(4)]
    for row in block.tolist():
        values = [Fraction(value) for value in row]
        for i in range(4):
            for j in range(4):
                exact[i][j] += values[i] * values[j]
    found = products(block)
    greatest = np.abs(block).max(axis=0)
    for i in range(4):
        for j in range(4):
            # The bound of what is left out, and a rounding of the result.
            assert abs(Fraction(found[i, j]) - exact[i][j]) <= Fraction(50 * greatest[i] * greatest[j] * 1e-12)
    assert np.array_equal(found, found.T)


def test_the_order_of_rows_changes_no_bit_of_a_block():
    rng = np.random.default_rng(2)
    block = np.clip(rng.standard_cauchy((ROWS, 7)), -5, 5)
    assert products(block).tobytes() == products(block[::-1]).tobytes()


def test_a_block_of_too_many_rows_is_refused():
    with pytest.raises(ValueError, match="2048 rows at most, found 2049"):
        products(np.zeros((ROWS + 1, 2)))


def test_a_system_is_solved_as_lapack_does():
    rng = np.random.default_rng(3)
    half = rng.standard_normal((60, 40))
    matrix, right = half.T @ half + 0.1 * np.eye(40), rng.standard_normal(40)
    assert solve_positive(matrix, right) == pytest.approx(np.linalg.solve(matrix, right), rel=1e-9)


def test_a_stack_of_systems_is_solved_as_each_alone():
    rng = np.random.default_rng(5)
    half, right = rng.standard_normal((3, 150, 110)), rng.standard_normal((3, 110))
    stack = np.swapaxes(half, 1, 2) @ half
    for own, side, solution in zip(stack, right, solve_positive(stack, right), strict=True):
        assert solution.tobytes() == solve_positive(own, side).tobytes()
        assert solution == pytest.approx(np.linalg.solve(own, side), rel=1e-6)


def test_a_system_without_a_solution_is_refused():
    with pytest.raises(PermanentError, match=r"pivot 2 is 0, expected more than 0; raise the penalty"):
        solve_positive(np.ones((2, 2)), np.ones(2))


def test_a_rows_score_does_not_depend_on_the_other_rows():
    rng = np.random.default_rng(4)
    block, weights = rng.standard_normal((300, 158)), rng.standard_normal(158)
    whole = weigh_columns(block, weights)
    assert whole == pytest.approx([float(np.dot(row, weights)) for row in block], rel=1e-9, abs=1e-12)
    assert [weigh_columns(block[row : row + 1], weights)[0] for row in range(300)] == whole.tolist()
