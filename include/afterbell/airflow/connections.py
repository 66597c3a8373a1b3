"""From Airflow's connections to the environment of a step."""

from __future__ import annotations

from dataclasses import dataclass

from airflow.sdk import BaseHook, Connection
from airflow.sdk.exceptions import AirflowNotFoundException

from afterbell.cluster.connections import HDFS, LAKE, S3, SPARK
from afterbell.errors import ConfigError

_HOW = {
    SPARK: "type spark, host local[*], spark://host:7077 or mesos://host:5050, extra {'profile': 'local'}",
    S3: "type aws, keys as login and password, extra {'endpoint_url', 'region_name', 'feed_bucket', 'artifact_bucket'}",
    HDFS: "type webhdfs, host and port of the NameNode's web address, extra {'root': '/feed'}",
    LAKE: "type generic, extra {'catalog': 'jdbc:...', 'warehouse': 's3a://...'}",
}
_MASTERS = ("local", "spark://", "mesos://")


@dataclass(frozen=True)
class SparkTarget:
    """Where steps are submitted: Spark's master, the driver's place, and the profile with its sizes."""

    master: str
    deploy_mode: str
    profile: str


def get_connection(conn_id: str) -> Connection:
    """The connection ``conn_id``.

    Raises:
        ConfigError: there is none; the message says what it must hold. (Airflow's own hook would go on with
            ``master=yarn`` instead.)
    """
    try:
        return BaseHook.get_connection(conn_id)
    except AirflowNotFoundException as error:
        raise ConfigError(
            f"the Airflow connection {conn_id!r} is not defined, so nothing was submitted: create it under "
            f"Admin > Connections or as AIRFLOW_CONN_{conn_id.upper()} ({_HOW.get(conn_id, 'see the README')})"
        ) from error


def _extra(conn_id: str, connection: Connection, *names: str) -> list[str]:
    extra = connection.extra_dejson
    missing = [name for name in names if not extra.get(name)]
    if missing:
        raise ConfigError(f"the Airflow connection {conn_id!r} lacks {missing} in its extra ({_HOW[conn_id]})")
    return [str(extra[name]) for name in names]


def spark_target(conn_id: str = SPARK) -> SparkTarget:
    """Read the Spark connection.

    Raises:
        ConfigError: it is missing, names no profile, or its master is none that Afterbell runs on.
    """
    connection = get_connection(conn_id)
    (profile,) = _extra(SPARK, connection, "profile")
    host = connection.host or ""
    master = host if "://" in host or not connection.port else f"{connection.conn_type}://{host}"
    if connection.port:
        master = f"{master}:{connection.port}"
    if not master.startswith(_MASTERS):
        raise ConfigError(
            f"the Airflow connection {conn_id!r} has the master {master!r}; Afterbell runs on {', '.join(_MASTERS)}"
        )
    return SparkTarget(master, str(connection.extra_dejson.get("deploy-mode") or "client"), profile)


def store_environment() -> dict[str, str]:
    """The ``AFTERBELL_*`` and ``AWS_*`` variables of a step, out of the S3, HDFS and lake connections.

    Raises:
        ConfigError: a connection is missing or incomplete.
    """
    s3, hdfs, lake = get_connection(S3), get_connection(HDFS), get_connection(LAKE)
    region, feed, artifacts = _extra(S3, s3, "region_name", "feed_bucket", "artifact_bucket")
    (root,) = _extra(HDFS, hdfs, "root")
    catalog, warehouse = _extra(LAKE, lake, "catalog", "warehouse")
    return {
        "AFTERBELL_S3_ENDPOINT": str(s3.extra_dejson.get("endpoint_url") or ""),
        "AFTERBELL_S3_REGION": region,
        "AFTERBELL_FEED_BUCKET": feed,
        "AFTERBELL_ARTIFACT_BUCKET": artifacts,
        "AFTERBELL_HDFS_URL": f"{hdfs.schema or 'http'}://{hdfs.host}:{hdfs.port or 9870}",
        "AFTERBELL_HDFS_USER": hdfs.login or "afterbell",
        "AFTERBELL_HDFS_ROOT": root,
        "AFTERBELL_LAKE_CATALOG": catalog,
        "AFTERBELL_LAKE_WAREHOUSE": warehouse,
        "AWS_ACCESS_KEY_ID": s3.login or "",
        "AWS_SECRET_ACCESS_KEY": s3.password or "",
        "AWS_DEFAULT_REGION": region,
    }
