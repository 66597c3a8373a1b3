"""The artifact store as Airflow's processes ask it: a few small documents, and no long wait for any of them."""

from __future__ import annotations

from afterbell.airflow.arrivals import runtime_of
from afterbell.airflow.connections import get_connection, store_environment
from afterbell.cluster.connections import HDFS, LAKE, S3, SPARK
from afterbell.errors import ConfigError
from afterbell.stores.artifacts import ArtifactStore
from afterbell.stores.retry import Retry, Timeouts

_TIMEOUTS = Timeouts(connect=2.0, read=4.0)


def open_artifacts() -> ArtifactStore:
    """The artifact store behind the connections; it is asked twice at most, a few seconds each.

    Raises:
        ConfigError: a connection is missing or incomplete.
    """
    environment = store_environment()
    keys = (environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"])
    location = runtime_of(environment).s3
    return ArtifactStore(location, Retry(attempts=2), keys if all(keys) else None, _TIMEOUTS)


def secret_values() -> tuple[str, ...]:
    """The passwords of the project's connections; those that are not defined have none."""
    found = []
    for conn_id in (SPARK, S3, HDFS, LAKE):
        try:
            found.append(get_connection(conn_id).password or "")
        except ConfigError:
            continue
    return tuple(filter(None, found))
