"""Moves from session to session."""

from __future__ import annotations

import pytest

from afterbell.features.kernels.moves import moves
from tests.features.kernels.awkward import DEPTH, NAN, check, one

NAMES = "CNTP CNTN CNTD SUMP SUMN SUMD"
OF_VOLUME = "- - - VSUMP VSUMN VSUMD"


@pytest.mark.parametrize("name", NAMES.split())
def test_moves_of_closes_are_the_formulas(name: str) -> None:
    check(moves, "close", NAMES, name)


@pytest.mark.parametrize("name", OF_VOLUME.split()[3:])
def test_moves_of_volumes_are_the_formulas(name: str) -> None:
    check(moves, "volume", OF_VOLUME, name)


def test_moves_by_hand() -> None:
    # The window's five moves are +2, -1, 0, +4 and -3; the first value is the session before it.
    found = one(moves, [5.0, 7.0, 6.0, 6.0, 10.0, 7.0])
    assert found == pytest.approx([2 / 5, 2 / 5, 0, 6 / 10, 4 / 10, 2 / 10])


def test_a_session_without_a_bar_counts_as_one_that_did_not_move() -> None:
    found = one(moves, [4.0, 5.0, 6.0, NAN, 8.0, 7.0])
    assert found == pytest.approx([2 / 5, 1 / 5, 1 / 5, 2 / 3, 1 / 3, 1 / 3])


def test_sessions_before_the_first_bar_do_not_count() -> None:
    assert one(moves, [4.0, 5.0]) == pytest.approx([1 / 2, 0, 1 / 2, 1, 0, 1])


def test_the_first_bar_has_moved_in_no_session_and_by_no_known_amount() -> None:
    assert one(moves, [4.0]) == pytest.approx([0, 0, 0, NAN, NAN, NAN], nan_ok=True)


def test_no_bar_in_all_of_the_look_back_counts_as_not_listed_yet() -> None:
    before = [50.0, *[NAN] * (DEPTH - 1)]
    assert one(moves, [*before, 4.0, 5.0], window=60)[0] == pytest.approx(1 / 2)


def test_what_does_not_move_goes_neither_up_nor_down() -> None:
    assert one(moves, [0.1] * 6) == [0.0] * 6
