"""Rows and labels whose returns cross a session without evidence: kept, or left out where the specification says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError

from afterbell.lake.unseen import crossed
from afterbell.training.assemble import build
from afterbell.training.matrix import Matrix
from afterbell.training.spec import load_spec
from tests.training.conftest import SPEC, make_spec
from tests.training.memory import inputs_of, weekdays

DAYS = weekdays(date(2020, 1, 6), 20)
UNSEEN = 10


def inputs(dark):
    keys = [(symbol, day) for symbol in ("A", "B") for day in DAYS]
    symbols, sessions = zip(*keys, strict=True)
    count = np.arange(float(len(keys)))
    features = pl.DataFrame(
        {"symbol": symbols, "session": sessions, "x": count, "y": count**2},
        schema_overrides={"x": pl.Float32, "y": pl.Float32},
    )
    close = 10.0 * 1.01 ** np.tile(np.arange(len(DAYS)), 2)
    bars = pl.DataFrame({"symbol": symbols, "session": sessions, "close": close, "volume": [1000] * len(keys)})
    return replace(inputs_of(features, bars, DAYS), unseen=frozenset(DAYS[at] for at in dark))


def made(folder, dark=(), **spec):
    build(inputs(dark), make_spec(**spec), folder, {"bars_snapshot": 7})
    return Matrix.load(folder)


def labelled(matrix, number=0):
    """Sessions with a label, of the first symbol."""
    mine = matrix.symbols == 0
    return matrix.sessions[mine & np.isfinite(matrix.labels[number])].tolist()


LEAVE_OUT = {"unseen": "leave_out", "unseen_look_back": 3, "horizons": [1, 2]}


def test_rows_whose_look_back_crosses_it_are_left_out(tmp_path):
    found = made(tmp_path, [UNSEEN], **LEAVE_OUT)
    # The returns of three sessions that end on 10, 11 and 12 have the step from 9 to 10 in them.
    assert sorted(set(found.sessions.tolist())) == [*range(1, 10), *range(13, 20)]


def test_labels_across_it_are_none_and_their_rows_stay(tmp_path):
    found = made(tmp_path, [UNSEEN], **LEAVE_OUT)
    # Bought on t+1, sold on t+2 or t+3: the step from 9 to 10 is in the label of 8, and in that of 7 for two sessions.
    assert labelled(found, 0) == [1, 2, 3, 4, 5, 6, 7, 9, *range(13, 18)]
    assert labelled(found, 1) == [1, 2, 3, 4, 5, 6, 9, *range(13, 17)]
    assert 8 in found.sessions


def test_without_such_sessions_nothing_is_left_out(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    one, two = made(tmp_path / "one", **LEAVE_OUT), made(tmp_path / "two", horizons=[1, 2])
    assert one.sessions.tolist() == two.sessions.tolist()
    assert np.array_equal(one.labels, two.labels, equal_nan=True)


def test_a_specification_that_says_nothing_is_written_down_as_before():
    spec = make_spec()
    assert spec.unseen == "keep"
    assert set(spec.model_dump(mode="json")) == {*SPEC, "optional_features"}
    assert not {"unseen", "unseen_look_back"} & set(load_spec("daily").model_dump(mode="json"))


def test_one_that_leaves_out_is_another():
    found = make_spec(**LEAVE_OUT).model_dump(mode="json")
    assert (found["unseen"], found["unseen_look_back"]) == ("leave_out", 3)
    assert make_spec(**found) == make_spec(**LEAVE_OUT)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"unseen": "drop"}, "'keep' or 'leave_out'"),
        ({"unseen": "leave_out", "unseen_look_back": 0}, "greater than or equal to 1"),
        ({"unseen_look_back": 5}, r"unseen_look_back \(5\) has no effect with unseen: keep"),
    ],
)
def test_a_wrong_key_is_named(changes, message):
    with pytest.raises(ValidationError, match=message):
        make_spec(**changes)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [(1, 0, [2]), (2, 0, [2, 3]), (1, 1, [1, 2]), (3, 2, [0, 1, 2, 3, 4]), (99, 0, [2, 3, 4, 5])],
)
def test_a_return_crosses_the_sessions_after_its_first_one(before, after, expected):
    found = crossed(DAYS[:6], {DAYS[2]}, before, after)
    assert [at for at, crosses in enumerate(found) if crosses] == expected
