"""The specification that ships, and what is refused."""

import pytest
from pydantic import ValidationError

from afterbell.errors import ConfigError
from afterbell.training.spec import load_spec
from tests.training.conftest import make_spec


def test_the_daily_specification_has_two_horizons_and_two_families():
    spec = load_spec("daily")
    assert spec.horizons == (1, 5)
    assert list(spec.families.named()) == ["lightgbm", "ridge"]


def test_an_unknown_specification_is_refused():
    with pytest.raises(ConfigError, match="daily"):
        load_spec("../daily")


def test_a_blend_that_is_learned_is_part_of_the_specification_and_an_equal_one_is_left_out():
    assert "blend" not in make_spec().model_dump(mode="json")
    assert make_spec(blend="equal") == make_spec()
    assert make_spec(blend="learned").model_dump(mode="json")["blend"] == "learned"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"horizons": [5, 1]}, "horizons must ascend"),
        ({"horizons": [0]}, "horizons must ascend"),
        ({"families": {}}, "at least one family"),
        ({"target": "sign"}, "'rank' or 'zscore'"),
        ({"blend": "best"}, "'equal' or 'learned'"),
        ({"feature_sets": []}, "at least 1 item"),
        ({"feature_sets": ["core", "core"]}, "each set once"),
        ({"feature_sets": ["../core"]}, "should match pattern"),
        ({"trials": 5}, "Extra inputs are not permitted"),
    ],
)
def test_a_wrong_key_is_named(changes, message):
    with pytest.raises(ValidationError, match=message):
        make_spec(**changes)
