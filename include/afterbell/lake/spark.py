"""A Spark session on the lake: Iceberg over a JDBC catalog, UTC, Arrow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from pyspark.sql import DataFrame, SparkSession
from pyspark.storagelevel import StorageLevel

from afterbell.cluster.ready import mark_ready
from afterbell.cluster.watch import open_session
from afterbell.config.runtime import Runtime
from afterbell.lake.snapshots import persistently
from afterbell.lake.sqlite import renew_connections
from afterbell.lake.tables import CATALOG

_SQLITE = "jdbc:sqlite:"
Other = TypeVar("Other")

LEVEL = StorageLevel.MEMORY_AND_DISK
"""As objects in memory, and on the executor's disk where they don't fit: the reason is in ``docs/architecture.md``."""


def lake_conf(runtime: Runtime) -> dict[str, str]:
    """Spark properties of the lake and of S3A; no secret among them.

    S3A takes its keys from the environment, so they show neither in the process list nor in Spark's pages.
    """
    catalog = f"spark.sql.catalog.{CATALOG}"
    conf = {
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
        catalog: "org.apache.iceberg.spark.SparkCatalog",
        f"{catalog}.type": "jdbc",
        f"{catalog}.uri": runtime.lake.catalog,
        f"{catalog}.jdbc.schema-version": "V1",
        f"{catalog}.warehouse": runtime.lake.warehouse,
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        # A task has one core, unless spark.task.cpus is set: threads for all of the machine's would fight.
        "spark.executorEnv.POLARS_MAX_THREADS": "1",
        "spark.hadoop.fs.s3a.aws.credentials.provider": "com.amazonaws.auth.EnvironmentVariableCredentialsProvider",
        "spark.hadoop.fs.s3a.path.style.access": "true",
        "spark.hadoop.fs.s3a.endpoint.region": runtime.s3.region,
    }
    if runtime.lake.catalog.startswith(_SQLITE):
        # A second writer waits for the first instead of failing with "database is locked", and for no reader at all.
        conf[f"{catalog}.jdbc.busy_timeout"] = "10000"
        conf[f"{catalog}.jdbc.journal_mode"] = "WAL"
    if runtime.s3.endpoint:
        conf["spark.hadoop.fs.s3a.endpoint"] = runtime.s3.endpoint
        conf["spark.hadoop.fs.s3a.connection.ssl.enabled"] = str(runtime.s3.endpoint.startswith("https")).lower()
    return conf


def lake_session(runtime: Runtime, app: str) -> SparkSession:
    """The session of this driver; master, cores, memory and jars come from the submitter."""
    builder = SparkSession.builder.appName(app)
    for key, value in lake_conf(runtime).items():
        builder = builder.config(key, value)
    spark = open_session(builder)
    spark.sparkContext.setLogLevel("WARN")
    if runtime.lake.catalog.startswith(_SQLITE):
        persistently("the lake's catalog", lambda: renew_connections(spark))
    mark_ready()
    return spark


def lake_session_beside(runtime: Runtime, app: str, other: Callable[[], Other]) -> tuple[SparkSession, Other]:
    """The session, and the result of ``other``, which runs while Java makes the session and must not need it."""
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(other)
        return lake_session(runtime, app), future.result()


@contextmanager
def kept(frame: DataFrame) -> Iterator[DataFrame]:
    """``frame``, kept by the executors from its first use to the end of the block."""
    held = frame.persist(LEVEL)
    try:
        yield held
    finally:
        held.unpersist()
