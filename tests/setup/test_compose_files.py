"""What goes into the containers, without Docker: the secrets' file, what Compose is told, and what images leave out."""

from __future__ import annotations

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


def test_every_port_is_bound_to_this_machine_unless_told_otherwise(compose):
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert len(ports) >= 7
    assert all(port.startswith("${AFTERBELL_BIND:-127.0.0.1}:") for port in ports)


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
    assert "ARG BASE=debian:bookworm-slim" in text
    assert len(started) == 8
    assert all(re.findall(r"^USER (\w+)", stage, re.MULTILINE)[-1] == "afterbell" for stage in started.values())


def test_the_platform_and_the_clusters_of_the_containers_are_valid(compose, monkeypatch):
    platform = load_platform({"AFTERBELL_PLATFORM": str(CONTAINERS / "platform.yaml")})
    assert platform.embedded_stores() == ()
    services = set(compose["services"])
    for name in ("compose", "compose-mesos"):
        profile = load_profile(name)
        assert profile.deploy_mode == "cluster"
        assert profile.conf["spark.authenticate"] == "true"
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


@pytest.mark.parametrize("name", ["airflow", "spark", "s3", "postgres", "mesos"])
def test_what_starts_a_container_refuses_an_empty_secret(name):
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    done = subprocess.run(
        ["bash", str(CONTAINERS / name / "start"), "x"], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode
    assert "is empty" in done.stderr
    assert "make compose-env" in done.stderr
