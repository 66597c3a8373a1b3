"""What is left out for a deadline: by policy, the same every time, and never the last family."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from afterbell.errors import ConfigError
from afterbell.run.contracts.models import LeftOut, TrainInputs
from afterbell.training.deadline_policy import LeaveOut, ends_at, until
from afterbell.training.fits import FINAL, plan
from tests.patience import LONG
from tests.training.conftest import make_spec

DEADLINE = datetime(2016, 6, 30, 22, 0, tzinfo=UTC)


def inputs(**more):
    """The inputs of a training, as its driver reads them."""
    handed = {"bars_snapshot": 1, "actions_snapshot": 2, "features_snapshots": {}, "definition_hashes": {}}
    return TrainInputs.parse("train", json.dumps(handed | more))


def test_policies_add_up_and_what_stays_is_what_it_was():
    spec = make_spec()
    fits, _ = plan(spec, 130)
    leave = LeaveOut.of([LeftOut(folds=2), LeftOut(families=("ridge",))], spec)
    kept = leave.keep(fits, spec)
    assert kept == [fit for fit in fits if fit.family == "lightgbm" and fit.fold in {FINAL, 1, 2}]
    assert {fit.seed(spec) for fit in kept} == {fit.seed(make_spec()) for fit in kept}
    assert leave.names() == ["family ridge", "folds but the newest 2"]
    assert leave.reasons()[0] == "family ridge: left out by policy, for a deadline that is near"


@pytest.mark.parametrize(
    "told", [None, [], [{"folds": 3}], [{"families": ["forest"]}], [{"families": ["ridge", "lightgbm"]}]]
)
def test_what_changes_nothing_is_not_named(told):
    spec = make_spec()
    fits, _ = plan(spec, 130)
    leave = LeaveOut.of(inputs(leave_out=told).leave_out or (), spec)
    assert (leave.names(), leave.keep(fits, spec)) == ([], fits)


@pytest.mark.parametrize("told", ["ridge", [{"folds": 0}], [{"families": ["../x"]}], [{"horizons": [1]}], {"folds": 1}])
def test_anything_else_is_refused(told):
    with pytest.raises(ConfigError, match="inputs of step 'train' do not fit their model: 'leave_out"):
        inputs(leave_out=told)


def test_fits_end_so_that_the_later_steps_have_their_time():
    assert ends_at(DEADLINE, inputs(needed_after=900).needed_after) == datetime(2016, 6, 30, 21, 45, tzinfo=UTC)
    assert ends_at(DEADLINE, inputs().needed_after) is None


@pytest.mark.parametrize("needed", ["900", -1, 1e12, True, float("nan"), [900]])
def test_a_time_that_is_none_is_refused(needed):
    with pytest.raises(ConfigError, match="inputs of step 'train' do not fit their model: 'needed_after"):
        inputs(needed_after=needed)


def test_the_time_is_over_at_its_instant_and_not_without_one():
    with until(datetime.now(UTC) - timedelta(hours=1)) as over:
        assert over.wait(LONG)
    with until(datetime.now(UTC) + timedelta(hours=1)) as over:
        assert not over.is_set()
    with until(None) as over:
        assert not over.is_set()
