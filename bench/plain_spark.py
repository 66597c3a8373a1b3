"""What a user would write in place of the ingest: drops read as CSV, revisions numbered by a window, Iceberg."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as f

from afterbell.lake.tables import CATALOG

_PRICES = (
    "symbol string, date date, open double, high double, low double, close double, volume bigint, adj_close double"
)
_SPACE = f"{CATALOG}.plain"
_TEXTS = {"reports": ",", "symbols": "\t"}


def ingest_without_checks(spark: SparkSession, drops: Path, last: date) -> int:
    """The drops below ``drops`` up to the session ``last`` into tables of their own, which are replaced.

    Nothing is checked, nothing is set aside, drops are not distinguished, and no action is decided: prices get the
    number of their revision and the factor that the adjusted close shows; reports and symbol masters stay text.

    Returns:
        The rows of prices that were written.
    """
    spark.sql(f"CREATE NAMESPACE IF NOT EXISTS {_SPACE}")
    prices = spark.read.schema(_PRICES).option("header", "true").csv(_files(drops, "prices", last))
    prices = prices.withColumn("drop", f.regexp_extract(f.input_file_name(), r"(\d{8})\.csv", 1))
    by_bar, by_drop = Window.partitionBy("symbol", "date").orderBy("drop"), Window.partitionBy("symbol", "drop")
    before = by_drop.orderBy("date")
    revised = prices.dropDuplicates().withColumns(
        {
            "revision": f.row_number().over(by_bar) - 1,
            "same": f.coalesce(f.lag("close").over(by_bar) == f.col("close"), f.lit(False)),
            "factor": f.col("adj_close")
            / f.col("close")
            / (f.lag("adj_close").over(before) / f.lag("close").over(before)),
        }
    )
    new = revised.where("NOT same").withColumn("month", f.trunc("date", "month"))
    _write(new.repartition("month").sortWithinPartitions("month", "symbol", "date"), "prices", "month")
    for kind, separator in _TEXTS.items():
        _write(spark.read.option("sep", separator).csv(_files(drops, kind, last)), kind)
    return int(spark.table(f"{_SPACE}.prices").count())


def _files(drops: Path, kind: str, last: date) -> list[str]:
    paths = sorted(path for path in drops.glob(f"*/{kind}/*/*.gz") if path.name[:8] <= f"{last:%Y%m%d}")
    return [str(path) for path in paths if path.stat().st_size]


def _write(rows: DataFrame, name: str, partition: str = "") -> None:
    writer = rows.writeTo(f"{_SPACE}.{name}").using("iceberg")
    (writer.partitionedBy(f.col(partition)) if partition else writer).createOrReplace()
