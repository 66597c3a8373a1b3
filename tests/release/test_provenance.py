"""What names a candidate's code and environment: what the numbers depend on, and nothing else."""

from __future__ import annotations

from importlib.metadata import version

import pytest

from afterbell.release.provenance import code_of, environment_versions

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
    assert code_of(other) == code_of(SOURCE)


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
    assert code_of(other) != code_of(SOURCE)


@pytest.mark.parametrize(
    "library", ["numba", "llvmlite", "exchange-calendars", "tzdata", "lightgbm", "polars", "numpy", "scipy"]
)
def test_every_library_that_makes_numbers_or_tells_time_is_named(library: str) -> None:
    assert environment_versions()[library] == version(library)
