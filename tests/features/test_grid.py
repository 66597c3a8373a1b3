"""Sessions, their cut-offs, ages of knowledge, and rows that lie on no session."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pytest

from afterbell.calendar.sessions import Exchange
from afterbell.errors import PermanentError
from afterbell.features.grid import Layers, SessionGrid, from_day, to_day
from tests.features.worlds import cut_off, grid


def test_the_cut_off_is_two_hours_after_the_close_on_half_days_too() -> None:
    found = SessionGrid.of(Exchange("XNYS"), [date(2015, 11, 25), date(2015, 11, 27)])
    expected = [datetime(2015, 11, 25, 23, 0, tzinfo=UTC), datetime(2015, 11, 27, 20, 0, tzinfo=UTC)]
    assert found.cut_offs.tolist() == [round(stamp.timestamp()) * 1_000_000 for stamp in expected]
    assert [from_day(day) for day in found.days.tolist()] == [date(2015, 11, 25), date(2015, 11, 27)]


@pytest.mark.parametrize(
    ("column", "knowledge", "age"),
    [
        (1, cut_off(1), 0),
        (1, cut_off(1) + 1, 1),
        (1, cut_off(0) - 5, 0),
        (0, cut_off(2), 2),
        (2, cut_off(2) + 1, 3),
    ],
    ids=["at the cut-off", "just after it", "before the session", "two sessions later", "never within the grid"],
)
def test_the_age_of_knowledge_counts_cut_offs(column: int, knowledge: int, age: int) -> None:
    assert grid(0, 2).ages(np.array([column]), np.array([knowledge])).tolist() == [age]


def test_a_layer_holds_from_its_age_up_to_the_next_one() -> None:
    layers = Layers((0, 1, 4), np.zeros((3, 5, 1, 1)))
    assert layers.by_age(6).tolist() == [0, 1, 1, 1, 2, 2, 2]
    assert layers.by_age(0).tolist() == [0]


def test_days_of_the_grid_have_their_columns_in_any_order() -> None:
    assert grid(10, 14).columns(np.array([12, 10, 14, 12])).tolist() == [2, 0, 4, 2]
    assert grid(10, 14).columns(np.zeros(0, dtype=np.int64)).tolist() == []


@pytest.mark.parametrize("day", [date(2016, 6, 26), date(2016, 6, 28), date(2016, 6, 30)])
def test_a_row_on_a_day_without_a_session_is_refused_by_name(day: date) -> None:
    monday, wednesday = to_day(date(2016, 6, 27)), to_day(date(2016, 6, 29))
    sessions = SessionGrid(np.array([monday, wednesday]), np.array([1, 2]))
    with pytest.raises(PermanentError, match=rf"1 rows lie on days that are no session.*such as {day}"):
        sessions.columns(np.array([monday, to_day(day)]))
