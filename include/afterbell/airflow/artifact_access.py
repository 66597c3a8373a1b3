"""The artifact store for Airflow's own processes: they read a few small documents, and wait long for none of them."""

from __future__ import annotations

from afterbell.airflow.arrivals import runtime_of
from afterbell.airflow.connections import get_connection, store_environment
from afterbell.cluster.connections import HDFS, LAKE, S3, S3_FEED, S3_LAKE, SPARK
from afterbell.config.s3_keys import ARTIFACTS, keys_of
from afterbell.errors import ConfigError
from afterbell.stores.artifacts import ArtifactStore
from afterbell.stores.retry import Retry, Timeouts

_TIMEOUTS = Timeouts(connect=2.0, read=4.0)


def open_artifacts() -> ArtifactStore:
    """The artifact store of the connections; a request is tried twice at most, a few seconds each.

    Raises:
        ConfigError: a connection is missing or incomplete.
    """
    environment = store_environment()
    keys, location = keys_of(ARTIFACTS, environment), runtime_of(environment).s3
    return ArtifactStore(location, Retry(attempts=2), keys, _TIMEOUTS)


def secret_values() -> tuple[str, ...]:
    """The passwords of the project's connections; those that are not defined have none."""
    passwords = []
    for conn_id in (SPARK, S3, S3_FEED, S3_LAKE, HDFS, LAKE):
        try:
            passwords.append(get_connection(conn_id).password or "")
        except ConfigError:
            continue
    return tuple(filter(None, passwords))
