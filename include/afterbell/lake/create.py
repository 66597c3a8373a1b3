"""Making a table, with its first commit, in one step of the catalog; writers may meet on an empty lake."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from afterbell.errors import ConfigError
from afterbell.lake.snapshots import MAIN, live, persistently
from afterbell.lake.tables import CATALOG, Table

_FORMAT = {"format-version": "2"}
PROPERTIES = {
    "write.parquet.compression-codec": "zstd",
    "write.distribution-mode": "none",
    "commit.retry.num-retries": "10",
    # Every commit leaves a manifest, and a reader opens them all; Iceberg's own bound is a hundred.
    "commit.manifest.min-count-to-merge": "10",
}
_THERE_ALREADY = ("AlreadyExistsException", "SQLITE_CONSTRAINT", "duplicate key")


def ensure(spark: SparkSession, table: Table) -> None:
    """Create ``table`` with a first, empty commit, if it isn't there; add columns and properties declared since.

    Without a first commit a branch can't be fast-forwarded into ``main`` (apache/iceberg#8849).

    Raises:
        StoreUnavailableError: other writers kept the catalog busy.
    """
    persistently(f"table {table.name}", lambda: _ensure(spark, table))


def _ensure(spark: SparkSession, table: Table) -> None:
    java = spark._jvm.org.apache.iceberg  # noqa: SLF001 - Spark has no public door to Iceberg
    catalog = java.spark.Spark3Util.loadIcebergCatalog(spark._jsparkSession, CATALOG)  # noqa: SLF001
    name = java.catalog.TableIdentifier.parse(table.name)
    if not catalog.tableExists(name):
        _ignore_existing(lambda: _create(spark, catalog, name, table))
    live_table = live(spark, table)
    if not live_table.refs().containsKey(MAIN):  # a crash between two commits left it so, in an older version
        live_table.newAppend().commit()
    _add_columns(spark, live_table, table)
    _add_properties(live_table)


def _create(spark: SparkSession, catalog: Any, name: Any, table: Table) -> None:
    _ignore_existing(lambda: spark.sql(f"CREATE NAMESPACE IF NOT EXISTS {CATALOG}.{table.namespace}"))
    schema = _schema(spark, table)
    builder = catalog.buildTable(name, schema).withPartitionSpec(_spec(spark, schema, table))
    for key, value in (_FORMAT | PROPERTIES).items():
        builder = builder.withProperty(key, value)
    # The table and its first commit become visible together.
    change = builder.createTransaction()
    change.newAppend().commit()
    change.commitTransaction()


def _ignore_existing(action: Callable[[], object]) -> None:
    try:
        action()
    except (Py4JJavaError, PySparkException) as error:
        if not any(sign in str(error) for sign in _THERE_ALREADY):
            raise


def _schema(spark: SparkSession, table: Table) -> Any:
    jvm = spark._jvm  # noqa: SLF001 - Spark has no public door to Iceberg
    return jvm.org.apache.iceberg.spark.SparkSchemaUtil.convert(
        jvm.org.apache.spark.sql.types.StructType.fromDDL(table.columns)
    )


def _spec(spark: SparkSession, schema: Any, table: Table) -> Any:
    builder = spark._jvm.org.apache.iceberg.PartitionSpec.builderFor(schema)  # noqa: SLF001
    if table.partitioned_by:
        transform = re.fullmatch(r"(day|month)s\((\w+)\)", table.partitioned_by)
        if transform is None:
            raise ConfigError(
                f"table {table.name}: partitioned_by {table.partitioned_by!r}: write it like "
                "months(session) or days(at)"
            )
        builder = getattr(builder, transform[1])(transform[2])
    return builder.build()


def _add_columns(spark: SparkSession, live_table: Any, table: Table) -> None:
    """Give a table of an older version the columns it lacks; rows written before have none of their values."""
    # One call, where asking column by column is dozens.
    parser = spark._jvm.org.apache.iceberg.SchemaParser  # noqa: SLF001
    existing = {field["name"] for field in json.loads(parser.toJson(live_table.schema()))["fields"]}
    if {column.split()[0].strip("`") for column in table.columns.split(",")} <= existing:
        return
    change = live_table.updateSchema()
    for field in _schema(spark, table).columns():
        if field.name() not in existing:
            change = change.addColumn(field.name(), field.type())
    change.commit()


def _add_properties(live_table: Any) -> None:
    """Give a table of an older version the properties it lacks; a value that somebody has set stays."""
    existing = live_table.properties()
    lacking = {key: value for key, value in PROPERTIES.items() if key not in existing}
    if lacking:
        change = live_table.updateProperties()
        for key, value in lacking.items():
            change = change.set(key, value)
        change.commit()
