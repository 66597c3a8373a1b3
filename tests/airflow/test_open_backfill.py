"""The form of backfill_history: what Airflow's schema refuses, what the opener refuses, and what is submitted."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, ParamValidationError

from afterbell.airflow import open_backfill
from afterbell.airflow.open_backfill import BackfillStepOperator, check_form
from afterbell.cluster.connections import connection_environment
from afterbell.cluster.profile import ClusterProfile
from afterbell.errors import ConfigError
from tests.airflow_home import ROOT
from tests.cluster.test_connections import ENV

pytestmark = pytest.mark.filterwarnings("ignore:Series.values returning an ndarray")  # exchange_calendars, on pandas 3

NOW = datetime(2026, 7, 1, tzinfo=UTC)
GOOD = {"first": "2015-03-23", "last": "2015-12-31", "reason": "the vendor delivered 2015 again"}
FULL = GOOD | {"steps": ["ingest"], "factor_sets": ["core"], "chunk_sessions": 9, "plan_only": True, "profile": "local"}
TEXTS = [
    "../../etc/passwd",
    "%2e%2e%2f",
    "a\\b",
    "x; rm -rf /",
    "$(touch /tmp/x)",
    "`id`",
    "a\nb",
    "{{ ds }}",
    "--conf",
]
OTHERS = [None, 7, -1, 1.5, ["../x"], {"a": 1}]
LISTS = [*TEXTS, "", 7, -1, 1.5, ["../x"], ["core", "ingest"], {"a": 1}]
LONG = [
    "",
    "short",
    "two\nlines of text",
    "a line, its end\n",
    "a\u0000null in it",
    "x" * 301,
    None,
    12345678901,
    ["a"],
]
FIELDS = {
    "first": [*TEXTS, "", *OTHERS],
    "last": [*TEXTS, "", *OTHERS],
    "reason": LONG,
    "steps": [*LISTS, []],
    "factor_sets": LISTS,
    "chunk_sessions": [*TEXTS, "", "7", 0, 1001, True, *(each for each in OTHERS if each != 7)],
    "plan_only": [*TEXTS, "", "true", 1, *OTHERS],
    "profile": [*TEXTS, "local\n", "x" * 65, 7, ["local"]],
}
CASES = [(field, value) for field, values in FIELDS.items() for value in values]


@pytest.fixture(scope="module")
def dag():
    return DagBag(str(ROOT / "dags")).dags["backfill_history"]


def sent(dag, conf):
    """What Airflow does with the fields of a request before it makes a run; a refusal is answered with 400."""
    params = copy.deepcopy(dag.params)
    params.update(conf)
    return params.validate()


def test_a_good_form_is_taken_by_both(dag):
    assert sent(dag, FULL) == FULL
    found = check_form(FULL, NOW)
    assert found.request.steps == ("ingest",)
    assert (found.plan_only, found.profile) == (True, "local")


@pytest.mark.parametrize("field", ["first", "last", "reason"])
def test_what_must_be_given_has_no_value_of_its_own_and_is_asked_for_by_both(dag, field):
    without = {key: value for key, value in GOOD.items() if key != field}
    with pytest.raises(ParamValidationError, match=f"Invalid input for param {field}"):
        sent(dag, without)
    with pytest.raises(ConfigError, match=rf"{field} is None: give"):
        check_form(without, NOW)


def test_what_may_stay_empty_is_left_empty_by_the_page_as_null(dag):
    form = sent(dag, GOOD | {"profile": None, "factor_sets": None})
    found = check_form(form, NOW)
    assert (found.profile, found.request.factor_sets) == ("", ())


@pytest.mark.parametrize(("field", "value"), CASES)
def test_hostile_values_are_refused_by_the_schema(dag, field, value):
    with pytest.raises(ParamValidationError):
        sent(dag, GOOD | {field: value})


@pytest.mark.parametrize(("field", "value"), [each for each in CASES if each != ("factor_sets", "")])
def test_and_again_by_the_opener_in_words(field, value):
    with pytest.raises(ConfigError, match=rf"{field}|clusters"):
        check_form(GOOD | {field: value}, NOW)


def test_a_profile_that_is_not_there_is_refused_by_name():
    with pytest.raises(ConfigError, match="clusters 'moon' is not known"):
        check_form(GOOD | {"profile": "moon"}, NOW)


def test_a_wrong_field_ends_the_run_before_anything_starts(monkeypatch):
    context = {"params": GOOD | {"last": "2015-01-01"}, "run_id": "manual__x"}
    monkeypatch.setattr(open_backfill, "get_current_context", lambda: context)
    with pytest.raises(AirflowFailException, match="ConfigError: first is 2015-03-23 and last is 2015-01-01"):
        open_backfill.open_backfill.function()


def _step(planned):
    run = {"session": "2016-06-30", "run_id": "manual__x", "deadline": "2016-06-30T22:00:00+00:00", "profile": ""}
    return BackfillStepOperator(task_id="ingest", step="backfill_ingest", run=run, results=[planned])


def test_a_step_without_anything_to_do_is_skipped_and_nothing_is_submitted():
    planned = {"todo": {"ingest": 0, "features": 3}, "plan_only": False}
    with pytest.raises(AirflowSkipException, match="backfill_ingest: the plan has nothing for it"):
        _step(planned).execute({})
    with pytest.raises(AirflowSkipException, match="only the plan was requested"):
        _step(planned | {"plan_only": True}).execute({})


def test_a_step_is_submitted_behind_everything_else(monkeypatch):
    for name, body in connection_environment(ENV, "local", ClusterProfile(master="local[2]")).items():
        monkeypatch.setenv(name, body)
    step = _step({"todo": {"ingest": 2}, "plan_only": False, "backfill_id": "20150323-20151231-1a2b3c4d"})
    step._prepare(step._choose_target())
    hook = step._get_hook()
    command = hook._build_spark_submit_command(step.application)
    assert json.loads(command[-1]) == {"backfill_id": "20150323-20151231-1a2b3c4d"}
    assert step.application.endswith("spark_jobs/backfill_ingest.py")
    assert hook._env["AFTERBELL_NICE"] == "15"


def test_the_backfill_waits_in_its_own_pool_behind_the_daily_run_and_publishes_nothing(dag):
    assert {task.pool for task in dag.tasks} == {"afterbell_backfill"}
    assert {task.priority_weight for task in dag.tasks} == {1}
    assert [task.task_id for task in dag.topological_sort()] == ["open_backfill", "plan", "ingest", "features"]
