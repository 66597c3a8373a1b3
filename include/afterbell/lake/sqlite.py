"""Settings of Iceberg's JDBC catalog on SQLite, so that two processes can share it."""

from __future__ import annotations

from typing import Any

from pyspark.sql import SparkSession

from afterbell.lake.tables import CATALOG


def renew_connections(spark: SparkSession) -> None:
    """Replace the connections over which the catalog was opened.

    Iceberg 1.10's JdbcCatalog looks at the database's tables and columns when it is opened and never closes the result
    sets (``initializeCatalogTables``, ``updateSchemaIfRequired``). On SQLite that connection then stays a reader for as
    long as the process lives: it sees the catalog as it was, and other processes' commits wait for it.
    """
    java = spark._jvm  # noqa: SLF001 - Spark has no public door to Iceberg
    loader = java.org.apache.iceberg.spark.Spark3Util
    catalog = loader.loadIcebergCatalog(spark._jsparkSession, CATALOG)  # noqa: SLF001
    for name in ("catalog", "connections"):  # the cache in front of the catalog; its pool
        catalog = _field(catalog, name)
    idle = _field(catalog, "clients")
    for _ in range(idle.size()):
        idle.poll().close()
        idle.add(_call(spark, catalog, "newClient"))


def _field(owner: Any, name: str) -> Any:
    kind = owner.getClass()
    while kind is not None:
        for field in kind.getDeclaredFields():
            if field.getName() == name:
                field.setAccessible(True)
                return field.get(owner)
        kind = kind.getSuperclass()
    raise AttributeError(f"{owner.getClass().getName()} has no field {name!r}: another release of Iceberg?")


def _call(spark: SparkSession, owner: Any, name: str) -> Any:
    gateway = spark.sparkContext._gateway  # noqa: SLF001 - the only way to an empty array
    none = gateway.new_array(gateway.jvm.java.lang.Object, 0)
    # By name: the overriding method comes first, its bridge of the same effect after it.
    method = next(candidate for candidate in owner.getClass().getDeclaredMethods() if candidate.getName() == name)
    method.setAccessible(True)
    return method.invoke(owner, none)
