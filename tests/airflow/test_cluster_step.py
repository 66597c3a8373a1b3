"""A step's driver on a real cluster: failing, killed, lost, and the cluster's manager restarted while it runs.

On the standalone master and, through the real dispatcher, on Mesos.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from tests.airflow.cluster_world import Place
from tests.airflow_home import ROOT
from tests.clusters.dispatcher import dispatcher
from tests.clusters.profiles import config_with, mesos_profile, standalone_profile
from tests.clusters.programs import until
from tests.clusters.standalone import standalone

pytestmark = pytest.mark.services


FROM_THE_TEST = (
    "PATH", "HOME", "AFTERBELL_ENV", "AFTERBELL_CONFIG", "AFTERBELL_HOME", "PYTHONPATH", "JDK_JAVA_OPTIONS",
)  # fmt: skip


def _on_standalone(folder):
    return standalone(folder / "cluster", cores=4)


def _on_mesos(folder):
    return dispatcher(folder / "cluster")


@pytest.fixture(scope="module", params=["standalone", "mesos"])
def cluster(request, tmp_path_factory):
    """One cluster for all cases of this module; each leaves it in order."""
    folder = tmp_path_factory.mktemp(request.param)
    with (_on_standalone if request.param == "standalone" else _on_mesos)(folder) as found:
        found.kind = request.param
        yield found


@pytest.fixture
def place(cluster, stores, monkeypatch, tmp_path):
    sizes = {"driver_memory": "512m", "executor_memory": "512m"}
    profile = (
        standalone_profile(cluster, "cluster", **sizes)
        if cluster.kind == "standalone"
        else mesos_profile(cluster, **sizes)
    )
    config = config_with(tmp_path / "config", here=profile)
    monkeypatch.setenv("AFTERBELL_CONFIG", str(config))
    monkeypatch.setenv("AFTERBELL_HOME", str(tmp_path / "home"))
    return Place(cluster, stores, profile)


def test_a_driver_that_ends_well_hands_on_its_result(place, monkeypatch):
    assert place.launch(monkeypatch, "done").end()["committed"] is True
    assert (place.started(), place.committed()) == (1, True)
    assert place.state == {}


def test_a_failure_that_never_gets_better_is_told_in_the_steps_own_words_and_not_tried_again(place, monkeypatch):
    with pytest.raises(AirflowFailException, match="ConfigError: the test says that this never gets better"):
        place.launch(monkeypatch, "permanent").end()


def test_a_failure_that_may_get_better_is_tried_again_with_a_driver_of_its_own(place, monkeypatch):
    with pytest.raises(AirflowException, match="ObjectChangedError: the test says that this gets better") as failed:
        place.launch(monkeypatch, "retryable").end()
    assert not isinstance(failed.value, AirflowFailException)
    assert place.launch(monkeypatch, "done").end()["committed"] is True
    assert place.started() == 2


def test_a_driver_that_ends_without_a_word_is_tried_again(place, monkeypatch):
    with pytest.raises(AirflowException, match="it recorded no reason: see the end of its log") as failed:
        place.launch(monkeypatch, "crash").end()
    assert not isinstance(failed.value, AirflowFailException)


def test_a_driver_that_the_kernel_kills_is_tried_again(place, monkeypatch):
    launched = place.launch(monkeypatch, place.waiting).begun()
    place.cluster.kill_driver(launched.driver)
    with pytest.raises(AirflowException) as failed:
        launched.end()
    assert not isinstance(failed.value, AirflowFailException)
    assert place.committed() is False
    assert place.launch(monkeypatch, "done").end()["committed"] is True


def test_a_driver_that_somebody_kills_on_the_cluster_is_tried_again(place, monkeypatch):
    launched = place.launch(monkeypatch, place.waiting).begun()
    assert place.cluster.rest.kill(launched.driver)["success"] is True
    with pytest.raises(AirflowException, match="ended as KILLED") as failed:
        launched.end()
    assert not isinstance(failed.value, AirflowFailException)
    assert place.launch(monkeypatch, "done").end()["committed"] is True


def test_a_try_whose_worker_died_is_taken_up_where_it_was(place, monkeypatch):
    died = place.launch(monkeypatch, place.waiting).begun()  # and nobody waits for it any more
    again = place.launch(monkeypatch, place.waiting)
    assert again.driver == died.driver
    place.let_go()
    assert again.end()["committed"] is True
    assert place.started() == 1


def test_a_driver_outlives_the_restart_of_the_clusters_manager(place, monkeypatch):
    launched = place.launch(monkeypatch, place.waiting).begun()
    if place.cluster.kind == "standalone":
        place.cluster.kill_master()
        place.cluster.start_master()
        until("the workers are back", lambda: place.cluster.alive() == 2)
    else:
        place.cluster.kill()
        place.cluster.start()  # it has forgotten its drivers, which go on
    place.let_go()
    assert launched.end()["committed"] is True
    assert place.started() == 1


def test_a_driver_that_is_lost_may_live_on_beside_the_next_and_one_commits(place, monkeypatch):
    launched = place.launch(monkeypatch, place.waiting).begun()
    if place.cluster.kind == "standalone":
        lost = place.cluster.worker_of(launched.driver)
        place.cluster.workers[lost].kill()
        place.cluster.start_worker(f"{lost}-again")  # for the tests that follow; the first one's driver lives on
        del place.cluster.workers[lost]
    else:
        place.cluster.mesos.lose(place.cluster.task(launched.driver)[0].name)
    with pytest.raises(AirflowException) as failed:
        launched.end()
    assert not isinstance(failed.value, AirflowFailException)
    again = place.launch(monkeypatch, place.waiting).begun(2)
    assert again.driver != launched.driver
    place.let_go()
    again.end()
    assert (place.started(), place.committed()) == (2, True)


def _airflow(place, home, what):
    """A process of Airflow's that runs the one step; its own group, so that all of it can be killed."""
    env = {name: os.environ[name] for name in FROM_THE_TEST if name in os.environ}
    own = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "tests" / "airflow" / "one_step"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "PYTHONPATH": f"{ROOT / 'include'}:{ROOT}",
    }
    log = (home / f"{what}.log").open("w")
    with log:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.airflow.one_step_run", what],
            env=env | own | place.environment(place.waiting),
            cwd=home,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def test_kill_9_of_airflows_process_in_the_middle_leaves_one_launch_and_one_commit(place, tmp_path):
    home = tmp_path / "airflow"
    home.mkdir()
    first = _airflow(place, home, "start")
    try:
        until("the driver has begun", lambda: place.started() == 1 or first.poll() is not None)
        assert first.poll() is None, (home / "start.log").read_text()[-4000:]
    finally:
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
    second = _airflow(place, home, "again")
    try:
        said = home / "again.log"
        until("the second try follows the driver on", lambda: "it is followed on" in said.read_text())
        place.let_go()
        assert second.wait(300) == 0, said.read_text()[-4000:]
    finally:
        if second.poll() is None:
            os.killpg(second.pid, signal.SIGKILL)
    assert "ended: success" in said.read_text()
    assert (place.started(), place.committed()) == (1, True)
