"""The whole cluster in containers: up, a session's run from Airflow's API to green, faults in the middle, and gone.

The tests stand in the order of an evening; each goes on from what the ones before it left.
"""

from __future__ import annotations

import json
import subprocess

import pytest
import requests

from tests.airflow_api import sign_in
from tests.clusters.programs import until
from tests.compose.cluster import STEPS, docker, inspect

pytestmark = pytest.mark.services
SPARK_STEPS = {step for step in STEPS if step not in {"open_run", "await_drops", "publish"}}
MOST_SECONDS = 300.0
SPILLING = ("spark-worker", "notebook")
"""What these write, shuffles above all, goes with their containers."""
LARGEST = {"airflow": 1.2e9, "spark": 1.5e9}


def rows(cluster, sql):
    """The answer of one SELECT over the lake."""
    return cluster.command("query", sql)


def one_of_each(cluster, session):
    """Signals of ``session`` came from one release, no symbol has two, and no bar is there twice."""
    signals = f"FROM signals.daily WHERE as_of = '{session}'"
    keys = "count(DISTINCT symbol || family || horizon)"
    told = rows(cluster, f"SELECT count(*) AS n, {keys} AS keys, count(DISTINCT release_id) AS releases {signals}")
    assert told[0]["n"] == told[0]["keys"] > 0
    assert told[0]["releases"] == 1
    twice = rows(cluster, "SELECT count(*) AS n FROM (SELECT symbol, session, revision FROM market.bars "
                          "GROUP BY ALL HAVING count(*) > 1)")  # fmt: skip
    assert twice[0]["n"] == 0


def test_everything_is_healthy_in_five_minutes(cluster):
    print(f"healthy after {cluster.healthy_seconds:.0f} s")
    assert cluster.healthy_seconds <= MOST_SECONDS


def test_the_images_are_small(cluster):
    for name, largest in LARGEST.items():
        assert int(docker("image", "inspect", "--format", "{{.Size}}", f"afterbell/{name}:local")) < largest


def test_nobody_is_root_writes_to_the_image_or_listens_beyond_this_machine(cluster):
    for each in inspect(cluster.containers()):
        name, host = each["Name"], each["HostConfig"]
        assert each["Config"]["User"] == "afterbell", name
        assert host["ReadonlyRootfs"] or any(spilling in name for spilling in SPILLING), name
        bound = [place["HostIp"] for places in (host["PortBindings"] or {}).values() for place in places]
        assert set(bound) <= {"127.0.0.1"}, name


def test_no_page_lets_anybody_in_without_a_password(cluster):
    assert requests.get(f"{cluster.airflow()}/api/v2/dags", timeout=30).status_code == 401
    assert sign_in(cluster.airflow(), "admin").status_code == 401
    s3 = f"http://127.0.0.1:{cluster.variables['S3_PORT']}"
    assert requests.get(f"{s3}/afterbell-artifacts", timeout=30).status_code == 403
    notebook = f"http://127.0.0.1:{cluster.variables['NOTEBOOK_PORT']}"
    assert requests.get(f"{notebook}/api/contents", timeout=30).status_code == 403
    for port, path in (("SPARK_HISTORY_PORT", "/api/v1/applications"), ("PROMETHEUS_PORT", "/api/v1/targets")):
        page = f"http://127.0.0.1:{cluster.variables[port]}{path}"
        assert requests.get(page, timeout=30).status_code == 401
        assert requests.get(page, auth=("afterbell", "wrong"), timeout=30).status_code == 401
        assert requests.put(page, auth=("afterbell", cluster.secret("PAGES_PASSWORD")), timeout=30).status_code == 403
        assert cluster.page(port, path) is not None  # no job need have run yet


@pytest.mark.parametrize("image", ["airflow", "spark", "s3", "postgres"])
def test_a_container_without_its_secrets_does_not_start(cluster, image):
    run = ["docker", "run", "--rm", f"afterbell/{image}:local"]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert done.returncode
    assert "is empty" in done.stderr
    assert "make compose-env" in done.stderr


def test_the_day_goes_green_from_the_page(cluster, sessions):
    api = cluster.api()
    run = api.trigger({"session": sessions[0]})
    state, tasks = api.ended(run)
    assert (state, tasks) == ("success", dict.fromkeys(STEPS, "success"))
    assert api.result(run, "publish")["moved"]
    one_of_each(cluster, sessions[0])


def test_the_history_server_shows_the_jobs(cluster):
    def named():
        found = cluster.page("SPARK_HISTORY_PORT", "/api/v1/applications")
        return {app["name"].split()[1] for app in found if app["attempts"][-1]["completed"]} >= SPARK_STEPS

    until("the history server lists the steps", named, 60)


def test_our_pages_show_the_session(cluster, sessions):
    assert sessions[0] in json.dumps(cluster.api().afterbell("sessions"))


def test_a_worker_a_datanode_and_the_database_die_in_a_run_that_more_workers_join(cluster, sessions):
    api = cluster.api()
    run = api.trigger({"session": sessions[1]})
    api.reaches(run, "ingest", "running", "deferred")
    cluster.crash(cluster.containers("datanode-2")[0])
    before = set(cluster.containers("spark-worker"))
    cluster("up", "-d", "--no-recreate", "--scale", "spark-worker=3")
    (joined,) = set(cluster.containers("spark-worker")) - before
    api.reaches(run, "train", "running", "deferred")
    until("a driver runs", lambda: busy(cluster), 300)
    assert len(workers(cluster)) >= 3
    nothing_ends_by_the_masters_page(cluster)
    cluster.crash(driving(cluster))
    api.reaches(run, "evaluate", "running", "deferred", "success")
    cluster.crash(cluster.containers("postgres")[0])
    state, tasks = api.ended(run)
    assert (state, tasks) == ("success", dict.fromkeys(STEPS, "success"))
    one_of_each(cluster, sessions[1])
    one_of_each(cluster, sessions[0])
    until("all that was killed is healthy again", lambda: not cluster.unhealthy(), 240)
    assert "app-" in docker("exec", joined, "ls", "/srv/spark/work")  # it has had executors of the run


def test_a_notebook_runs_without_a_browser(cluster):
    for name in ("01-bars-as-of-a-date", "02-explore-features", "03-open-a-release"):
        source, target = f"/opt/afterbell/notebooks/{name}.ipynb", f"/srv/notebooks/{name}.ipynb"
        convert = ("jupyter", "nbconvert", "--to", "notebook", "--execute", "--output", target, source)
        cluster("exec", "-T", "notebook", *convert)
        done = json.loads(cluster("exec", "-T", "notebook", "cat", target).stdout)
        outputs = [each for cell in done["cells"] for each in cell.get("outputs", [])]
        assert outputs
        assert not [each for each in outputs if each["output_type"] == "error"]


def test_the_metrics_reach_prometheus(cluster):
    def up():
        found = cluster.page("PROMETHEUS_PORT", "/api/v1/targets?state=active")["data"]["activeTargets"]
        return found and all(target["health"] == "up" for target in found)

    until("every target is up", up, 120)


def test_down_leaves_nothing(cluster):
    cluster("--profile", "notebook", "--profile", "monitoring", "--profile", "tools", "down", "-v", "-t", "5")
    assert cluster.left() == {}


def workers(cluster):
    """The workers that the master counts on."""
    found = cluster.master()["workers"]
    return [worker for worker in found if worker["state"] == "ALIVE"]


def busy(cluster):
    """Drivers that run."""
    return cluster.master()["activedrivers"]


def nothing_ends_by_the_masters_page(cluster):
    """Asked to, by the address that its button has, the master answers and does not even pass it on."""
    driver = busy(cluster)[0]["id"]
    kill = f"requests.post('http://spark-master:8080/driver/kill/', data={{'id': '{driver}', 'terminate': 'true'}})"
    cluster("exec", "-T", "airflow-scheduler", "python", "-c", f"import requests; {kill}.raise_for_status()")
    (master,) = cluster.containers("spark-master")
    log = subprocess.run(["docker", "logs", master], capture_output=True, text=True, check=True)
    assert driver in log.stdout + log.stderr  # it tells of launching it
    assert "Asked to kill driver" not in log.stdout + log.stderr


def driving(cluster):
    """The container of the worker that runs a driver."""
    address = busy(cluster)[0]["worker"].split("-")[2]
    for each in inspect(cluster.containers("spark-worker")):
        if address in {network["IPAddress"] for network in each["NetworkSettings"]["Networks"].values()}:
            return each["Id"]
    raise AssertionError(f"no worker has the address {address}")
