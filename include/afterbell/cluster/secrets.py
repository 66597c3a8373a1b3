"""Secrets that protect nothing: empty ones and those that programs are delivered with, outside this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping

from afterbell.cluster.managers import registered
from afterbell.cluster.profile import ClusterProfile
from afterbell.config.environment import HDFS_COOKIE
from afterbell.config.s3_keys import ARTIFACTS, FEED, GENERAL, S3_KEYS
from afterbell.errors import ConfigError

_DELIVERED = {
    "admin", "administrator", "airflow", "changeme", "changeit", "default", "guest", "minio", "minio123", "minioadmin",
    "password", "root", "secret", "spark", "test", "testing", "weed",
}  # fmt: skip


def cluster_secrets(cluster: ClusterProfile, environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of ``environment`` that hold secrets of ``cluster``; empty ones are left out.

    A driver on the cluster inherits nothing of its submitter, so each of these has to go along.
    """
    return {name: environment[name] for name in cluster.manager.secrets if environment.get(name)}


def secret_values(environment: Mapping[str, str]) -> list[str]:
    """The values in the environment of a driver that no log may show."""
    hidden = {*S3_KEYS, HDFS_COOKIE}
    for manager in registered():
        hidden |= set(manager.secrets) - set(manager.public)
    return [value for name, value in environment.items() if value and name in hidden]


def weak_secrets(cluster: ClusterProfile, environment: Mapping[str, str]) -> list[str]:
    """The problems of the secrets of jobs on ``cluster``, a sentence each; never the secrets themselves.

    Args:
        cluster: on the local machine, where everything is on loopback, nothing is wrong.
        environment: the variables of a step.
    """
    nodes = cluster.manager.nodes
    if nodes is None:
        return []
    secrets = [name for manager in registered() for name in manager.secrets]
    problems = [
        f"{name} is a password that programs are delivered with: set another"
        for name in (GENERAL[1], FEED[1], ARTIFACTS[1], *secrets)
        if environment.get(name, "").lower() in _DELIVERED
    ]
    return [*problems, *nodes.missing_secrets(cluster, environment)]


def require_secrets(cluster: ClusterProfile, environment: Mapping[str, str]) -> None:
    """Refuse to start anything on ``cluster`` with secrets that protect nothing.

    Raises:
        ConfigError: there are such secrets; the message names the variables.
    """
    problems = weak_secrets(cluster, dict(os.environ) | dict(environment))
    if problems:
        raise ConfigError(f"nothing was started on {cluster.master}: {'; '.join(problems)}")


def open_doors(cluster: ClusterProfile) -> list[str]:
    """Warnings about unauthenticated access to ``cluster``, as far as the profile shows."""
    nodes = cluster.manager.nodes
    if nodes is None:
        return []
    doors: list[str] = []
    if cluster.conf.get("spark.authenticate") != "true":
        doors.append(
            "spark.authenticate is off: anyone who can connect to a driver may run code there; set it in conf, and "
            "the secret as the Spark connection's password"
        )
    if cluster.rest_address:
        doors.append(
            f"REST submission ({cluster.rest_address}) authenticates nobody: let only the submitters reach that port"
        )
    return [*doors, *nodes.open_doors(cluster)]
