"""The declarations and the hash that stands for them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType

import pytest

from afterbell.features.factors import Factor, FactorSet, definition_hash, family
from afterbell.features.kernels import level
from afterbell.features.kernels.candle import back
from afterbell.features.kernels.level import price_level, volume_level
from afterbell.features.sets import SETS

ENGINE = ("compiled", "compute", "factors", "filings", "grid", "panel", "sections", "view")
KERNELS = (
    *("candle", "correlation", "extremes", "level", "liquidity"),
    *("moves", "order", "ratios", "section", "trend"),
)
USED = {
    "alpha158": {"candle", "correlation", "extremes", "level", "moves", "order", "trend"},
    "alpha360": {"candle"},
    "core": {"candle", "correlation", "extremes", "level", "liquidity", "moves", "order"},
    "cross_section": {"candle", "correlation", "extremes", "level", "liquidity", "section"},
    "fundamental": {"ratios"},
}
SMALL = FactorSet("small", 1, (*family(price_level, "close", "MA STD", 5, 20), *family(back, "open close", "OPEN", 0)))


def hashed(factors: FactorSet = SMALL, source: str = "A = 1\n") -> str:
    return definition_hash(factors, {"kernels": source})


def with_first(**change: object) -> FactorSet:
    return replace(SMALL, factors=(replace(SMALL.factors[0], **change), *SMALL.factors[1:]))  # type: ignore[arg-type]


def test_a_kernels_family_has_a_factor_for_each_answer_and_window() -> None:
    assert family(price_level, "close", "MA STD", 5, 20) == (
        Factor("MA5", price_level, ("close",), 5, 0),
        Factor("MA20", price_level, ("close",), 20, 0),
        Factor("STD5", price_level, ("close",), 5, 1),
        Factor("STD20", price_level, ("close",), 20, 1),
    )


def test_an_answer_that_is_not_wanted_is_left_out_and_the_others_keep_their_places() -> None:
    assert family(price_level, "close", "- STD", 5) == (Factor("STD5", price_level, ("close",), 5, 1),)


def test_a_family_without_windows_has_names_as_they_stand() -> None:
    assert family(back, "open close", "NOW") == (Factor("NOW", back, ("open", "close"), 0, 0),)


@pytest.mark.parametrize("names", ["MA", "MA STD MORE", ""])
def test_a_family_needs_a_name_for_each_answer(names: str) -> None:
    given = len(names.split())
    with pytest.raises(ValueError, match=f"price_level gives 2 answers, {given} names are given: '{names}'"):
        family(price_level, "close", names, 5)


def test_the_look_back_is_one_session_longer_than_the_longest_window_and_the_margin() -> None:
    assert SMALL.depth == 21
    assert replace(SMALL, margin=9).depth == 30


@pytest.mark.parametrize("factors", SETS.values(), ids=lambda found: found.name)
def test_the_hash_is_the_same_each_time_and_thirty_two_hexadecimal_digits(factors: FactorSet) -> None:
    assert factors.definition_hash == replace(factors).definition_hash
    assert len(factors.definition_hash) == 32
    assert int(factors.definition_hash, 16) >= 0


def test_sets_differ_in_their_hashes() -> None:
    assert len({factors.definition_hash for factors in SETS.values()}) == len(SETS)


@pytest.mark.parametrize(
    "change",
    [{"window": 21}, {"name": "OTHER"}, {"kernel": volume_level}, {"inputs": ("open",)}, {"answer": 1}, {"version": 2}],
    ids=lambda change: next(iter(change)),
)
def test_the_hash_changes_with_a_declaration(change: dict[str, object]) -> None:
    assert hashed(with_first(**change)) != hashed()


def test_the_hash_changes_with_the_name_the_version_and_the_margin_of_the_set_and_the_order_of_factors() -> None:
    changes = ({"version": 2}, {"name": "other"}, {"margin": 1}, {"factors": SMALL.factors[::-1]})
    others = [replace(SMALL, **change) for change in changes]  # type: ignore[arg-type]
    assert len({hashed(), *map(hashed, others)}) == 5


@pytest.mark.parametrize(
    ("old", "new"),
    [("_TINY = 1e-12", "_TINY = 1e-11"), ("max(0.0, spread)", "min(0.0, spread)"), ("(n - 1.0)", "(n - 2.0)")],
)
def test_the_hash_changes_with_the_code_of_a_kernel(old: str, new: str) -> None:
    source = inspect.getsource(level)
    assert old in source
    assert hashed(source=source.replace(old, new, 1)) != hashed(source=source)


def changed(module: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[FactorSet], str]:
    """The hash of a set when the code of ``module`` has one more line."""
    plain = inspect.getsource

    def getsource(of: ModuleType) -> str:
        return plain(of) + ("\nMORE = 1\n" if of.__name__ == f"afterbell.features.{module}" else "")

    def found(factors: FactorSet) -> str:
        with monkeypatch.context() as patch:
            patch.setattr(inspect, "getsource", getsource)
            return replace(factors).definition_hash

    return found


@pytest.mark.parametrize("module", KERNELS)
def test_code_of_kernels_changes_the_sets_that_use_it_and_no_others(
    module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = changed(f"kernels.{module}", monkeypatch)
    moved = {name for name, factors in SETS.items() if found(factors) != factors.definition_hash}
    assert moved == {name for name, modules in USED.items() if module in modules}


@pytest.mark.parametrize("module", ENGINE)
def test_code_of_the_engine_changes_every_set(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = changed(module, monkeypatch)
    assert [name for name, factors in SETS.items() if found(factors) == factors.definition_hash] == []


@pytest.mark.parametrize("module", ["statements", "periods"])
def test_code_that_reads_filings_changes_the_set_that_takes_them_alone(
    module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = changed(module, monkeypatch)
    assert [name for name, factors in SETS.items() if found(factors) != factors.definition_hash] == ["fundamental"]


@pytest.mark.parametrize("module", ["sets.core", "sets.alpha158", "labels", "holes", "features_spark"])
def test_code_that_computes_no_factor_changes_no_set(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = changed(module, monkeypatch)
    assert [name for name, factors in SETS.items() if found(factors) != factors.definition_hash] == []


def test_the_hash_changes_when_a_statement_moves_into_or_out_of_a_block() -> None:
    inside = "def f(a):\n    if a:\n        a = 1\n        a = 2\n"
    outside = "def f(a):\n    if a:\n        a = 1\n    a = 2\n"
    assert hashed(source=inside) != hashed(source=outside)


def test_the_hash_stays_when_comments_docstrings_and_blank_lines_change() -> None:
    bare = "X = (\n    'a',\n    'b')\ndef f(a):\n    return a\n"
    said = '"""A module."""\n# why\nX = (\n    "a",  # one\n\n    "b")\n\n\ndef f(a):\n    """Doc."""\n    return a\n'
    assert hashed(source=said.replace('"a"', "'a'").replace('"b"', "'b'")) == hashed(source=bare)


def test_the_hash_sees_strings_that_are_not_docstrings() -> None:
    assert hashed(source="X = (\n    'a',\n)\n") != hashed(source="X = (\n    'b',\n)\n")
