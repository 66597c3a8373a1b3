"""Ages of knowledge, layers, and rows that lie on no session."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pytest

from afterbell.calendar.sessions import Exchange
from afterbell.errors import PermanentError
from afterbell.features.grid import FIELDS, SessionGrid, from_day, to_day
from tests.features.worlds import World, cut_off, grid

CLOSE = FIELDS.index("close")


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


def test_each_layer_holds_the_newest_revision_of_its_age() -> None:
    world = World()
    world.bar(0, 0, 10.0)
    world.bar(0, 0, 11.0)  # the same moment, a higher revision
    world.bar(0, 0, 12.0, known=1)
    world.bar(0, 0, 13.0, known=3)
    bars = world.panel(0, 3, 1).bars
    assert bars.ages == (0, 1, 3)
    assert [bars.at(age)[CLOSE, 0, 0] for age in range(5)] == [11.0, 12.0, 12.0, 13.0, 13.0]


def test_revisions_older_than_any_look_are_left_out() -> None:
    world = World()
    world.bar(0, 0, 10.0)
    world.bar(0, 0, 13.0, known=3)
    assert world.panel(0, 3, 1, max_age=2).bars.ages == (0,)


def test_a_market_without_rows_is_a_panel_of_nothing() -> None:
    found = World().panel(0, 3, 2)
    assert np.isnan(found.bars.at(0)).all()
    assert (found.splits.at(2) == 1.0).all()


def test_a_bar_on_a_day_without_a_session_is_refused_by_name() -> None:
    monday, wednesday = to_day(date(2016, 6, 27)), to_day(date(2016, 6, 29))
    sessions = SessionGrid(np.array([monday, wednesday]), np.array([1, 2]))
    with pytest.raises(PermanentError, match=r"1 rows lie on days that are no session.*such as 2016-06-28"):
        sessions.columns(np.array([monday, monday + 1]))


def test_a_withdrawn_action_and_one_of_another_kind_replace_the_one_before() -> None:
    world = World()
    world.action(0, 1, 0.5, split=True)
    world.action(0, 1, 1.0, split=True, known=2)  # withdrawn a session later
    world.action(1, 1, 0.9, split=False)
    world.action(1, 1, 0.5, split=True, known=3)  # it was a split
    found = world.panel(0, 3, 2)
    assert [found.splits.at(age)[0, 0, 1] for age in range(3)] == [0.5, 1.0, 1.0]
    assert [found.payouts.at(age)[0, 1, 1] for age in range(3)] == [0.9, 0.9, 1.0]
    assert [found.splits.at(age)[0, 1, 1] for age in range(3)] == [1.0, 1.0, 0.5]
    assert (found.payouts.at(2)[0] == 1.0).all()
