"""The policy that ships, by simulation: zero skill, a year of slightly worse candidates, a year of equal ones."""

from __future__ import annotations

import numpy as np
import pytest

from afterbell.evaluation.settings import load_gate
from bench.gate import first_night, year

SETTINGS = load_gate()


def test_zero_skill_is_rarely_offered_and_not_published() -> None:
    rng = np.random.default_rng(23)
    decisions = [first_night(0.0, rng, SETTINGS) for _ in range(1_000)]
    assert sum(decision.verdict == "publish" for decision in decisions) <= 2
    assert np.mean([decision.offer for decision in decisions]) <= 0.08


def test_skill_is_published_without_a_person() -> None:
    rng = np.random.default_rng(23)
    decisions = [first_night(0.05, rng, SETTINGS) for _ in range(50)]
    assert np.mean([decision.verdict == "publish" for decision in decisions]) > 0.9


@pytest.mark.parametrize("same_recipe", [True, False], ids=["a refresh", "another recipe"])
def test_a_year_of_slightly_worse_candidates_loses_half_at_most(same_recipe: bool) -> None:
    years = [year(0.03, -0.002, np.random.default_rng(path), SETTINGS, same_recipe=same_recipe) for path in range(2)]
    assert all(each.undecided == 0 for each in years)
    assert np.mean([each.skill for each in years]) > 0.015


def test_a_refresh_that_is_as_good_is_not_kept_out() -> None:
    year_of_equals = year(0.03, 0.0, np.random.default_rng(1), SETTINGS, nights=60, own=0.01)
    assert year_of_equals.replaced > 40


def test_noise_in_place_of_the_champion_is_kept_out() -> None:
    assert year(0.03, -0.03, np.random.default_rng(1), SETTINGS, nights=60).replaced == 0
