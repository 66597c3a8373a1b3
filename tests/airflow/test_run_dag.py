"""A DAG run in one process: with a schedule and a deadline as with none."""

from __future__ import annotations

import json

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


def test_a_scheduled_dag_with_a_deadline_runs_to_its_end_and_knows_that_it_was_started_by_hand(monkeypatch, tmp_path):
    dags = tmp_path / "dags"
    dags.mkdir()
    (dags / "scheduled_dag.py").write_text(SCHEDULED)
    make_database(dags)
    monkeypatch.setattr(run_dag, "DagBag", lambda **_: DagBag(str(dags)))
    events = tmp_path / "events"
    assert run_dag.run("scheduled_dag", {"session": "2016-06-30"}, events, "") == 0
    run = json.loads((dags / "scheduled_dag.json").read_text())
    assert (run["session"], run["origin"], run["profile"], run["replayed"]) == ("2016-06-30", "manual", "", True)
    assert json.loads(events.read_text().splitlines()[-1])["state"] == "success"
