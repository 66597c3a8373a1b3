"""Folds and fits of a request, counted by hand and as the search itself splits them."""

from __future__ import annotations

import pytest

from afterbell.experiments.outline import outline
from afterbell.experiments.request import parse_request
from afterbell.training.search.parts import split
from afterbell.training.search.study import Study
from afterbell.training.spec import load_spec
from tests.experiments.test_request import FIELDS


def _asked(**more):
    return parse_request(FIELDS | more)


def test_one_trial_of_two_families_and_two_horizons_is_counted_by_hand():
    # daily.yaml: at most 4 folds of 40 sessions, 60 to train on; 400 sessions have room for all of them.
    found = outline(_asked(families=["lightgbm", "ridge"]), load_spec(), 400)
    assert found.folds == {1: 4, 5: 4}
    assert (found.choice, found.report, found.fits) == (0, 2 * 2 * (4 + 1), 20)


def test_a_search_does_the_folds_but_the_last_quarter_with_ever_fewer_trials():
    found = outline(_asked(trials=8, horizons=[1]), load_spec(), 400)
    # Three folds of the specification's own setting, and of 7, 4 and 2 others.
    assert (found.choice, found.report) == (3 + 7 + 4 + 2, 1 + 1)


def test_a_choice_by_combinations_is_counted():
    base = load_spec()
    scheme = base.split.model_validate(base.split.model_dump() | {"choice": "combinatorial_purged", "groups": 4})
    base = base.model_copy(update={"split": scheme})
    found = outline(_asked(trials=2, horizons=[1]), base, 400)
    assert (found.choice, found.report) == (6 + 6, 1 + 1)  # two of four groups


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
    spec = request.spec(base)
    parts = split(spec, sessions)
    assert found.report == len(parts.report)
    assert found.choice == sum(Study(key, spec, fits).fits_to_come() for key, fits in parts.choice.items())
