"""Secrets that protect nothing: empty ones and those that programs are delivered with, outside this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping

from afterbell.cluster.profile import ClusterProfile
from afterbell.config.environment import HDFS_COOKIE, SPARK_SECRET
from afterbell.config.s3_keys import ARTIFACTS, FEED, GENERAL, S3_KEYS
from afterbell.errors import ConfigError

_HIDDEN = {*S3_KEYS, "SPARK_MESOS_SECRET", SPARK_SECRET, HDFS_COOKIE}
_DELIVERED = {
    "admin", "administrator", "airflow", "changeme", "changeit", "default", "guest", "minio", "minio123", "minioadmin",
    "password", "root", "secret", "spark", "test", "testing", "weed",
}  # fmt: skip
MESOS_PRINCIPAL, MESOS_SECRET = "SPARK_MESOS_PRINCIPAL", "SPARK_MESOS_SECRET"
SECRETS = (MESOS_PRINCIPAL, MESOS_SECRET, SPARK_SECRET)
"""Variables that hold the secrets of a cluster; a driver beside the submitter inherits them."""
_OF_MANAGER = {"local": (), "standalone": (SPARK_SECRET,), "mesos": (MESOS_PRINCIPAL, MESOS_SECRET)}
"""On Mesos each job makes its own secret of ``spark.authenticate``: one that is sent along would show on the pages."""


def cluster_secrets(cluster: ClusterProfile, environment: Mapping[str, str]) -> dict[str, str]:
    """Those variables of ``environment`` that hold secrets of ``cluster``; empty ones are left out.

    A driver on the cluster inherits nothing of its submitter, so each of these has to go along.
    """
    return {name: environment[name] for name in _OF_MANAGER[cluster.manager] if environment.get(name)}


def secret_values(environment: Mapping[str, str]) -> list[str]:
    """The values in the environment of a driver that no log may show."""
    return [value for name, value in environment.items() if value and name in _HIDDEN]


def weak_secrets(cluster: ClusterProfile, environment: Mapping[str, str]) -> list[str]:
    """What is wrong with the secrets that jobs on ``cluster`` are given; never the secrets themselves.

    Args:
        cluster: on the local machine, where everything is on loopback, nothing is wrong.
        environment: the variables of a step.
    """
    if cluster.manager == "local":
        return []
    problems = [
        f"{name} is a password that programs are delivered with: set another"
        for name in (GENERAL[1], FEED[1], ARTIFACTS[1], *SECRETS)
        if environment.get(name, "").lower() in _DELIVERED
    ]
    # On Mesos a driver without one makes its own.
    needs_secret = cluster.manager == "standalone" and cluster.conf.get("spark.authenticate") == "true"
    if needs_secret and not environment.get(SPARK_SECRET):
        problems.append(
            f"spark.authenticate is on and has no secret: set the Spark connection's password, or {SPARK_SECRET}"
        )
    return problems


def require_secrets(cluster: ClusterProfile, environment: Mapping[str, str]) -> None:
    """Refuse to start anything on ``cluster`` with secrets that protect nothing.

    Raises:
        ConfigError: there are such secrets; the message names the variables.
    """
    problems = weak_secrets(cluster, dict(os.environ) | dict(environment))
    if problems:
        raise ConfigError(f"nothing was started on {cluster.master}: {'; '.join(problems)}")


def open_doors(cluster: ClusterProfile) -> list[str]:
    """Where ``cluster`` accepts anybody without a check, as far as the profile shows."""
    doors: list[str] = []
    if cluster.manager == "local":
        return doors
    if cluster.conf.get("spark.authenticate") != "true":
        doors.append(
            "spark.authenticate is off: whoever reaches driver or executors may run code there; set it in conf, and "
            "the secret as the Spark connection's password"
        )
    if cluster.rest_address:
        doors.append(
            f"REST submission ({cluster.rest_address}) authenticates nobody: let only the submitters reach that port"
        )
    if cluster.manager == "mesos" and cluster.credentials == "submit":
        doors.append(
            "credentials: submit shows the stores' keys to whoever may read Mesos' tasks: use node, or "
            "spark.mesos.executor.secret.*"
        )
    return doors
