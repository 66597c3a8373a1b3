"""What every DAG must have, over the whole DagBag; a bag without DAGs fails, so that no policy is vacuous."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from datetime import timedelta
from importlib import import_module
from inspect import iscoroutinefunction

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.models.serialized_dag import SerializedDagModel
from airflow.sdk.definitions.param import ParamsDict
from airflow.sdk.exceptions import ParamValidationError
from airflow.serialization.serialized_objects import DagSerialization

from afterbell.airflow.library_step import LibraryStepOperator
from afterbell.airflow.notices import run_failed, run_succeeded, task_failed
from afterbell.airflow.pools import POOLS
from afterbell.airflow.timetable import TradingSessions
from afterbell.stores.retry import Retry
from spark_jobs.library_step import MODULES
from tests.airflow_home import ROOT

NEEDED = {
    ("backfill_history", "first"), ("backfill_history", "last"), ("backfill_history", "reason"),
    ("experiment", "first"), ("experiment", "last"), ("release_drop", "refusal_id"), ("release_drop", "reason"),
}  # fmt: skip
LIGHT = {
    "afterbell", "airflow", "asgiref", "boto3", "botocore", "charset_normalizer", "jmespath", "packaging", "requests",
    "s3transfer", "socks", "urllib3",
}  # fmt: skip
"""What a DAG's file may import beside Python's own library; `socks` comes with Selenium, and requests imports it."""
HEAVY = {"exchange_calendars", "pandas", "pyspark"}
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


@pytest.mark.parametrize(("dag", "page"), [("experiment", "experiments/new"), ("backfill_history", "backfills/new")])
def test_a_dag_with_a_form_of_ours_leads_to_it(bag, dag, page):
    assert f"](/afterbell/{page})" in bag.dags[dag].doc_md


def test_every_step_is_tried_again_with_growing_pauses(bag):
    for dag in bag.dags.values():
        for step in dag.tasks:
            assert step.retries >= 1, step.task_id
            assert step.retry_exponential_backoff


def test_what_the_manual_says_of_a_store_that_is_away_is_what_a_step_does(bag):
    """It waits up to the deadline (``tests/faults/test_outage.py`` takes the stores away); its task has these tries."""
    text = (ROOT / "docs" / "compose.md").read_text(encoding="utf-8")
    (said,) = [line for line in text.splitlines() if line.startswith("| S3, HDFS |")]
    assert "up to the deadline" in said
    assert Retry().waits
    tasks, pause = re.search(r"tries the task (\d+) times more.* from (\d+) seconds", said).groups()
    for step in bag.dags["daily_retraining"].tasks:
        assert (step.retries, step.retry_delay) == (int(tasks), timedelta(seconds=int(pause))), step.task_id
        assert step.max_retry_delay > step.retry_delay


def test_no_dag_takes_two_runs_at_once_or_catches_up_unasked(bag):
    for dag in bag.dags.values():
        # Experiments that wait for a person hold nobody up: one task at a time runs of them all.
        assert dag.max_active_tasks == 1 if dag.dag_id == "experiment" else dag.max_active_runs == 1
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


def test_every_step_without_a_session_may_run_on_the_cluster(bag):
    modules = {task.module for dag in bag.dags.values() for task in dag.tasks if isinstance(task, LibraryStepOperator)}
    assert modules == set(MODULES)


def test_maintenance_is_weekly_and_can_be_asked_what_it_would_do(bag):
    dag = bag.dags["maintenance"]
    assert (dag.timetable.expression, dag.timetable.timezone) == ("0 10 * * SUN", "UTC")
    assert [task.task_id for task in dag.topological_sort()] == ["open_maintenance", "maintain"]
    assert dag.params.get_param("dry_run").value is False


_PARSE = """
import json, os, runpy, sys
from airflow.dag_processing import dagbag
before = set(sys.modules)
for path in sys.argv[1:]:
    sys.stdout.flush()
    child = os.fork()
    if not child:
        runpy.run_path(path)
        print(json.dumps([path, sorted(before), sorted(set(sys.modules) - before)]), flush=True)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        sys.exit(f"{path} could not be parsed")
"""


@pytest.fixture(scope="module")
def imported():
    """By file: what Airflow has imported before it parses one, and what the file adds, each in a fork of its own."""
    command = [sys.executable, "-c", _PARSE, *map(str, FILES)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    return {path: (before, added) for path, before, added in lines}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_dag_file_imports_nothing_heavy(path, imported):
    """A file is parsed over and over, in a process that has parsed nothing before: what it costs are its imports."""
    before, added = imported[str(path)]
    tops = {name.partition(".")[0] for name in added}
    ours = {name for name in tops if not name.startswith("_")} - sys.stdlib_module_names
    assert ours <= LIGHT
    assert not HEAVY & {name.partition(".")[0] for name in before}, "Airflow itself has it: the file's share is hidden"
    assert len(added) < 450, f"{len(added)} modules"


def test_every_run_and_every_task_ends_at_some_time(bag):
    for dag in bag.dags.values():
        assert dag.dagrun_timeout is not None
        for step in dag.tasks:
            assert step.execution_timeout is not None, step.task_id
            assert step.execution_timeout <= dag.dagrun_timeout, step.task_id


def test_every_task_runs_in_a_pool_of_ours_and_the_night_comes_first(bag):
    for dag in bag.dags.values():
        daily = dag.dag_id == "daily_retraining"
        for step in dag.tasks:
            assert step.pool in POOLS, step.task_id
            assert step.priority_weight == 100 if daily else step.priority_weight < 100, step.task_id


def test_people_are_told_of_every_task_that_fails_and_of_how_a_run_ends(bag):
    for dag in bag.dags.values():
        assert (dag.on_success_callback, dag.on_failure_callback) == (run_succeeded, run_failed), dag.dag_id
        for step in dag.tasks:
            assert step.on_failure_callback == [task_failed], step.task_id


def test_the_daily_run_has_a_deadline_that_people_are_told_of(bag):
    (alert,) = bag.dags["daily_retraining"].deadline
    assert (type(alert.reference).__name__, alert.interval) == ("SessionDeadline", timedelta(hours=2))
    path, _, name = alert.callback.path.rpartition(".")
    assert iscoroutinefunction(getattr(import_module(path), name))


_SERIALIZE = """
import sys, warnings
warnings.simplefilter("ignore")
from airflow.dag_processing.dagbag import DagBag
from airflow.models.serialized_dag import SerializedDagModel
from airflow.serialization.serialized_objects import DagSerialization
for name, dag in sorted(DagBag(sys.argv[1]).dags.items()):
    print(name, SerializedDagModel.hash(DagSerialization.to_dict(dag)))
"""


def test_a_dag_is_the_same_version_at_every_parsing(bag):
    """Airflow makes a new version of a DAG whose serialised text differs, such as by an address in memory."""
    command = [sys.executable, "-c", _SERIALIZE, str(ROOT / "dags")]
    env = os.environ | {"PYTHONHASHSEED": "1"}  # this process has another one, and other addresses
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=env)
    elsewhere = [line.split() for line in done.stdout.splitlines() if line.partition(" ")[0] in bag.dags]
    here = [[name, SerializedDagModel.hash(DagSerialization.to_dict(dag))] for name, dag in sorted(bag.dags.items())]
    assert elsewhere == here
    assert len(here) == len(FILES)


def test_no_dag_carries_an_address_in_memory(bag):
    for dag in bag.dags.values():
        assert " at 0x" not in json.dumps(DagSerialization.to_dict(dag)), dag.dag_id


def test_a_form_stars_what_must_be_given_and_nothing_else(bag):
    """Airflow's page stars fields whose type leaves out null, and can't be sent while one of them is empty."""
    empty = set()
    for dag in bag.dags.values():
        for name in dag.params:
            param = dag.params.get_param(name)
            if "null" not in param.schema["type"] and not param.has_value:
                empty.add((dag.dag_id, name))
            else:
                assert param.value != "", (dag.dag_id, name)
    assert empty == NEEDED


def test_the_daily_run_follows_the_sessions_of_the_platforms_exchange_once_they_are_switched_on(bag):
    assert bag.dags["daily_retraining"].timetable == TradingSessions("XNYS", scheduled=False)


def test_the_session_is_asked_for_and_never_guessed(bag):
    param = bag.dags["daily_retraining"].params.get_param("session")
    assert param.value is None
    assert param.schema["format"] == "date"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("session", "tomorrow"), ("session", ""), ("session", 7), ("session", "2026-06-31"), ("session", "$(id)"),
        ("session", "2026-06-30; rm -rf /"), ("session", "../../etc"), ("session", "{{ ds }}"), ("session", "-1"),
        ("profile", "../local"), ("profile", "local; id"), ("profile", "{{ ds }}"), ("profile", "$(id)"),
        ("profile", "a" * 65), ("profile", "local\nx"), ("profile", "%2e%2e"), ("profile", 7),
        ("profile", "local\n"),
    ],
)  # fmt: skip
def test_a_hostile_value_is_refused_by_the_form(bag, name, value):
    params = ParamsDict(bag.dags["daily_retraining"].params)
    with pytest.raises(ParamValidationError, match=f"Invalid input for param {name}"):
        params[name] = value
