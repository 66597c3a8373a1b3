"""The form of `experiment`: every field against hostile values, and the fields together."""

from __future__ import annotations

import ast
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from afterbell.airflow import open_experiment
from afterbell.airflow.experiment_form import FORM
from afterbell.airflow.open_experiment import check_form
from afterbell.airflow.spark_step import step_arguments
from afterbell.calendar.sessions import Exchange
from afterbell.calendar.span import Span
from afterbell.errors import ConfigError
from afterbell.experiments.request import FACTOR_SETS, ExperimentRequest
from afterbell.run.contracts.opened import OpenedRun
from afterbell.run.steps import inputs_of, step_named
from tests.airflow.forms import HOSTILE, bag, form, refused
from tests.airflow_home import ROOT

pytestmark = pytest.mark.filterwarnings("ignore:Series.values returning an ndarray")  # exchange_calendars, on pandas 3
DAG = "experiment"
DAYS = {"first": "2024-01-02", "last": "2026-06-30"}
NAN, INF = float("nan"), float("inf")


def test_two_days_are_all_that_must_be_given():
    request, aside = check_form(form(DAG, DAYS))
    assert (request.first, request.last) == (date(2024, 1, 2), date(2026, 6, 30))
    assert (request.horizons, request.families, request.factor_sets) == ((1, 5), ("lightgbm", "ridge"), ("core",))
    assert (request.trials, request.cost_bps, request.min_price) == (1, 5.0, 2.0)
    assert asdict(aside) == {"note": "", "promote": False, "profile": ""}


def test_the_defaults_are_those_of_the_daily_run():
    from afterbell.training.spec import load_spec  # noqa: PLC0415

    base = load_spec()
    assert check_form(form(DAG, DAYS))[0].spec(base) == base


def test_the_days_must_be_given():
    refused(DAG, {}, "first")
    refused(DAG, {"first": "2024-01-02"}, "last")


WRONG = {
    "name": ["", "UP", "a b", "ä", "-x", "x" * 41, None, 3, []],
    "note": ["two\nlines", "nul\0", "x" * 401, 7, ["a"]],
    "first": ["", "2024-02-30", "20240102", "2024-W01-1", "2024-01-02T00:00:00", "2024-01-02\n", None, 20240102],
    "last": ["", "tomorrow", "2026-06-31", "2026-06-30 ", None, 0],
    "horizons": [[], [0], [-1], [61], [1, 1], [1.5], ["1"], [True], "1", 5, None, [1, 2, 3, 4, 5, 6], [[1]]],
    "families": [[], ["forest"], ["ridge", "ridge"], "ridge", None, [1], ["RIDGE"]],
    "factor_sets": [[], ["mine"], ["core", "core"], "core", None, [None], ["core\n"]],
    "trials": [0, -1, 5001, 1.5, "1", True, None, 10**9],
    "cost_bps": [-0.1, 201, "5", True, None, [5], INF, -INF],
    "seed": [-1, 2**31, 1.5, "7", True, None],
    "min_price": [-1, 10_001, "2", None, INF],
    "min_dollar_volume": [-1, 2e12, "x", None, INF],
    "promote": ["yes", 1, None, "true"],
    "profile": ["Moon", "moon", "", "a b", "x" * 61, 7],
}


def test_the_form_has_each_field_of_the_request_with_its_bounds_and_three_of_its_own():
    assert [name for name in FORM if name not in ExperimentRequest.model_fields] == ["note", "promote", "profile"]
    assert set(ExperimentRequest.model_fields) <= set(FORM)
    assert (FORM["trials"]["minimum"], FORM["trials"]["maximum"], FORM["trials"]["default"]) == (1, 5000, 1)
    assert FORM["horizons"]["items"] == {"type": "integer", "minimum": 1, "maximum": 60}
    assert (FORM["first"]["title"], FORM["first"]["pattern"]) == ("First day", r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$(?!\n)")
    assert (FORM["families"]["items"]["enum"], FORM["families"]["default"]) == (
        ["elastic_net", "lightgbm", "ridge", "xgboost"], ["lightgbm", "ridge"],
    )  # fmt: skip


def test_every_field_of_the_form_is_tried():
    assert set(WRONG) == set(FORM) == set(bag().dags[DAG].params)


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_wrong_value_is_refused_by_the_form(name, value):
    refused(DAG, DAYS | {name: value}, name)


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("name", [name for name in WRONG if name != "note"])
def test_a_hostile_value_is_refused_by_the_form(name, value):
    refused(DAG, DAYS | {name: value}, name)
    if isinstance(FORM[name].get("default"), list):
        refused(DAG, DAYS | {name: [value]}, name)


@pytest.mark.parametrize("name", ["horizons", "families", "factor_sets", "trials", "cost_bps", "seed", "first", "last"])
@pytest.mark.parametrize("value", [*HOSTILE, NAN, None, {}, True])
def test_whatever_gets_past_the_form_is_refused_by_the_task_that_opens_the_run(name, value):
    with pytest.raises(ConfigError, match="the experiment was not started"):
        check_form(form(DAG, DAYS) | {name: value})


@pytest.mark.parametrize("value", [NAN, INF])
@pytest.mark.parametrize("name", ["cost_bps", "min_price", "min_dollar_volume"])
def test_a_number_is_finite(name, value):
    with pytest.raises(ConfigError, match=name):
        check_form(form(DAG, DAYS) | {name: value})


def test_a_field_that_is_not_known_is_refused_when_the_run_opens():
    with pytest.raises(ConfigError, match="conf: an experiment has no such field"):
        check_form(form(DAG, DAYS) | {"conf": "x"})


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"first": "2026-06-30"}, r"first \(2026-06-30\) must lie before last \(2026-06-30\)"),
        ({"last": "2023-01-03"}, "must lie before last"),
        ({"last": "2026-07-03"}, r"2026-07-03 \(Friday\) is not a session"),
        ({"last": "2190-01-02"}, "lies outside the XNYS calendar"),
        ({"first": "2026-05-01"}, r"are 41 sessions; horizon 1 needs at least 106"),
        ({"first": "2026-01-02", "trials": 2}, r"needs at least 1.*or one trial"),
        ({"horizons": [5, 1]}, "horizons must ascend"),
    ],
)
def test_fields_must_fit_together(more, says):
    with pytest.raises(ConfigError, match=says):
        check_form(form(DAG, DAYS | more))


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"last": "2026-07-06"}, "last: there are no bars of 2026-07-06: the last session there is is 2026-06-30"),
        ({"first": "2024-01-02"}, "first: 2024-01-02 lies before the data: the first session there is is 2025-11-03"),
        ({"first": "2026-04-01"}, "first: 2026-04-01 to 2026-06-30 are 62 sessions; horizon 1 needs at least 106"),
        ({"last": "2190-01-02"}, "lies outside the XNYS calendar"),
    ],
)
def test_sessions_that_are_not_there_are_refused_by_the_first_task(monkeypatch, more, says):
    span = Span(first=date(2025, 11, 3), last=date(2026, 6, 30))
    monkeypatch.setattr(open_experiment, "known_span", lambda: span)
    asked = form(DAG, {"first": "2025-11-03", "last": "2026-06-30"} | more)
    with pytest.raises(ConfigError, match="the experiment was not started: ") as refusal:
        check_form(asked)
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert check_form(form(DAG, {"first": "2025-11-03", "last": "2026-06-30"}))[0].first == span.first


def test_a_session_that_is_not_over_is_refused_without_any_word_of_the_data(monkeypatch):
    monkeypatch.setattr(open_experiment, "known_span", lambda: None)
    coming = Exchange().first_from(datetime.now(UTC).date() + timedelta(days=7))
    with pytest.raises(ConfigError, match=f"last: {coming} is not over yet"):
        check_form(form(DAG, DAYS | {"last": coming.isoformat()}))


@pytest.mark.parametrize("note", ["; rm -rf /", "$(id)", "{{ conn.afterbell_s3.password }}", "--conf x"])
def test_a_note_travels_as_data_in_one_argument(note):
    request, aside = check_form(form(DAG, DAYS | {"note": note}))
    run = {"session": "2026-06-30", "run_id": "x", "deadline": "2026-07-01T22:00:00+00:00", "by": "ann"}
    asked = {"experiment": request.id, "request": request.model_dump(mode="json"), **asdict(aside)}
    argv = step_arguments("experiment_resolve", OpenedRun.read(run), [run | asked])
    assert len(argv) == 8
    assert note not in argv


def test_the_id_is_that_of_the_content_and_notes_are_none_of_it():
    one, other, seeded = (
        check_form(form(DAG, DAYS | more))[0].id for more in ({}, {"note": "again", "promote": True}, {"seed": 8})
    )
    assert one == other
    assert one != seeded


def test_the_form_offers_the_factor_sets_that_there_are():
    folder = Path(ROOT / "include" / "afterbell" / "features" / "sets")
    source = ast.parse((folder / "__init__.py").read_text())
    found = {node.module.rpartition(".")[2] for node in ast.walk(source) if isinstance(node, ast.ImportFrom)}
    assert set(FACTOR_SETS) == found - {"errors", "factors", "__future__"}


@pytest.mark.parametrize("dag", [DAG, "backfill_history", "daily_retraining"])
def test_the_form_lists_the_cluster_profiles_there_are_and_none_is_a_choice(dag):
    there = sorted(path.stem for path in (ROOT / "include" / "config" / "clusters").glob("*.yaml"))
    assert "local" in there
    field = bag().dags[dag].params.get_param("profile")
    assert field.schema["enum"] == [None, *there]
    assert field.value is None
    days = {"session": "2026-06-30"} if dag == "daily_retraining" else DAYS
    reason = {"reason": "to see the profiles"} if dag == "backfill_history" else {}
    for name in (None, *there):
        assert form(dag, days | reason | {"profile": name})["profile"] == name


def test_nobody_waits_for_ever_and_those_who_wait_hold_nothing():
    dag = bag().dags[DAG]
    ask = dag.get_task("ask")
    assert ask.response_timeout < dag.dagrun_timeout
    assert ask.defaults == ["Reject"]
    assert dag.max_active_tasks == 1


AT = {
    "bars_snapshot": 1, "actions_snapshot": 2, "filings_snapshot": None, "champion_oos_snapshot": None,
    "champion": None, "factor_sets": ["core"],
}  # fmt: skip
TOLD = {
    "experiment_resolve": AT,
    "features": {"features_snapshots": {"core": 4}, "definition_hashes": {"core": "d"}},
    "experiment_train": {"candidate_id": "c", "oos_snapshot": 5},
    "experiment_evaluate": {
        "verdict": "publish", "reason": "better", "metrics": {}, "champion": None, "moves": True, "said": "s",
    },
    "ask": {"approved_by": "bob"},
}  # fmt: skip
"""What the steps answer, the tables and the champion of a new lake among it."""


def test_every_step_is_handed_what_it_asks_for():
    request, aside = check_form(form(DAG, DAYS))
    opened = {"experiment": request.id, "request": request.model_dump(mode="json"), "by": "ann", **asdict(aside)}
    told = {"open_experiment": opened, **TOLD}
    steps = [step for step in bag().dags[DAG].tasks if hasattr(step, "results")]
    assert [step.step for step in steps] == [
        "experiment_resolve", "features", "experiment_train", "experiment_evaluate", "experiment_promote",
    ]  # fmt: skip
    found = {
        step.step: inputs_of(step_named(step.step), [told[each.operator.task_id] for each in step.results]).to_json()
        for step in steps
    }
    assert found["features"]["factor_sets"] == ["core"]
    assert found["experiment_train"]["request"] == opened["request"]
    assert found["experiment_evaluate"]["champion"] is None
    assert (found["experiment_promote"]["approved_by"], found["experiment_promote"]["by"]) == ("bob", "ann")
    assert found["experiment_promote"]["verdict"] == "publish"
