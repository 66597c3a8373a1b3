"""What names a candidate's code and environment: what the numbers depend on, and nothing else."""

from __future__ import annotations

import ast
from importlib.metadata import version
from pathlib import Path

import pytest

import afterbell
from afterbell.provenance import code_digest, code_of, environment_versions, used_modules

SOURCE = b"""
'''What it is.'''
def half(x):
    '''Half of it.'''
    # why
    return x / 2

LIMIT = 3
'''Most of them.'''
"""


@pytest.mark.parametrize(
    "other",
    [
        SOURCE.replace(b"# why", b"# because it was asked for"),
        SOURCE.replace(b"What it is.", b"What it is, and more."),
        SOURCE.replace(b"'''Half of it.'''", b"'''The half.'''"),
        SOURCE.replace(b"'''Most of them.'''", b""),
        SOURCE.replace(b"x / 2", b"(x  /  2)"),
    ],
    ids=["a comment", "a module's docstring", "a function's", "an attribute's", "layout"],
)
def test_words_and_layout_are_no_code(other: bytes) -> None:
    assert other != SOURCE
    assert _code(other) == _code(SOURCE)


@pytest.mark.parametrize(
    "other",
    [
        SOURCE.replace(b"x / 2", b"x // 2"),
        SOURCE.replace(b"LIMIT = 3", b"LIMIT = 4"),
        SOURCE.replace(b"return x / 2", b"return 'x / 2'"),
        SOURCE.replace(b"half", b"third"),
    ],
    ids=["an operator", "a constant", "a text that is returned", "a name"],
)
def test_what_is_done_is_code(other: bytes) -> None:
    assert _code(other) != _code(SOURCE)


@pytest.mark.parametrize(
    "library", ["numba", "llvmlite", "exchange-calendars", "tzdata", "lightgbm", "polars", "numpy", "scipy"]
)
def test_every_library_that_makes_numbers_or_tells_time_is_named(library: str) -> None:
    assert environment_versions(["lightgbm"])[library] == version(library)


def test_a_candidates_id_depends_on_these_versions_and_on_those_of_its_families() -> None:
    """Another name makes another candidate of the same code and data."""
    core = {
        "python", "pyspark", "numpy", "pandas", "polars", "pyarrow", "scipy", "great-expectations", "numba", "llvmlite",
        "exchange-calendars", "tzdata",
    }  # fmt: skip
    assert set(environment_versions()) == core
    assert set(environment_versions(["xgboost-cpu"])) == core | {"xgboost-cpu"}


def _code(source: bytes) -> str:
    return code_of(ast.parse(source))


@pytest.fixture(scope="module")
def library() -> dict[str, bytes]:
    folder = Path(afterbell.__file__).parent
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.py")}


@pytest.mark.parametrize(
    "path",
    [
        "training/families/ridge.py",
        "training/families/lightgbm.py",
        "training/splits.py",
        "training/targets.py",
        "training/universe.py",
        "features/labels.py",
        "evaluation/portfolio.py",
        "evaluation/sharpe.py",
        "evaluation/gate.py",
        "calendar/sessions.py",
    ],
)
def test_another_statement_where_numbers_come_from_is_another_version(library: dict[str, bytes], path: str) -> None:
    assert code_digest(library | {path: library[path] + b"\nLIMIT = 3\n"}) != code_digest(library)


@pytest.mark.parametrize(
    "path", ["evaluation/report.py", "experiments/check.py", "ingest/job.py", "cli/release.py", "release/publish.py"]
)
def test_another_statement_elsewhere_is_the_same_version(library: dict[str, bytes], path: str) -> None:
    assert code_digest(library | {path: library[path] + b"\nLIMIT = 3\n"}) == code_digest(library)


def test_a_module_that_a_function_imports_is_used(library: dict[str, bytes]) -> None:
    ridge = "training/families/ridge.py"
    late = library[ridge] + b"\ndef late():\n    from afterbell.evaluation import report\n    return report\n"
    assert "evaluation/report.py" not in used_modules(library)
    assert "evaluation/report.py" in used_modules(library | {ridge: late})
