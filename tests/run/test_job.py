"""The arguments of a step are typed, and an id never becomes a path or a branch unparsed."""

import json
import re
from datetime import UTC, date, datetime

import pytest

from afterbell.errors import ConfigError, ObjectMissingError, StoreUnavailableError
from afterbell.run import job
from afterbell.run.contracts.base import Result
from afterbell.run.contracts.models import LeftOut
from afterbell.run.contracts.releases import ProbeInputs
from afterbell.run.job import (
    EXIT_PERMANENT,
    attempt_key,
    failure_key,
    parse_args,
    result_key,
    run_slug,
    run_step,
)
from afterbell.run.steps import TRAIN, Step

GOOD = ["--session", "2016-06-30", "--run-id", "manual__2016", "--deadline", "2016-06-30T22:00:00+00:00"]


TRAIN_INPUTS = {"bars_snapshot": 7, "actions_snapshot": 8, "features_snapshots": {"core": 9},
                "definition_hashes": {"core": "h"}}  # fmt: skip


class ProbedX(Result):
    """The result of a step of these tests."""

    x: int
    since: date | None = None


PROBE = Step("probe", ProbeInputs, ProbedX, {})


def test_arguments_become_typed_values():
    found = parse_args(TRAIN, [*GOOD, "--inputs", json.dumps(TRAIN_INPUTS | {"leave_out": [{"folds": 2}]})])
    assert found.session == date(2016, 6, 30)
    assert found.deadline == datetime(2016, 6, 30, 22, tzinfo=UTC)
    assert found.inputs.bars_snapshot == 7
    assert found.inputs.leave_out == (LeftOut(folds=2),)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"bars_snapshot": "7"}, "'bars_snapshot': Input should be a valid integer, found '7'"),
        ({"bars_snapshot": None}, "'bars_snapshot': Input should be a valid integer, found None"),
        ({"bars_snapshots": 7}, "'bars_snapshots': Extra inputs are not permitted, found 7"),
        ({"leave_out": [{"folds": 0}]}, "'leave_out.0.folds': Input should be greater than or equal to 1, found 0"),
        ({"leave_out": [{}]}, "'leave_out.0': Value error, a measure names either families"),
        ({"features_snapshots": {"core": "x"}}, "'features_snapshots.core': Input should be a valid integer"),
    ],
)
def test_inputs_that_do_not_fit_the_contract_are_named_with_what_was_expected(change, named):
    with pytest.raises(ConfigError) as error:
        parse_args(TRAIN, [*GOOD, "--inputs", json.dumps(TRAIN_INPUTS | change)])
    assert str(error.value).startswith(f"the inputs of step 'train' do not fit their model: {named}")


def test_a_missing_input_is_named():
    with pytest.raises(ConfigError, match=r"inputs of step 'train' do not fit.*'bars_snapshot': Field required"):
        parse_args(TRAIN, GOOD)


@pytest.mark.parametrize(
    "argv",
    [
        GOOD[2:],
        ["--session", "30.06.2016", *GOOD[2:]],
        ["--session", "2016-06-31", *GOOD[2:]],
        [*GOOD[:5], "2016-06-30T22:00:00"],
        [*GOOD, "--inputs", "[1]"],
        [*GOOD, "--inputs", "{"],
    ],
    ids=["no session", "other date format", "no such day", "no zone", "not a mapping", "not JSON"],
)
def test_bad_arguments_are_refused(argv):
    with pytest.raises(ConfigError, match="arguments of step 'train'"):
        parse_args(TRAIN, argv)


@pytest.mark.parametrize(
    "run_id", ["", "../x", "a/b", "a;rm -rf", "$(id)", "a\nb", "-leading", "{{ ds }}", "é", "x" * 201]
)
def test_a_hostile_run_id_is_refused(run_id):
    with pytest.raises(ConfigError, match="is not allowed"):
        run_slug(run_id)


def test_a_run_id_of_airflow_becomes_one_path_segment():
    assert run_slug("manual__2026-11-21T05:30:00+00:00_aB3") == "manual_2026_11_21T05_30_00_00_00_aB3"
    assert result_key(date(2016, 6, 30), "manual__x", "train") == "runs/2016-06-30/manual_x/train.json"


def _never(_):
    raise AssertionError("the step was begun")


def test_a_permanent_failure_has_an_exit_status_of_its_own_and_no_traceback(capsys):
    assert run_step(TRAIN, _never, ["--session", "nonsense"]) == EXIT_PERMANENT
    shown = capsys.readouterr().err
    assert shown.startswith("train: ConfigError: arguments of step 'train'")
    assert "Traceback" not in shown


class _Store:
    """The artifact store of one run."""

    def __init__(self):
        self.found = {}

    def put(self, key, body):
        self.found[key] = json.loads(body)

    def get(self, key):
        if key not in self.found:
            raise ObjectMissingError(key)
        return json.dumps(self.found[key]).encode()


@pytest.fixture
def store(monkeypatch):
    found = _Store()
    monkeypatch.setattr(job, "_store", lambda **_: found)
    return found


ATTEMPT = "0123456789abcdef"
PLACE = (date(2016, 6, 30), "manual__2016", "probe")


def _run(body):
    return run_step(PROBE, body, [*GOOD, "--attempt", ATTEMPT])


def _raise(error):
    raise error


def test_a_result_names_the_attempt_that_it_belongs_to(store):
    assert _run(lambda _: ProbedX(x=1)) == 0
    found = store.found[result_key(*PLACE)]
    assert (found["attempt"], found["x"]) == (ATTEMPT, 1)


def test_a_result_is_written_as_it_always_was(store):
    assert _run(lambda _: ProbedX(x=1, since=date(2016, 6, 29))) == 0
    written = store.found[result_key(*PLACE)]
    started, finished = written.pop("started_at"), written.pop("finished_at")
    assert datetime.fromisoformat(started).isoformat() == started <= finished
    assert started.endswith("+00:00")
    assert written.pop("seconds") >= 0
    assert written == {"x": 1, "since": "2016-06-29", "step": "probe", "ready_at": None, "attempt": ATTEMPT}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (lambda _: {"x": 1}, "step 'probe' returned dict; expected ProbedX"),
        (lambda _: Result(), "step 'probe' returned Result; expected ProbedX"),
        (lambda _: ProbedX(x="one"), "'x': Input should be a valid integer.*, found 'one'"),
        (lambda _: ProbedX.model_construct(x="one"), "'x': Input should be a valid integer.*, found 'one'"),
        (lambda _: ProbedX.model_construct(x="1"), "is not equal after writing and reading it"),
        (lambda _: ProbedX.model_construct(), "'x': Field required"),
        (lambda _: ProbedX(x=1, y=2), r"unknown fields \['y'\]: they are not in ProbedX"),
    ],
)
def test_a_result_that_does_not_fit_its_model_is_not_written(store, body, reason):
    assert _run(body) == EXIT_PERMANENT
    assert result_key(*PLACE) not in store.found
    failure = store.found[failure_key(*PLACE)]
    assert failure["kind"] == "PermanentError"
    assert re.search(reason, failure["message"])
    assert "'probe'" in failure["message"]


@pytest.mark.parametrize(
    ("error", "status", "permanent"), [(ConfigError("wrong"), 64, True), (StoreUnavailableError("away"), 1, False)]
)
def test_a_failure_leaves_its_reason_and_names_the_attempt(store, error, status, permanent):
    assert _run(lambda _: _raise(error)) == status
    found = store.found[failure_key(*PLACE)]
    assert (found["kind"], found["message"]) == (type(error).__name__, str(error))
    assert (found["permanent"], found["attempt"]) == (permanent, ATTEMPT)


def test_a_failure_that_nobody_foresaw_leaves_its_reason_and_keeps_its_traceback(store):
    with pytest.raises(ZeroDivisionError):
        _run(lambda _: 1 / 0)
    assert store.found[failure_key(*PLACE)]["kind"] == "ZeroDivisionError"


def test_a_reason_that_cannot_be_stored_does_not_hide_the_failure(store, monkeypatch, capsys):
    monkeypatch.setattr(store, "put", lambda *_: _raise(StoreUnavailableError("s3 is away")))
    assert _run(lambda _: _raise(ConfigError("wrong"))) == EXIT_PERMANENT
    shown = capsys.readouterr().err.splitlines()
    assert shown == ["probe: ConfigError: wrong", "probe: the reason could not be stored: s3 is away"]


@pytest.mark.parametrize("newest", [{"attempt": "f" * 16}, {"attempt": ATTEMPT, "killed": True}])
def test_an_attempt_that_was_overtaken_or_killed_does_not_begin(store, newest, capsys):
    store.found[attempt_key(*PLACE)] = newest
    began = []
    assert _run(began.append) == EXIT_PERMANENT
    assert began == []
    assert capsys.readouterr().err.startswith(f"probe: OvertakenError: attempt {ATTEMPT} of step 'probe' was ")
    assert list(store.found) == [attempt_key(*PLACE)]


def test_the_newest_attempt_begins(store):
    store.found[attempt_key(*PLACE)] = {"attempt": ATTEMPT}
    assert _run(lambda _: ProbedX(x=1)) == 0


@pytest.mark.parametrize("attempt", ["../x", "ABC", "g", "a b", "0" * 65])
def test_an_attempt_that_is_none_is_refused(attempt):
    with pytest.raises(ConfigError, match="--attempt"):
        parse_args(TRAIN, [*GOOD, "--attempt", attempt])
