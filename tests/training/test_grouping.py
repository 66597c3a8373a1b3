"""The group of each row, on rows made by hand."""

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from afterbell.errors import PermanentError
from afterbell.training.grouping import blocks_of, groups_of, liquidity_buckets, liquidity_codes
from afterbell.training.grouping_spec import Grouping
from afterbell.training.matrix import Matrix
from tests.training.conftest import make_spec

NAN = np.nan
SESSIONS = np.array([0, 0, 0, 0, 1, 1, 1], np.int32)
SYMBOLS = np.array([0, 1, 2, 3, 0, 2, 3], np.int32)
DOLLARS = np.array([30, 10, 10, 40, 5, NAN, 1], np.float32)


def grouping(**values):
    return TypeAdapter(Grouping).validate_python(values)


def matrix(column=(1, 2, 1, -3, NAN, 2, 1), tickers=("A", "B", "C", "D")):
    return Matrix(
        features=np.array([column], np.float32),
        labels=np.zeros((1, 7), np.float32),
        targets=np.zeros((1, 7), np.float32),
        sessions=SESSIONS,
        symbols=SYMBOLS,
        dollars=DOLLARS,
        names=("SECTOR",),
        horizons=(1,),
        grid=(),
        tickers=tickers,
        sets={"core": ("SECTOR",)},
    )


def named(groups):
    return [groups.names[code] if code >= 0 else None for code in groups.codes]


def test_a_symbol_is_a_group():
    assert named(groups_of(grouping(by="symbol"), matrix())) == ["A", "B", "C", "D", "A", "C", "D"]


def test_liquidity_is_the_rank_within_the_session_and_equal_dollars_rank_by_symbol():
    # Session 0 from least to most: B (10), C (10), A (30), D (40). Session 1: D, A; C is not known.
    found = named(groups_of(grouping(by="liquidity", buckets=2), matrix()))
    assert found == ["2", "1", "1", "2", "2", None, "1"]
    assert liquidity_codes(SESSIONS, DOLLARS, 3).tolist() == [1, 0, 0, 2, 1, -1, 0]


def test_the_buckets_of_a_session_that_is_scored_are_those_of_training():
    symbols, dollars = ["D", "C", "B", "A"], [40.0, 10.0, 10.0, 30.0]
    assert liquidity_buckets(symbols, dollars, [True] * 4, 2) == {"A": "2", "B": "1", "C": "1", "D": "2"}
    # Those outside the universe don't move it, and lie where their dollars do; without any they are in no bucket.
    others = ["E", "F", "G", "H"]
    found = liquidity_buckets([*symbols, *others], [*dollars, 5.0, 99.0, None, 35.0], [True] * 4 + [False] * 4, 2)
    assert found == {"A": "2", "B": "1", "C": "1", "D": "2", "E": "1", "F": "2", "H": "2"}
    assert liquidity_buckets(["A"], [1.0], [False], 2) == {}


def test_a_value_is_a_group_and_none_is_none():
    found = named(groups_of(grouping(by="column", column="SECTOR"), matrix()))
    assert found == ["1", "2", "1", "-3", None, "2", "1"]


@pytest.mark.parametrize(
    ("column", "why"),
    [((1, 2, 1, -3, NAN, 2.5, 1), r"SECTOR has values such as 2\.5, expected whole numbers")],
)
def test_a_column_of_other_numbers_is_refused(column, why):
    with pytest.raises(PermanentError, match=why):
        groups_of(grouping(by="column", column="SECTOR"), matrix(column))


def test_a_column_that_is_no_feature_is_refused():
    with pytest.raises(PermanentError, match=r"grouping\.column .* INDUSTRY is no feature of core; expected .* SECTOR"):
        groups_of(grouping(by="column", column="INDUSTRY"), matrix())


def test_a_column_of_too_many_values_is_refused(monkeypatch):
    monkeypatch.setattr("afterbell.training.grouping.MOST_VALUES", 2)
    with pytest.raises(PermanentError, match="SECTOR has 3 values, expected 2 at most"):
        groups_of(grouping(by="column", column="SECTOR"), matrix())


@pytest.mark.parametrize(("symbols", "blocks"), [(4, 1), (100, 1), (101, 3), (5000, 51)])
def test_the_number_of_blocks_follows_from_that_of_the_groups(symbols, blocks):
    tickers = tuple(f"S{number}" for number in range(symbols))
    own = matrix(tickers=tickers)
    assert blocks_of(grouping(by="symbol"), own) == blocks
    assert blocks_of(grouping(by="market"), own) == 1
    groups = groups_of(grouping(by="symbol"), own)
    cut = [groups.block((number, blocks)) for number in range(blocks)] if blocks > 1 else [groups.block(None)]
    assert [code for block in cut for code in block] == list(range(symbols))
    assert len(cut[0]) == (0 if blocks > 1 else symbols)


def test_a_specification_without_groups_is_written_as_it_was():
    assert "grouping" not in make_spec().model_dump(mode="json")
    assert make_spec(grouping={"by": "market"}) == make_spec()
    written = make_spec(grouping={"by": "symbol"}).model_dump(mode="json")["grouping"]
    assert written == {"by": "symbol", "min_rows": 60}


@pytest.mark.parametrize(
    "wrong", [{"by": "sector"}, {"by": "symbol", "buckets": 3}, {"by": "column"}, {"by": "liquidity", "buckets": 1}]
)
def test_other_keys_are_refused(wrong):
    with pytest.raises(ValidationError):
        make_spec(grouping=wrong)
