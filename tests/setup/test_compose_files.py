"""What goes into the containers, without Docker: the secrets' file, what Compose is told, and what images leave out."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from afterbell.cluster.profile import load_profile
from afterbell.config.platform import load_platform
from setup.images import entries

ROOT = Path(__file__).resolve().parents[2]
CONTAINERS = ROOT / "include" / "containers"
SECRET = re.compile(r"SECRET|PASSWORD|TOKEN|FERNET|ACCESS_KEY|_KEY$")
OPTIONAL = {"LDAP_BIND_PASSWORD", "OIDC_CLIENT_SECRET"}
"""Of sign-in by somebody else's directory, which is off by default."""


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((ROOT / "docker-compose.yaml").read_text())


def make_env(path):
    script = CONTAINERS / "compose_env.py"
    return subprocess.run([sys.executable, str(script), str(path)], capture_output=True, text=True, check=False)


def values(path):
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def test_every_secret_is_made_once_and_read_by_its_owner_alone(tmp_path):
    path = tmp_path / "env"
    assert make_env(path).returncode == 0
    first = values(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert all(len(value) >= 20 for value in first.values())
    assert len(set(first.values())) == len(first)
    assert make_env(path).returncode == 0
    assert values(path) == first


def test_what_is_there_stays_and_what_is_missing_or_empty_is_made(tmp_path):
    path = tmp_path / "env"
    path.write_text("SPARK_SECRET=mine\nJUPYTER_TOKEN=\nAIRFLOW_PORT=9999\n")
    done = make_env(path)
    found = values(path)
    assert (found["SPARK_SECRET"], found["AIRFLOW_PORT"]) == ("mine", "9999")
    assert found["JUPYTER_TOKEN"]
    assert "mine" not in done.stdout + done.stderr
    assert found["JUPYTER_TOKEN"] not in done.stdout


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    done = make_env(tmp_path / "missing" / "env")
    assert done.returncode == 1
    assert "compose-env: " in done.stderr


def test_compose_has_no_default_for_a_secret_and_refuses_to_start_without_one(compose, tmp_path):
    make_env(tmp_path / "env")
    used = re.findall(r"\$\{(\w+)(:[-?][^}]*)?\}", (ROOT / "docker-compose.yaml").read_text())
    secrets = {name for name, _ in used if SECRET.search(name)} - OPTIONAL
    assert secrets == set(values(tmp_path / "env"))
    required = {name for name, how in used if how.startswith(":?")}
    assert secrets <= required
    assert {how for name, how in used if name in secrets} <= {":?run make compose-env", ""}


def test_every_service_is_watched_and_runs_without_rights(compose):
    once = {"airflow-prepare", "afterbell"}
    for name, service in compose["services"].items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert ("healthcheck" in service) != (name in once), name


def test_every_image_is_of_one_base_and_ends_as_the_same_user():
    text = (ROOT / "Dockerfile").read_text()
    stages = re.split(r"^FROM ", text, flags=re.MULTILINE)[1:]
    names = {stage.split()[2] for stage in stages}
    started = {stage.split()[2]: stage for stage in stages if "ENTRYPOINT" in stage or "\nCMD" in stage}
    assert {stage.split()[0] for stage in stages} - names == {"${BASE}"}
    assert len(started) == 9
    assert all(re.findall(r"^USER (\w+)", stage, re.MULTILINE)[-1] == "afterbell" for stage in started.values())


def test_the_base_image_is_named_by_its_digest_and_the_same_everywhere(compose):
    """A tag names other bytes tomorrow. Compose hands its own default to the build, so there are two to renew."""
    pinned = re.findall(r"^ARG BASE=(.+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert re.fullmatch(r"debian:bookworm-slim@sha256:[0-9a-f]{64}", pinned[0])
    builds = {name: service["build"] for name, service in compose["services"].items() if "build" in service}
    assert len(builds) >= 9
    assert {build["args"]["BASE"] for build in builds.values()} == {f"${{AFTERBELL_BASE:-{pinned[0]}}}"}
    fetched = [path for path in ROOT.rglob("*Dockerfile*") if ".afterbell" not in path.parts]
    bases = {base for path in fetched for base in re.findall(r"^ARG BASE=(.+)$", path.read_text(), re.MULTILINE)}
    assert bases == set(pinned)


def test_the_platform_of_a_notebook_is_that_of_the_containers_with_another_user_of_the_catalog():
    def platform(path):
        return yaml.safe_load((CONTAINERS / path).read_text())

    own, common = platform("notebook/platform.yaml"), platform("platform.yaml")
    assert own["lake"].pop("catalog") == "jdbc:postgresql://postgres/lake?user=notebook"
    assert common["lake"].pop("catalog") == "jdbc:postgresql://postgres/lake?user=lake"
    assert own == common


def test_no_page_of_spark_ends_what_runs():
    defaults = dict(
        line.split(None, 1)
        for line in (CONTAINERS / "spark" / "spark-defaults.conf").read_text().splitlines()
        if line and not line.startswith("#")
    )
    assert defaults["spark.ui.killEnabled"].strip() == "false"
    assert {load_profile(name).conf["spark.ui.killEnabled"] for name in ("compose", "compose-mesos")} == {"false"}


def test_the_platform_and_the_clusters_of_the_containers_are_valid(compose, monkeypatch):
    platform = load_platform({"AFTERBELL_PLATFORM": str(CONTAINERS / "platform.yaml")})
    assert platform.embedded_stores() == ()
    services = set(compose["services"])
    for name in ("compose", "compose-mesos"):
        profile = load_profile(name)
        assert profile.deploy_mode == "cluster"
        assert profile.conf["spark.authenticate"] == "true"
        assert profile.at(profile.master, "cluster", profile.rest_url) == profile
        assert re.findall(r"//([\w-]+):", profile.master)[0] in services
    for address in (platform.s3.endpoint, platform.hdfs.url, platform.lake.catalog):
        assert re.findall(r"//([\w-]+)[:/]", address)[0] in services


def test_packages_of_the_notebook_are_those_that_spark_does_not_have(tmp_path):
    spark, notebook = tmp_path / "spark.txt", tmp_path / "notebook.txt"
    spark.write_text("numpy==2 \\\n    --hash=sha256:1\nrich==1 \\\n    --hash=sha256:2\n")
    notebook.write_text(
        "jupyter-x==3 \\\n    --hash=sha256:3 \\\n    --hash=sha256:4\n    # via y\nnumpy==2 \\\n    --hash=sha256:1\n"
    )
    assert entries(notebook, spark) == "jupyter-x==3 \\\n    --hash=sha256:3 \\\n    --hash=sha256:4\n    # via y\n"


@pytest.mark.parametrize(("more", "base"), [("server", "requirements"), ("notebook", "requirements-spark")])
def test_images_have_the_versions_of_the_environments(more, base):
    def pins(name):
        return dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / f"{name}.txt").read_text(), flags=re.MULTILINE))

    there, wanted = pins(f"requirements-{more}"), pins(base)
    assert {name: there.get(name) for name in wanted} == wanted
    assert set(there) > set(wanted)


@pytest.mark.parametrize("name", ["airflow", "spark", "s3", "postgres", "mesos", "page"])
def test_what_starts_a_container_refuses_an_empty_secret(name):
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    done = subprocess.run(
        ["bash", str(CONTAINERS / name / "start"), "x"], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode
    assert "is empty" in done.stderr
    assert "make compose-env" in done.stderr


def test_one_setting_each_for_master_and_profile_moves_the_containers_to_mesos(compose):
    """The connection's master wins over the profile's, so one that doesn't go along would be refused by the profile."""
    body = compose["services"]["airflow-scheduler"]["environment"]["AIRFLOW_CONN_AFTERBELL_SPARK"]
    host, name = re.findall(r"\$\{(AFTERBELL_MASTER|AFTERBELL_CLUSTER):-([^}]+)\}", body)
    assert (host[0], name[0]) == ("AFTERBELL_MASTER", "AFTERBELL_CLUSTER")
    assert load_profile(name[1]).at(host[1], "cluster").master == host[1]
    assert "password" not in body, "a secret of Spark's would be sent to Mesos as its own"


def start_mesos(tmp_path, what, **more):
    """Arguments and variables of the program that the start script of Mesos ends in."""
    told = tmp_path / "told"
    for name in (f"mesos-{what}", "bin/spark-class"):
        program = tmp_path / "bin" / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(f'#!/bin/sh\nprintf "%s\\0" "$@" >{told}\nenv -0 >{told}.env\n')
        program.chmod(0o700)
    library = tmp_path / "libmesos.so"
    library.touch()
    env = {
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "PYSPARK_PYTHON": sys.executable, "LANG": "C.UTF-8",
        "SPARK_HOME": str(tmp_path / "bin"), "SPARK_CONF_DIR": str(CONTAINERS / "spark"), "JAVA_HOME": "/opt/java",
        "PGPASSFILE": str(tmp_path / "pgpass"), "AFTERBELL_SCRATCH": str(tmp_path), "AWS_DEFAULT_REGION": "us-east-1",
        "MESOS_NATIVE_JAVA_LIBRARY": str(library), "MESOS_MASTER": "127.0.0.1:5050", **MESOS_SECRETS,
    }  # fmt: skip
    done = subprocess.run(
        ["bash", str(CONTAINERS / "mesos" / "start"), what], env=env | more, capture_output=True, text=True, check=False
    )
    if done.returncode:
        return done, None
    return told.read_text().split("\0")[:-1], dict(
        one.split("=", 1) for one in Path(f"{told}.env").read_text().split("\0")[:-1]
    )


MESOS_SECRETS = {
    "MESOS_SECRET": "canary-mesos", "AFTERBELL_SPARK_SECRET": "canary-spark", "LAKE_DB_PASSWORD": "canary-lake",
    "AWS_ACCESS_KEY_ID": "canary-key", "AWS_SECRET_ACCESS_KEY": "canary '$(id)\" secret",
    "AFTERBELL_FEED_ACCESS_KEY": "canary-feed", "AFTERBELL_FEED_SECRET_KEY": "canary '$(id)\" feed",
    "AFTERBELL_ARTIFACT_ACCESS_KEY": "canary-artifacts", "AFTERBELL_ARTIFACT_SECRET_KEY": "canary `id` artifacts",
}  # fmt: skip


def test_an_agent_of_mesos_names_to_tasks_what_they_need_and_none_of_its_secrets(tmp_path):
    arguments, _ = start_mesos(tmp_path, "agent")
    (flag,) = [each for each in arguments if each.startswith("--executor_environment_variables=")]
    tasks = json.loads(flag.split("=", 1)[1])
    assert tasks["JAVA_HOME"] == "/opt/java"
    assert tasks["MESOS_NATIVE_JAVA_LIBRARY"] == str(tmp_path / "libmesos.so")
    assert {"PATH", "PGPASSFILE", "SPARK_CONF_DIR", "AFTERBELL_SPARK_CONF_DIR", "AWS_DEFAULT_REGION"} <= set(tasks)
    # Of several addresses the one on the master's network: the others lead nowhere from there.
    assert {tasks["LIBPROCESS_IP"], tasks["SPARK_LOCAL_IP"]} == {"127.0.0.1"}
    assert "--ip=127.0.0.1" in arguments
    assert "canary" not in " ".join(arguments)
    assert "canary-lake" in (tmp_path / "pgpass").read_text()


@pytest.mark.parametrize("conf", ["SPARK_CONF_DIR", "AFTERBELL_SPARK_CONF_DIR"])
def test_drivers_and_executors_on_an_agent_find_the_stores_keys_and_mesos_secret(tmp_path, conf):
    """As Spark's scripts do: executors read the node's file, drivers the one sent along, which reads the node's."""
    arguments, _ = start_mesos(tmp_path, "agent")
    (flag,) = [each for each in arguments if each.startswith("--executor_environment_variables=")]
    tasks = json.loads(flag.split("=", 1)[1])
    sent_along = ROOT / "include" / "afterbell" / "cluster" / "spark-env.sh"
    script = sent_along if conf == "AFTERBELL_SPARK_CONF_DIR" else Path(tasks[conf]) / "spark-env.sh"
    done = subprocess.run(
        ["bash", "-c", f'set -a; . "{script}"; set +a; env -0'], env=tasks, capture_output=True, text=True, check=True
    )
    found = dict(one.split("=", 1) for one in done.stdout.split("\0")[:-1])
    keys = [name for name in MESOS_SECRETS if name.startswith(("AWS_", "AFTERBELL_FEED", "AFTERBELL_ARTIFACT"))]
    assert len(keys) == 6
    assert {name: found[name] for name in keys} == {name: MESOS_SECRETS[name] for name in keys}
    assert (found["SPARK_MESOS_PRINCIPAL"], found["SPARK_MESOS_SECRET"]) == ("afterbell", "canary-mesos")
    assert stat.S_IMODE(Path(tasks["AFTERBELL_NODE_ENV"]).stat().st_mode) == 0o600


def test_the_dispatcher_of_the_containers_has_libmesos_and_its_secret(tmp_path):
    arguments, env = start_mesos(tmp_path, "dispatcher")
    assert arguments[0] == "org.apache.spark.deploy.mesos.MesosClusterDispatcher"
    assert (env["SPARK_MESOS_PRINCIPAL"], env["SPARK_MESOS_SECRET"]) == ("afterbell", "canary-mesos")
    assert "canary" not in " ".join(arguments)


@pytest.mark.parametrize("what", ["agent", "dispatcher"])
@pytest.mark.parametrize("library", ["", "/nowhere/libmesos.so"])
def test_nothing_that_runs_drivers_on_mesos_starts_without_libmesos(tmp_path, what, library):
    done, _ = start_mesos(tmp_path, what, MESOS_NATIVE_JAVA_LIBRARY=library)
    assert done.returncode == 2
    assert f"MESOS_NATIVE_JAVA_LIBRARY is '{library}'" in done.stderr


def test_a_task_elsewhere_than_on_mesos_reads_no_such_file(tmp_path):
    script = CONTAINERS / "spark" / "spark-env.sh"
    done = subprocess.run(["bash", "-ec", f'. "{script}"; echo ok'], env={"PATH": os.environ["PATH"]}, check=False)
    assert done.returncode == 0
