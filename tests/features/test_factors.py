"""The declarations and the hash that stands for them."""

from __future__ import annotations

import inspect
from dataclasses import replace

import pytest

from afterbell.errors import ConfigError
from afterbell.features import kernels
from afterbell.features.factors import CORE, Factor, FactorSet, definition_hash, factor_set

SOURCES = {"kernels": inspect.getsource(kernels)}


def _hash(factors: FactorSet = CORE, source: str = SOURCES["kernels"]) -> str:
    return definition_hash(factors, {"kernels": source})


def _with(index: int, factor: Factor) -> FactorSet:
    return replace(CORE, factors=(*CORE.factors[:index], factor, *CORE.factors[index + 1 :]))


def test_the_core_set_has_at_least_thirty_factors_under_names_of_their_own() -> None:
    assert len(set(CORE.names)) == len(CORE.factors) >= 30
    assert {"KMID", "ROC20", "MA60", "RSV10", "CORR20", "LVR20", "LVR60", "VSUMP20"} <= set(CORE.names)


def test_the_look_back_spans_the_longest_window_and_the_return_before_it() -> None:
    assert CORE.depth == 61


def test_the_hash_is_the_same_each_time_and_thirty_two_hexadecimal_digits() -> None:
    assert CORE.definition_hash == replace(CORE).definition_hash
    assert len(CORE.definition_hash) == 32
    assert int(CORE.definition_hash, 16) >= 0


@pytest.mark.parametrize(
    "change",
    [{"window": 21}, {"name": "OTHER"}, {"kernel": kernels.kup}, {"inputs": ("close",)}, {"version": 2}],
    ids=lambda change: next(iter(change)),
)
def test_the_hash_changes_with_a_declaration(change: dict[str, object]) -> None:
    assert _hash(_with(3, replace(CORE.factors[3], **change))) != _hash()  # type: ignore[arg-type]


def test_the_hash_changes_with_the_version_and_the_share_of_the_set_and_the_order_of_factors() -> None:
    others = (replace(CORE, version=2), replace(CORE, share=0.6), replace(CORE, factors=CORE.factors[::-1]))
    assert len({_hash(), *(_hash(other) for other in others)}) == 4


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("_TINY = 1e-12", "_TINY = 1e-11"),
        ("np.maximum(back", "np.minimum(back"),
        ('back.at("close", w) /', 'back.at("close", w + 1) /'),
    ],
)
def test_the_hash_changes_with_the_code_of_a_kernel(old: str, new: str) -> None:
    assert old in SOURCES["kernels"]
    assert _hash(source=SOURCES["kernels"].replace(old, new, 1)) != _hash()


def test_the_hash_changes_when_a_statement_moves_into_or_out_of_a_block() -> None:
    inside = "def f(a):\n    if a:\n        a = 1\n        a = 2\n"
    outside = "def f(a):\n    if a:\n        a = 1\n    a = 2\n"
    assert _hash(source=inside) != _hash(source=outside)


def test_the_hash_stays_when_comments_docstrings_and_blank_lines_change() -> None:
    bare = "X = (\n    'a',\n    'b')\ndef f(a):\n    return a\n"
    said = '"""A module."""\n# why\nX = (\n    "a",  # one\n\n    "b")\n\n\ndef f(a):\n    """Doc."""\n    return a\n'
    assert _hash(source=said.replace('"a"', "'a'").replace('"b"', "'b'")) == _hash(source=bare)


def test_the_hash_sees_strings_that_are_not_docstrings() -> None:
    assert _hash(source="X = (\n    'a',\n)\n") != _hash(source="X = (\n    'b',\n)\n")


def test_an_unknown_set_is_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match="factor set 'cor' is not known: use one of core"):
        factor_set("cor")
