"""A DAG run in one process: with a schedule and a deadline as with none."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from airflow.dag_processing.dagbag import DagBag

from afterbell.airflow import run_dag
from tests.airflow.database import make_database

pytestmark = pytest.mark.filterwarnings("ignore")  # of libraries, when Airflow serves itself
SCHEDULED = """
import json
from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG, task

from afterbell.airflow.deadline_reference import session_deadline
from afterbell.airflow.open_run import open_run
from afterbell.airflow.timetable import platform_sessions

with DAG(
    "scheduled_dag",
    schedule=platform_sessions(),
    deadline=session_deadline(),
    catchup=False,
    params={"session": None, "profile": ""},
    dagrun_timeout=timedelta(minutes=5),
):
    @task
    def tell(run):
        Path(__file__).with_suffix(".json").write_text(json.dumps(run))

    tell(open_run())
"""


def run_alone(monkeypatch, dags, name, text, conf, events):
    """Run the one DAG of a new folder to its end, which is a success."""
    dags.mkdir()
    (dags / f"{name}.py").write_text(text)
    make_database(dags)
    monkeypatch.setattr(run_dag, "DagBag", lambda **_: DagBag(str(dags)))
    assert run_dag.run(name, conf, events, "") == 0


def test_a_scheduled_dag_with_a_deadline_runs_to_its_end_and_knows_that_it_was_started_by_hand(monkeypatch, tmp_path):
    dags, events = tmp_path / "dags", tmp_path / "events"
    run_alone(monkeypatch, dags, "scheduled_dag", SCHEDULED, {"session": "2016-06-30"}, events)
    run = json.loads((dags / "scheduled_dag.json").read_text())
    assert (run["session"], run["origin"], run["profile"], run["replayed"]) == ("2016-06-30", "manual", "", True)
    assert json.loads(events.read_text().splitlines()[-1])["state"] == "success"


REQUIRED = """
from pathlib import Path

from airflow.sdk import DAG, Param, task


def called_back(context):
    Path(__file__).with_suffix(".txt").write_text(context["params"]["first"])


with DAG(
    "required_dag",
    schedule=None,
    on_success_callback=called_back,
    params={"first": Param(type="string", format="date"), "profile": Param(default=None, type=["null", "string"])},
):
    @task
    def nothing():
        pass

    nothing()
"""


def test_what_a_form_requires_is_there_for_the_callbacks_at_the_end_of_a_run(monkeypatch, tmp_path):
    dags = tmp_path / "dags"
    run_alone(monkeypatch, dags, "required_dag", REQUIRED, {"first": "2016-06-30"}, tmp_path / "events")
    assert (dags / "required_dag.txt").read_text() == "2016-06-30"


def test_a_task_that_was_deferred_took_as_long_as_its_driver_and_another_try_counts_anew(tmp_path, monkeypatch):
    now = 10.0
    monkeypatch.setattr(run_dag, "time", SimpleNamespace(monotonic=lambda: now, time=lambda: 0.0))
    progress = run_dag.Progress(tmp_path / "events")
    first, second = (SimpleNamespace(task_id="train", try_number=number) for number in (1, 2))
    progress.on_task_instance_running(None, first)
    now = 70.0
    progress.on_task_instance_running(None, first)  # the triggerer has seen the driver's end
    now = 70.5
    progress.on_task_instance_failed(None, first, "told by the test")
    now = 100.0
    progress.on_task_instance_running(None, second)
    now = 104.0
    progress.on_task_instance_success(None, second)
    told = [json.loads(line) for line in (tmp_path / "events").read_text().splitlines()]
    assert [each["seconds"] for each in told if "seconds" in each] == [60.5, 4.0]
