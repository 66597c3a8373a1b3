"""Settings lie within their ranges and keep their type; what can't be searched is refused before anything runs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from afterbell.errors import ConfigError
from afterbell.training.search.samplers import RandomSampler, TreeSampler
from afterbell.training.search.trials import make_trial, require_spaces, space_of
from afterbell.training.spec import ModelSpec, load_spec
from tests.training.conftest import SPEC

WITHIN = {
    "ridge": {"penalty": {"low": 0.001, "high": 10.0, "log": True}},
    "lightgbm": {"rounds": {"low": 5, "high": 9}},
}
OWN = {"ridge": {"penalty": 0.1}, "lightgbm": {"rounds": 40}}


def make_spec(**search: object) -> ModelSpec:
    return ModelSpec.model_validate(SPEC | {"search": {"trials": 9} | WITHIN | search})


def samplers(family):
    space = space_of(make_spec(), family)
    return [RandomSampler(b"7", space), TreeSampler(7, space, OWN[family], 4)]


@pytest.mark.parametrize("kind", [0, 1], ids=["random", "tpe"])
def test_suggestions_lie_within_their_range_and_keep_their_type(kind):
    rounds = [one["rounds"] for one in samplers("lightgbm")[kind].ask(range(1, 60))]
    assert set(rounds) == {5, 6, 7, 8, 9}
    assert all(isinstance(one, int) for one in rounds)
    penalties = [one["penalty"] for one in samplers("ridge")[kind].ask(range(1, 60))]
    assert all(0.001 <= penalty <= 10.0 for penalty in penalties)
    assert np.mean([math.log10(penalty) for penalty in penalties]) == pytest.approx(-1.0, abs=0.6)  # from -3 to 1


@pytest.mark.parametrize("kind", [0, 1], ids=["random", "tpe"])
def test_the_same_questions_have_the_same_answers(kind):
    one, other = samplers("ridge")[kind], samplers("ridge")[kind]
    assert one.ask([1, 2, 3]) == other.ask([1, 2, 3])
    assert one.ask([4, 5]) == other.ask([4, 5])


def test_the_setting_of_one_family_leaves_the_others_alone():
    spec = make_spec()
    trial = make_trial(spec, "ridge", 3, {"penalty": 2.0})
    assert trial.params["penalty"] == 2.0
    assert trial.params["clip"] == 5.0
    assert trial.spec.families.lightgbm == spec.families.lightgbm
    assert trial.spec.search == spec.search


def test_the_daily_specification_says_what_may_be_searched():
    spec = load_spec()
    assert spec.search.trials == 1
    require_spaces(spec.model_copy(update={"search": spec.search.model_copy(update={"trials": 5000})}))


@pytest.mark.parametrize(
    ("search", "says"),
    [
        ({"lightgbm": {}}, r"the model specification has no search\.lightgbm"),
        ({"ridge": {"penalty": {"low": -2.0, "high": -1.0}}}, r"search\.ridge of the model specification allows"),
        ({"lightgbm": {"rounds": {"low": 5.2, "high": 6.8}}}, r"rounds .* expected at least two whole numbers within"),
    ],
)
def test_what_cannot_be_searched_is_refused(search, says):
    with pytest.raises(ConfigError, match=says):
        require_spaces(make_spec(**search))
    require_spaces(make_spec(**search, trials=1))


@pytest.mark.parametrize(
    "wrong",
    [
        {"ridge": {"alpha": {"low": 0, "high": 1}}}, {"ridge": {"penalty": {"low": 1, "high": 1}}},
        {"ridge": {"penalty": {"low": 0, "high": 1, "log": True}}}, {"forest": {}}, {"keep": 0.2}, {"trials": 5001},
        {"sampler": "grid"},
    ],
)  # fmt: skip
def test_a_search_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match=r"has no parameter 'alpha'|must lie below|forest|keep|trials|sampler"):
        make_spec(**wrong)


def test_a_search_is_no_part_of_what_is_written_down_as_the_specification():
    assert make_spec().model_dump(mode="json") == ModelSpec.model_validate(SPEC).model_dump(mode="json")
