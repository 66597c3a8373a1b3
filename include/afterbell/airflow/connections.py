"""From Airflow's connections to the environment of a step."""

from __future__ import annotations

import os
from dataclasses import dataclass

from airflow.sdk import BaseHook, Connection
from airflow.sdk.exceptions import AirflowNotFoundException

from afterbell.cluster.connections import HDFS, LAKE, S3, S3_FEED, S3_LAKE, SPARK
from afterbell.cluster.managers import registered
from afterbell.cluster.managers.contract import SparkLogin
from afterbell.cluster.profile import ClusterProfile, load_profile
from afterbell.cluster.secrets import cluster_secrets
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
from afterbell.config.runtime import S3Location
from afterbell.config.s3_keys import ARTIFACTS, FEED, GENERAL
from afterbell.errors import ConfigError

_HOW = {
    S3: "type aws, keys as login and password, extra {'endpoint_url', 'region_name', 'feed_bucket', 'artifact_bucket'}",
    S3_FEED: "type aws, the feed's access key and secret key as login and password",
    S3_LAKE: "type aws, the lake's access key and secret key as login and password",
    HDFS: "type webhdfs, host and port of the NameNode's web address, extra {'root': '/feed'}",
    LAKE: "type generic, extra {'catalog': 'jdbc:...', 'warehouse': 's3a://...'}",
    "afterbell_webhook": "type http, host https://host/path, password: a bearer token if one is required",
}


def _how_to_define(conn_id: str) -> str:
    if conn_id == SPARK:
        *examples, last = [manager.example for manager in registered()]
        return f"type spark, host {', '.join(examples)} or {last}, extra {{'profile': 'local'}}"
    return _HOW.get(conn_id, "see the README")


@dataclass(frozen=True)
class SparkTarget:
    """The cluster that steps are submitted to.

    Attributes:
        master: Spark's master.
        deploy_mode: where the driver runs.
        profile: the profile's name.
        cluster: that profile, with this master and deploy mode.
    """

    master: str
    deploy_mode: str
    profile: str
    cluster: ClusterProfile


def get_connection(conn_id: str) -> Connection:
    """The connection ``conn_id``.

    Raises:
        ConfigError: it is not defined; the message states what it must hold. (Airflow's own hook would go on with
            ``master=yarn`` instead.)
    """
    try:
        return BaseHook.get_connection(conn_id)
    except AirflowNotFoundException as error:
        raise ConfigError(
            f"the Airflow connection {conn_id!r} is not defined, so nothing was submitted: create it under "
            f"Admin > Connections or as AIRFLOW_CONN_{conn_id.upper()} ({_how_to_define(conn_id)})"
        ) from error


def _extra(conn_id: str, connection: Connection, *names: str) -> list[str]:
    extra = connection.extra_dejson
    missing = [name for name in names if not extra.get(name)]
    if missing:
        how = _how_to_define(conn_id)
        raise ConfigError(f"the Airflow connection {conn_id!r} lacks {missing} in its extra ({how})")
    return [str(extra[name]) for name in names]


def spark_target(conn_id: str = SPARK, profile: str = "") -> SparkTarget:
    """The cluster to submit to: that of the Spark connection, or of the cluster profile that a run names instead.

    Args:
        conn_id: the Spark connection. Its master (host and port), its extra ``deploy-mode`` and ``rest-url`` win over
            those of the profile that it names.
        profile: a profile of ``include/config/clusters`` that wins over the connection; empty for the connection's own.

    Raises:
        ConfigError: the connection is missing or names no profile, there is no such profile, or it doesn't fit the
            connection's master.
    """
    connection = get_connection(conn_id)
    (named,) = _extra(SPARK, connection, "profile")
    if profile:
        chosen = load_profile(profile)
        return SparkTarget(chosen.master, chosen.deploy_mode, profile, chosen)
    master = _master(conn_id, connection)
    deploy_mode = str(connection.extra_dejson.get("deploy-mode") or "client")
    chosen = load_profile(named).at(master, deploy_mode, str(connection.extra_dejson.get("rest-url") or ""))
    return SparkTarget(master, deploy_mode, named, chosen)


def _master(conn_id: str, connection: Connection) -> str:
    host = connection.host or ""
    master = host if "://" in host or not connection.port else f"{connection.conn_type}://{host}"
    if connection.port:
        master = f"{master}:{connection.port}"
    prefixes = [manager.prefix for manager in registered()]
    if not master.startswith(tuple(prefixes)):
        raise ConfigError(
            f"the Airflow connection {conn_id!r} has the master {master!r}; Afterbell runs on {', '.join(prefixes)}"
        )
    return master


def spark_secrets(cluster: ClusterProfile, conn_id: str = SPARK) -> dict[str, str]:
    """Variables of the driver that hold the cluster's secrets; empty where it has none.

    Whose secret the password of the Spark connection is, its cluster manager decides. What the connection does not set
    comes from the variables of this process, wherever the driver runs.

    Raises:
        ConfigError: the connection is missing, or has a secret that belongs to nobody.
    """
    connection, inherited = get_connection(conn_id), cluster_secrets(cluster, os.environ)
    nodes = cluster.manager.nodes
    login = SparkLogin(conn_id, connection.login or "", connection.password or "")
    return nodes.login_secrets(cluster, login, inherited) if nodes else inherited


def store_environment() -> dict[str, str]:
    """The ``AFTERBELL_*`` and ``AWS_*`` variables of a step, from the S3, HDFS and lake connections.

    ``afterbell_s3_feed`` and ``afterbell_s3_lake`` are optional: without them the keys of ``afterbell_s3`` are for all
    buckets.

    Raises:
        ConfigError: a connection is missing or incomplete.
    """
    s3, hdfs, lake = get_connection(S3), get_connection(HDFS), get_connection(LAKE)
    region, feed, artifacts = _extra(S3, s3, "region_name", "feed_bucket", "artifact_bucket")
    (root,) = _extra(HDFS, hdfs, "root")
    catalog, warehouse = _extra(LAKE, lake, "catalog", "warehouse")
    return {
        S3_ENDPOINT: str(s3.extra_dejson.get("endpoint_url") or ""),
        S3_REGION: region,
        FEED_BUCKET: feed,
        ARTIFACT_BUCKET: artifacts,
        HDFS_URL: f"{hdfs.schema or 'http'}://{hdfs.host}:{hdfs.port or 9870}",
        HDFS_USER: hdfs.login or "afterbell",
        HDFS_ROOT: root,
        **_cookie(hdfs.password or ""),
        LAKE_CATALOG: catalog,
        LAKE_WAREHOUSE: warehouse,
        "AWS_DEFAULT_REGION": region,
        **_s3_keys(s3),
    }


def _cookie(password: str) -> dict[str, str]:
    """The variable with the cookie of WebHDFS; a gateway's password is not a cookie."""
    return {HDFS_COOKIE: password} if password.startswith("hadoop.auth=") else {}


def _s3_keys(s3: Connection) -> dict[str, str]:
    """The variables of the keys: the S3 connection's are for all buckets that have no connection of their own."""
    own = (s3.login or "", s3.password or "")
    variables: dict[str, str] = {}
    if feed := _optional_keys(S3_FEED):
        variables |= dict(zip(FEED, feed, strict=True))
    if lake := _optional_keys(S3_LAKE):
        variables |= dict(zip(ARTIFACTS, own, strict=True))
    return variables | dict(zip(GENERAL, lake or own, strict=True))


def _optional_keys(conn_id: str) -> tuple[str, str] | None:
    try:
        connection = BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        return None
    if not (connection.login and connection.password):
        raise ConfigError(f"the Airflow connection {conn_id!r} lacks a login or a password ({_how_to_define(conn_id)})")
    return connection.login, connection.password


def artifact_location() -> tuple[S3Location, tuple[str, str] | None]:
    """The S3 service and its keys from the S3 connection alone; None where boto3 must find keys itself.

    Raises:
        ConfigError: the connection is missing or incomplete.
    """
    s3 = get_connection(S3)
    region, feed, artifacts = _extra(S3, s3, "region_name", "feed_bucket", "artifact_bucket")
    location = S3Location(str(s3.extra_dejson.get("endpoint_url") or "") or None, region, feed, artifacts)
    return location, (s3.login, s3.password) if s3.login and s3.password else None
