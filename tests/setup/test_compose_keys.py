"""Who has which secret in docker-compose.yaml, and what each key of S3 opens."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CONTAINERS = ROOT / "include" / "containers"
USERS = ("ADMIN", "DELIVERY", "FEED", "LAKE", "RELEASES", "NOTEBOOK")
KEYS = {f"S3_{user}_{kind}_KEY": f"{user}-{kind}" for user in USERS for kind in ("ACCESS", "SECRET")}
JOB = {"SPARK_SECRET", "LAKE_DB_PASSWORD", "S3_LAKE", "S3_FEED", "S3_RELEASES"}
AIRFLOW = {
    "AIRFLOW_DB_PASSWORD", "AIRFLOW_FERNET_KEY", "AIRFLOW_JWT_SECRET", "AIRFLOW_SECRET_KEY", "SPARK_SECRET",
    "S3_FEED", "S3_RELEASES",
}  # fmt: skip
HOLDERS = {
    "postgres": {"AIRFLOW_DB_PASSWORD", "LAKE_DB_PASSWORD", "NOTEBOOK_DB_PASSWORD"},
    "s3": {f"S3_{user}" for user in USERS},
    "namenode": set(),
    "datanode-1": set(),
    "datanode-2": set(),
    "spark-master": {"SPARK_SECRET"},
    "spark-worker": JOB,
    "spark-history": set(),
    "history-page": {"PAGES_PASSWORD"},
    "prometheus": set(),
    "prometheus-page": {"PAGES_PASSWORD"},
    "statsd": set(),
    "airflow-prepare": AIRFLOW - {"S3_FEED", "S3_RELEASES"} | {"AIRFLOW_ADMIN_PASSWORD", "S3_ADMIN"},
    "airflow-api": AIRFLOW,
    "airflow-scheduler": AIRFLOW,
    "airflow-dag-processor": AIRFLOW,
    "airflow-triggerer": AIRFLOW,
    "afterbell": JOB - {"S3_FEED"} | {"S3_DELIVERY"},
    "notebook": {"JUPYTER_TOKEN", "NOTEBOOK_DB_PASSWORD", "S3_NOTEBOOK"},
    "mesos-master": {"MESOS_SECRET"},
    "mesos-dispatcher": {"MESOS_SECRET", "SPARK_SECRET"},
    "mesos-agent": JOB | {"MESOS_SECRET"},
}
"""The secrets of `.env` that each service is given, and no other."""


@pytest.fixture(scope="module")
def services():
    return yaml.safe_load((ROOT / "docker-compose.yaml").read_text())["services"]


def secrets_of(service) -> set[str]:
    """The secrets in the environment of a service, a pair of S3 keys as one."""
    names = re.findall(r"\$\{(\w+)", json.dumps(service.get("environment", {})))
    pairs = {re.sub(r"_(ACCESS|SECRET)_KEY$", "", name) if name.startswith("S3_") else name for name in names}
    return {name for name in pairs if re.match(r"S3_|.*(_SECRET|PASSWORD|TOKEN|_KEY)$", name)} - {
        "LDAP_BIND_PASSWORD", "OIDC_CLIENT_SECRET",
    }  # fmt: skip


def test_each_service_has_the_secrets_that_it_needs_and_no_other(services):
    assert {name: secrets_of(service) for name, service in services.items()} == HOLDERS


def test_jobs_on_a_notebook_are_a_choice_of_its_own(services):
    more = yaml.safe_load((CONTAINERS / "notebook-on-spark.yaml").read_text())["services"]
    assert set(more) == {"notebook"}
    assert secrets_of(more["notebook"]) == {"SPARK_SECRET"}
    assert "spark" in more["notebook"]["networks"]
    assert services["notebook"]["networks"] == ["notebook"]
    assert [volume for volume in services["notebook"]["volumes"] if volume.startswith("shared:")] == [
        "shared:/srv/afterbell:ro"
    ]


def start_s3(tmp_path, **more):
    """What the S3 server would be started with; `weed` is a stand-in, everything else is real."""
    program = tmp_path / "bin" / "weed"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >{tmp_path}/arguments\n')
    program.chmod(0o700)
    env = {
        "PATH": f"{program.parent}:{os.environ['PATH']}", "AFTERBELL_SCRATCH": str(tmp_path),
        "S3_FOLDER": str(tmp_path),
    }  # fmt: skip
    script = CONTAINERS / "s3" / "start"
    return subprocess.run(["bash", str(script)], env=env | KEYS | more, capture_output=True, text=True, check=False)


def test_a_key_of_s3_opens_its_own_bucket_and_only_the_admins_makes_one(tmp_path):
    assert start_s3(tmp_path).returncode == 0
    identities = json.loads((tmp_path / "identities.json").read_text())["identities"]
    read, write = ("Read", "List"), ("Read", "List", "Write", "Tagging")
    rights = {
        "admin": {"Admin:afterbell-feed", "Admin:afterbell-lake", "Admin:afterbell-artifacts"},
        "delivery": {f"{each}:afterbell-feed" for each in write},
        "feed": {f"{each}:afterbell-feed" for each in read},
        "lake": {f"{each}:afterbell-lake" for each in write},
        "releases": {f"{each}:afterbell-artifacts" for each in write},
        "notebook": {f"{each}:afterbell-{bucket}" for each in read for bucket in ("lake", "artifacts")},
    }
    assert {each["name"]: set(each["actions"]) for each in identities} == rights
    for each in identities:
        user = each["name"].upper()
        assert each["credentials"] == [{"accessKey": f"{user}-ACCESS", "secretKey": f"{user}-SECRET"}]


def test_the_parts_of_s3_answer_only_each_other(tmp_path):
    """The gRPC port beside S3's takes new identities from whoever may speak to it."""
    start_s3(tmp_path)
    arguments = (tmp_path / "arguments").read_text().split()
    assert {"-ip.bind=127.0.0.1", "-disableHttp=true", "-s3.iam=false"} <= set(arguments)
    settings = (tmp_path / ".seaweedfs" / "security.toml").read_text()
    assert re.findall(r"^\[grpc\.(\w+)\]$", settings, re.MULTILINE) == ["master", "volume", "filer", "s3", "client"]
    assert "BEGIN CERTIFICATE" in (tmp_path / ".seaweedfs" / "parts.crt").read_text()
    assert (tmp_path / ".seaweedfs" / "parts.key").stat().st_mode & 0o077 == 0
    assert (tmp_path / "identities.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("value", ['x", "actions": ["Admin"', "a\\", "a b", "a\nb", "$(id)"])
@pytest.mark.parametrize("name", ["S3_FEED_SECRET_KEY", "S3_NOTEBOOK_ACCESS_KEY"])
def test_a_key_that_would_change_the_file_of_identities_is_refused(tmp_path, name, value):
    done = start_s3(tmp_path, **{name: value})
    assert done.returncode == 2
    assert f"{name} has a character" in done.stderr
    assert value not in done.stderr
    assert not (tmp_path / "identities.json").exists()


@pytest.mark.parametrize("name", sorted(KEYS))
def test_s3_does_not_start_without_one_of_its_keys(tmp_path, name):
    done = start_s3(tmp_path, **{name: ""})
    assert done.returncode == 2
    assert f"{name} is empty: run make compose-env" in done.stderr


def test_an_older_file_of_secrets_gets_what_is_missing_and_is_told_what_nothing_reads(tmp_path):
    path = tmp_path / "env"
    path.write_text("S3_ACCESS_KEY=old\nS3_SECRET_KEY=old-canary\nSPARK_SECRET=mine\nS3_FEED_ACCESS_KEY=kept\n")
    script = [sys.executable, str(CONTAINERS / "compose_env.py"), str(path)]
    done = subprocess.run(script, capture_output=True, text=True, check=True)
    found = dict(line.split("=", 1) for line in path.read_text().splitlines() if not line.startswith("#"))
    assert set(KEYS) <= set(found)
    assert (found["SPARK_SECRET"], found["S3_FEED_ACCESS_KEY"]) == ("mine", "kept")
    assert "nothing reads S3_ACCESS_KEY, S3_SECRET_KEY any more" in done.stdout
    assert "canary" not in done.stdout


@pytest.mark.parametrize("password", ["a\nroot:{PLAIN}x", "a b", "a:b", "$(id)"])
def test_a_password_that_would_change_the_file_of_users_is_refused(tmp_path, password):
    words = ["bash", str(CONTAINERS / "page" / "start"), "18080", "http://spark-history:18080"]
    env = {"PATH": os.environ["PATH"], "PAGES_PASSWORD": password, "AFTERBELL_SCRATCH": str(tmp_path)}
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "PAGES_PASSWORD has a character" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [[], ["80"], ["80", "https://x:1"], ["80; x", "http://a:1"], ["80", "http://a:1/;}"]])
def test_a_page_is_a_port_and_a_service(tmp_path, words):
    env = {"PATH": os.environ["PATH"], "PAGES_PASSWORD": "x", "AFTERBELL_SCRATCH": str(tmp_path)}
    script = ["bash", str(CONTAINERS / "page" / "start"), *words]
    done = subprocess.run(script, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "start PORT http://SERVICE:PORT" in done.stderr
