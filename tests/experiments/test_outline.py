"""Folds and fits of a request, counted by hand and as the search itself splits them."""

from __future__ import annotations

import pytest

from afterbell.experiments.outline import outline
from afterbell.experiments.request import parse_request
from afterbell.experiments.search import split
from afterbell.training.spec import load_spec
from tests.experiments.test_request import FIELDS


def _asked(**more):
    return parse_request(FIELDS | more)


def test_one_trial_of_two_families_and_two_horizons_is_counted_by_hand():
    # daily.yaml: at most 4 folds of 40 sessions, 60 to train on; 400 sessions have room for all of them.
    found = outline(_asked(families=["lightgbm", "ridge"]), load_spec(), 400)
    assert found.folds == {1: 4, 5: 4}
    assert (found.choice, found.report, found.fits) == (0, 2 * 2 * (4 + 1), 20)


def test_a_search_fits_every_trial_on_all_folds_but_the_last_quarter():
    found = outline(_asked(trials=8, horizons=[1]), load_spec(), 400)
    assert (found.choice, found.report) == (3 * 8, 1 + 1)


def test_sessions_that_hold_fewer_folds_are_told():
    assert outline(_asked(horizons=[1]), load_spec(), 106).folds == {1: 1}
    assert outline(_asked(horizons=[1]), load_spec(), 105).folds == {1: 0}


@pytest.mark.parametrize("sessions", [150, 200, 400])
@pytest.mark.parametrize("trials", [1, 2, 7])
@pytest.mark.parametrize("horizons", [[1], [1, 5], [3, 20]])
def test_the_count_is_that_of_the_search(sessions, trials, horizons):
    base, request = load_spec(), _asked(horizons=horizons, trials=trials, families=["lightgbm", "ridge"])
    found = outline(request, base, sessions)
    if trials > 1 and min(found.folds.values()) < 2:
        return  # refused before
    parts = split(request.spec(base), sessions, trials)
    assert found.report == len(parts.report)
    assert found.choice == (len(parts.choice) * trials if trials > 1 else 0)
