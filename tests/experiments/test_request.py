"""What a request comes to: its id, its specification, and the sessions it needs."""

from __future__ import annotations

import pytest

from afterbell.errors import ConfigError
from afterbell.experiments.request import FACTOR_SETS, ExperimentRequest, parse_request, require_folds, root_of
from afterbell.features.sets import SETS
from afterbell.training.families.xgboost import XGBoostParams
from afterbell.training.spec import load_spec
from afterbell.training.splits import walk_forward

FIELDS = {
    "name": "try", "first": "2024-01-02", "last": "2026-06-30", "horizons": [1, 5], "families": ["ridge"],
    "factor_sets": ["core"], "trials": 1, "cost_bps": 5.0, "seed": 7, "min_price": 2.0, "min_dollar_volume": 0.0,
}  # fmt: skip


def test_the_sets_on_offer_are_those_there_are():
    assert set(FACTOR_SETS) == set(SETS)


def test_a_request_survives_json_with_its_id():
    request = parse_request(FIELDS)
    assert parse_request(request.model_dump(mode="json")) == request
    assert parse_request(request.model_dump(mode="json")).id == request.id


def test_everything_asked_for_reaches_the_specification_and_nothing_else_changes():
    base = load_spec()
    asked = {"horizons": [2], "factor_sets": ["alpha158"], "seed": 11, "min_price": 9.0, "min_dollar_volume": 1e6}
    spec = parse_request(FIELDS | asked).spec(base)
    assert (spec.horizons, spec.feature_sets, spec.seed) == ((2,), ("alpha158",), 11)
    assert (spec.universe.min_price, spec.universe.min_median_dollar_volume) == (9.0, 1e6)
    assert list(spec.families.named()) == ["ridge"]
    assert spec.families.ridge == base.families.ridge
    assert (spec.split, spec.target, spec.max_train_rows) == (base.split, base.target, base.max_train_rows)


def test_counted_rounds_are_left_out_where_no_family_makes_rounds():
    base = load_spec()
    counted = base.model_validate(base.model_dump() | {"early_stopping": {"sessions": 20, "patience": 10}})
    assert parse_request(FIELDS | {"families": ["ridge"]}).spec(counted).early_stopping is None
    assert parse_request(FIELDS | {"families": ["ridge", "lightgbm"]}).spec(counted).early_stopping is not None


def test_a_search_space_is_no_part_of_what_is_written_down_as_the_specification():
    spec = load_spec()
    assert spec.search.ridge
    assert "search" not in spec.model_dump(mode="json")


def test_a_family_without_a_setting_is_refused():
    base = load_spec()
    lone = base.model_copy(update={"families": base.families.model_copy(update={"lightgbm": None})})
    with pytest.raises(ConfigError, match="family 'lightgbm' has no setting in the model specification"):
        parse_request(FIELDS | {"families": ["lightgbm"]}).spec(lone)


@pytest.mark.parametrize("horizon", [1, 5, 20])
@pytest.mark.parametrize("trials", [1, 2])
def test_the_sessions_that_are_asked_for_are_just_enough(horizon, trials):
    base, request = load_spec(), parse_request(FIELDS | {"horizons": [horizon], "trials": trials})
    enough = next(
        sessions
        for sessions in range(1, 1000)
        if len(walk_forward(sessions, horizon, **base.split.model_dump())[0]) >= trials
    )
    require_folds(request, base, enough)
    with pytest.raises(ConfigError, match=f"needs at least {enough}:"):
        require_folds(request, base, enough - 1)


@pytest.mark.parametrize(
    "experiment", ["", "../x", "0123456789ABCDEF", "0123456789abcdef\n", "0123456789abcde/", "%2e"]
)
def test_a_folder_is_made_of_an_id_alone(experiment):
    with pytest.raises(ConfigError, match="is not an id"):
        root_of(experiment)


def test_the_message_names_every_field_that_is_wrong():
    with pytest.raises(ConfigError) as caught:
        parse_request(FIELDS | {"trials": "many", "seed": -1})
    assert "trials: " in str(caught.value)
    assert "seed: " in str(caught.value)
    assert isinstance(parse_request(FIELDS), ExperimentRequest)


def test_a_family_with_defaults_needs_no_block_of_the_specification():
    spec = parse_request(FIELDS | {"families": ["xgboost", "ridge"]}).spec(load_spec())
    assert list(spec.families.named()) == ["ridge", "xgboost"]
    assert spec.families.named()["xgboost"] == XGBoostParams()
    assert spec.families.named()["ridge"] == load_spec().families.named()["ridge"]
