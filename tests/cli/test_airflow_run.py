"""Runs of the command line side by side: none sees, ends or answers for another one."""

from __future__ import annotations

import fcntl
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from afterbell.cli import airflow_run
from afterbell.cli.airflow_run import run_dag
from afterbell.cli.context import Opened
from afterbell.config.platform import Folders, Platform
from afterbell.config.runtime import Runtime
from afterbell.errors import StepFailedError
from tests.cluster.test_connections import ENV

DAG = """
import time
from pathlib import Path

from airflow.sdk import DAG, task
from airflow.sdk.exceptions import AirflowFailException

with DAG("held", schedule=None, params={"reached": "", "go": "", "refused": False}) as dag:

    @task
    def hold(params=None):
        if params["refused"]:
            raise AirflowFailException("refused by the test")
        Path(params["reached"]).touch()
        while not Path(params["go"]).exists():
            time.sleep(0.05)

    hold()
"""
_PAUSE = threading.Event()  # never set: waiting on it is a pause between looks
_LIMIT = 300


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """A project whose one DAG waits for a file; no store is asked for anything."""
    root = tmp_path_factory.mktemp("project")
    (root / "dags").mkdir()
    (root / "dags" / "held.py").write_text(DAG, encoding="utf-8")
    env = ENV | {"AFTERBELL_HOME": str(root / "home")}
    folders = Folders(root=root, home=root / "home", env=Folders.from_env().env)
    return Opened(folders, Platform(), Runtime.from_env(env), env)


def reached(path: Path, run) -> None:
    """Wait until the run's task is at work."""
    for _ in range(_LIMIT * 10):
        if path.exists() or run.done():
            break
        _PAUSE.wait(0.1)
    assert path.exists(), run.exception(timeout=0)


@pytest.mark.services
def test_a_second_run_and_one_that_is_refused_leave_the_first_alone(opened, tmp_path):
    first = {"reached": str(tmp_path / "reached"), "go": str(tmp_path / "go")}
    free = tmp_path / "free"
    free.touch()
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(run_dag, opened, "held", first, "local", None)
        reached(tmp_path / "reached", run)
        with pytest.raises(StepFailedError, match="refused by the test"):
            run_dag(opened, "held", {"refused": True}, "local", None)
        other = run_dag(opened, "held", {"reached": str(tmp_path / "other"), "go": str(free)}, "local", None)
        assert not run.done(), run.exception(timeout=0)
        (tmp_path / "go").touch()
        done = run.result(timeout=_LIMIT)
    assert set(done.seconds) == set(other.seconds) == {"hold"}
    assert (done.run_id, done.log) != (other.run_id, other.log)
    homes = opened.folders.home / "airflow-run"
    assert [path.suffix for path in homes.iterdir()] == [".db"], "what the runs had for themselves is gone"


def test_what_killed_commands_have_left_is_removed_and_what_others_use_is_not(tmp_path):
    for name in ("killed", "used"):
        (tmp_path / name).mkdir()
        (tmp_path / f"{name}.lock").touch()
    with (tmp_path / "used.lock").open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with airflow_run._airflow_home(tmp_path / "own"):
            assert sorted(path.name for path in tmp_path.iterdir()) == ["own", "own.lock", "used", "used.lock"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["used", "used.lock"]
