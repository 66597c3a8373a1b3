"""What every DAG must have, over the whole DagBag; a bag without DAGs fails, so that no policy is vacuous."""

from __future__ import annotations

import ast

import pytest
from airflow.dag_processing.dagbag import DagBag

from tests.airflow_home import ROOT

FILES = sorted(path for path in (ROOT / "dags").glob("*.py") if path.name != "__init__.py")


@pytest.fixture(scope="module")
def bag():
    return DagBag(str(ROOT / "dags"))


def test_every_file_gives_one_dag_of_its_own_name(bag):
    assert bag.import_errors == {}
    assert sorted(bag.dags) == [path.stem for path in FILES] != []


def test_every_dag_says_who_owns_it_what_it_does_and_what_it_is_about(bag):
    for dag in bag.dags.values():
        assert dag.doc_md
        assert "Rerun" in dag.doc_md
        assert "afterbell" in dag.tags
        assert {task.owner for task in dag.tasks} == {"afterbell"}


def test_every_step_is_tried_again_with_growing_pauses(bag):
    for dag in bag.dags.values():
        for step in dag.tasks:
            if not step.task_id.startswith("open_"):
                assert step.retries >= 1, step.task_id
                assert step.retry_exponential_backoff


def test_no_dag_takes_two_runs_at_once_or_catches_up_unasked(bag):
    for dag in bag.dags.values():
        assert dag.max_active_runs == 1
        assert not dag.catchup


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_dag_file_holds_the_dag_and_nothing_else(path):
    tree = ast.parse(path.read_text())
    allowed = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.Expr)
    assert [type(node).__name__ for node in tree.body if not isinstance(node, allowed)] == []
    assert len(path.read_text().splitlines()) <= 120


def test_the_daily_steps_come_in_the_order_of_the_data(bag):
    dag = bag.dags["daily_retraining"]
    order = ["open_run", "await_drops", "ingest", "validate", "features", "train", "evaluate", "publish", "score"]
    assert [task.task_id for task in dag.topological_sort()] == order


def test_maintenance_is_weekly_and_can_be_asked_what_it_would_do(bag):
    dag = bag.dags["maintenance"]
    assert (dag.timetable.expression, dag.timetable.timezone) == ("0 10 * * SUN", "UTC")
    assert [task.task_id for task in dag.topological_sort()] == ["open_maintenance", "maintain"]
    assert dag.params.get_param("dry_run").value is False


def test_the_dag_files_are_parsed_within_a_second(bag):
    assert sum(file.duration.total_seconds() for file in bag.dagbag_stats) < 1


def test_the_session_is_asked_for_and_never_guessed(bag):
    param = bag.dags["daily_retraining"].params.get_param("session")
    assert not param.has_value
    assert param.schema["format"] == "date"
