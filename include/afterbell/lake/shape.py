"""The layout of a table for the writer of its files: types, field ids, partition and place. Pickles to any task."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass, replace

import polars as pl
import pyarrow as pa
from pyspark.sql import SparkSession

from afterbell.errors import StaleInputError
from afterbell.lake.snapshots import live
from afterbell.lake.tables import Table

_ARROW = {
    "string": pa.string(),
    "date": pa.date32(),
    "double": pa.float64(),
    "float": pa.float32(),
    "long": pa.int64(),
    "int": pa.int32(),
    "boolean": pa.bool_(),
    "timestamptz": pa.timestamp("us", tz="UTC"),
}
_FIELD_ID = b"PARQUET:field_id"
_EPOCH_YEAR = 1970


@dataclass(frozen=True)
class Shape:
    """A table, as a writer of its files sees it.

    Attributes:
        name: ``namespace.table``.
        schema: Arrow's, with Iceberg's field ids.
        data: where its data files go.
        source: the column that it is partitioned by; empty where it isn't.
        transform: Iceberg's: ``month`` or ``day``.
        field: the partition field's name.
    """

    name: str
    schema: pa.Schema
    data: str
    source: str = ""
    transform: str = ""
    field: str = ""

    def only(self, names: Collection[str]) -> Shape:
        """The same with some of the columns; names that it lacks are ignored."""
        return replace(self, schema=pa.schema([field for field in self.schema if field.name in names]))

    def partition(self) -> pl.Expr:
        """The partition that each row belongs to, as Iceberg writes it in a path: ``session_month=543``.

        Raises:
            StaleInputError: the table is partitioned in a way that is not known here.
        """
        if not self.source:
            return pl.lit("")
        when = pl.col(self.source)
        if self.transform == "month":
            value = ((when.dt.year() - _EPOCH_YEAR) * 12 + when.dt.month() - 1).cast(pl.String)
        elif self.transform == "day":
            value = when.dt.date().cast(pl.String)
        else:
            raise StaleInputError(f"table {self.name}: partition transform {self.transform!r}: expected month or day")
        return pl.concat_str(pl.lit(f"{self.field}="), value)


def shape_of(spark: SparkSession, table: Table) -> Shape:
    """The shape of ``table`` as it is now.

    Raises:
        StaleInputError: it has a column of a type, or more partition fields, than is known here.
    """
    live_table = live(spark, table)
    java = spark._jvm.org.apache.iceberg  # noqa: SLF001 - Spark has no public door to Iceberg
    schema = json.loads(java.SchemaParser.toJson(live_table.schema()))
    spec = json.loads(java.PartitionSpecParser.toJson(live_table.spec()))
    names = {field["id"]: field["name"] for field in schema["fields"]}
    fields = [_field(table, field) for field in schema["fields"]]
    data = re.sub(r"/-$", "", live_table.locationProvider().newDataLocation("-"))
    parts = spec["fields"]
    if len(parts) > 1:
        raise StaleInputError(f"table {table.name}: expected at most one partition field, found {len(parts)}")
    where = (
        {
            "source": names[parts[0]["source-id"]],
            "transform": parts[0]["transform"],
            "field": parts[0]["name"],
        }
        if parts
        else {}
    )
    return Shape(table.name, pa.schema(fields), data, **where)


def _field(table: Table, field: dict[str, object]) -> pa.Field:
    kind = _ARROW.get(str(field["type"]))
    if kind is None:
        raise StaleInputError(
            f"table {table.name}, column {field['name']}: type {field['type']!r} is not one that files are written in"
        )
    return pa.field(str(field["name"]), kind, metadata={_FIELD_ID: str(field["id"]).encode()})
