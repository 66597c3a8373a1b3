"""What a training run takes of the ids that it is handed."""

import json

import pytest

from afterbell.errors import ConfigError, StaleInputError
from afterbell.run.contracts.models import TrainInputs
from afterbell.training.inputs import TrainingSnapshots

INPUTS = {
    "bars_snapshot": 1,
    "actions_snapshot": 2,
    "features_snapshots": {"core": 3, "other": 4},
    "definition_hashes": {"core": "h", "other": "k"},
}


def inputs(**changes):
    return TrainInputs.parse("train", json.dumps(INPUTS | changes))


def test_only_the_sets_of_the_specification_count_in_its_order():
    assert TrainingSnapshots.of(inputs(), ["core"]) == TrainingSnapshots(1, 2, {"core": 3}, {"core": "h"})
    found = TrainingSnapshots.of(inputs(), ["other", "core"])
    assert list(found.features) == list(found.definitions) == ["other", "core"]


def test_ids_are_handed_on_by_the_names_they_came_under():
    found = TrainingSnapshots.of(inputs(), ["core", "other"])
    assert found.ids() == {"bars_snapshot": 1, "actions_snapshot": 2, "features_snapshots": {"core": 3, "other": 4}}
    assert found.by_table() == {
        "market.bars": 1, "market.corporate_actions": 2, "features.core": 3, "features.other": 4,
    }  # fmt: skip


@pytest.mark.parametrize("mapping", ["features_snapshots", "definition_hashes"])
def test_a_set_that_the_step_features_did_not_make_is_named(mapping):
    with pytest.raises(StaleInputError, match="alpha158 are requested"):
        TrainingSnapshots.of(inputs(), ["core", "alpha158"])
    with pytest.raises(StaleInputError, match="other are requested"):
        TrainingSnapshots.of(inputs(**{mapping: {"core": INPUTS[mapping]["core"]}}), ["core", "other"])


@pytest.mark.parametrize("name", list(INPUTS))
def test_an_input_that_is_missing_is_named(name):
    with pytest.raises(ConfigError, match=f"'train'.*'{name}'"):
        inputs(**{name: None})
