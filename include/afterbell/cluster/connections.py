"""The Airflow connections of the platform, as Airflow reads them from its environment.

Four connections carry everything a step needs, so that an installation is pointed elsewhere by editing them in
Airflow's UI or secrets backend: ``afterbell_spark``, ``afterbell_s3``, ``afterbell_hdfs`` and ``afterbell_lake``. Two
more hold keys alone, where one pair is not for all buckets: ``afterbell_s3_feed`` and ``afterbell_s3_lake``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import urlsplit

from afterbell.cluster.profile import ClusterProfile
from afterbell.config.environment import (
    ARTIFACT_BUCKET,
    FEED_BUCKET,
    HDFS_COOKIE,
    HDFS_ROOT,
    HDFS_URL,
    HDFS_USER,
    LAKE_CATALOG,
    LAKE_WAREHOUSE,
    S3_ENDPOINT,
    S3_REGION,
)
from afterbell.config.s3_keys import ARTIFACTS, FEED, GENERAL, keys_of, own_keys

SPARK, S3, HDFS, LAKE = "afterbell_spark", "afterbell_s3", "afterbell_hdfs", "afterbell_lake"
S3_FEED, S3_LAKE = "afterbell_s3_feed", "afterbell_s3_lake"


def connection_environment(step_env: Mapping[str, str], profile_name: str, profile: ClusterProfile) -> dict[str, str]:
    """``AIRFLOW_CONN_*`` variables for the stores of ``step_env`` and the cluster ``profile``.

    Args:
        step_env: the ``AFTERBELL_*`` and ``AWS_*`` variables of a step.
        profile_name: the profile's file name, which the connection carries on.
        profile: master and deploy mode of the cluster.
    """
    hdfs = urlsplit(step_env[HDFS_URL])
    connections: dict[str, dict[str, object]] = {
        SPARK: {
            "conn_type": "spark",
            "host": profile.master,
            "extra": {"deploy-mode": profile.deploy_mode, "profile": profile_name},
        },
        S3: {
            "conn_type": "aws",
            **_keys(keys_of(ARTIFACTS, step_env)),
            "extra": {
                "endpoint_url": step_env.get(S3_ENDPOINT, ""),
                "region_name": step_env[S3_REGION],
                "feed_bucket": step_env[FEED_BUCKET],
                "artifact_bucket": step_env[ARTIFACT_BUCKET],
            },
        },
        HDFS: {
            "conn_type": "webhdfs",
            "host": hdfs.hostname,
            "port": hdfs.port,
            "schema": hdfs.scheme,
            "login": step_env[HDFS_USER],
            **({"password": step_env[HDFS_COOKIE]} if step_env.get(HDFS_COOKIE) else {}),
            "extra": {"root": step_env[HDFS_ROOT]},
        },
        LAKE: {
            "conn_type": "generic",
            "extra": {
                "catalog": step_env[LAKE_CATALOG],
                "warehouse": step_env[LAKE_WAREHOUSE],
            },
        },
    }
    if feed := own_keys(FEED, step_env):
        connections[S3_FEED] = {"conn_type": "aws", **_keys(feed)}
    if own_keys(ARTIFACTS, step_env):
        connections[S3_LAKE] = {"conn_type": "aws", **_keys(keys_of(GENERAL, step_env))}
    return {f"AIRFLOW_CONN_{name.upper()}": json.dumps(body) for name, body in connections.items()}


def _keys(pair: tuple[str, str] | None) -> dict[str, object]:
    access, secret = pair or ("", "")
    return {"login": access, "password": secret}
