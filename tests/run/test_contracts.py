"""The table of the steps is whole, and results that earlier versions stored read back as they were written."""

import json
from pathlib import Path

import pytest

from afterbell.errors import ConfigError
from afterbell.run.contracts.base import Figure, Record
from afterbell.run.contracts.data import IngestResult
from afterbell.run.contracts.models import TrainInputs
from afterbell.run.steps import DAILY, OTHERS, PROBE, TASKS, step_named

DOCUMENTS = Path(__file__).parent / "documents"
"""Results of a demonstration, as each step wrote them before its models existed; those of ``backfill_features`` and
``experiment_promote``, which it had nothing to do for, are put together from those of the steps that write the same."""
EVERY = [*DAILY, *OTHERS]
names = {"ids": lambda step: step.name}


@pytest.mark.parametrize("step", EVERY, **names)
def test_every_input_that_must_be_there_is_made_by_a_task_that_has_it(step):
    required = {name for name, field in step.inputs.model_fields.items() if field.is_required()}
    assert required <= set(step.made_by)
    assert set(step.made_by) <= set(step.inputs.model_fields)
    for name, task in step.made_by.items():
        model = TASKS[task] if task in TASKS else step_named(task).result
        assert name in model.model_fields, f"{task} makes no {name}"


@pytest.mark.parametrize("step", DAILY, **names)
def test_a_step_of_the_day_is_handed_nothing_by_one_that_comes_later(step):
    order = [each.name for each in DAILY]
    later = order[order.index(step.name) :]
    assert not {name: task for name, task in step.made_by.items() if task in later}


def test_the_names_of_steps_are_their_own():
    assert len({step.name for step in EVERY}) == len(EVERY)
    assert step_named("probe") is PROBE
    with pytest.raises(ConfigError, match="step 'brew' is not one of ingest, validate, "):
        step_named("brew")


@pytest.mark.parametrize("step", EVERY, **names)
def test_a_stored_result_reads_back_as_it_was_written(step):
    text = (DOCUMENTS / f"{step.name}.json").read_text(encoding="utf-8").rstrip("\n")
    read = step.result.read(text)
    assert read.model_extra == {}, "the model knows every key that was written"
    assert json.dumps(read.to_json(), sort_keys=True, allow_nan=False) == text
    fields = step.result.model_fields.items()
    required = {field.serialization_alias or name for name, field in fields if field.is_required()}
    assert required - json.loads(text).keys() == set(), "and every key that the model requires was written"


@pytest.mark.parametrize("step", EVERY, **names)
def test_unknown_inputs_are_refused(step):
    with pytest.raises(ConfigError, match=f"'{step.name}' do not fit their model:.*'snapshots_of_mars': Extra inputs"):
        step.inputs.parse(step.name, json.dumps({"snapshots_of_mars": 1}))


def test_a_document_of_another_version_keeps_what_this_one_does_not_know():
    stored = {"rows": 3, "moons": [1, {"of": "mars"}], "refused_drops": [{"key": "a", "size": 7}]}
    read = IngestResult.read(stored)
    assert (read.rows, read.drops, read.last_usable, read.refused_drops[0].reason) == (3, {}, None, "")
    assert read.to_json() == stored


def test_early_versions_stored_the_reason_of_a_refused_drop_alone():
    (drop,) = IngestResult.read({"refused_drops": ["cut off"]}).refused_drops
    assert (drop.key, drop.reason) == ("", "cut off")


@pytest.mark.parametrize("stored", ["{", "[1]", {"rows": "many"}, {"drops": 7}])
def test_a_document_that_is_none_is_refused_by_name(stored):
    with pytest.raises(ConfigError, match="the values of a stored IngestResult do not fit"):
        IngestResult.read(stored)


class Numbers(Record):
    """For the test below."""

    values: tuple[Figure, ...]


def test_a_number_keeps_its_kind():
    assert json.dumps(Numbers.read({"values": [0, 0.0, 1, 2.5]}).to_json()) == '{"values": [0, 0.0, 1, 2.5]}'


def test_what_a_training_is_not_given_is_not_handed_over():
    inputs = TrainInputs(bars_snapshot=1, actions_snapshot=2, features_snapshots={"b": 1, "a": 2}, definition_hashes={})
    assert json.dumps(inputs.to_json()) == (
        '{"actions_snapshot": 2, "bars_snapshot": 1, "definition_hashes": {}, "features_snapshots": {"a": 2, "b": 1}}'
    )
