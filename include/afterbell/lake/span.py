"""The first and the last session of ``market.bars``, out of the table's own metadata: no row of it is read."""

from __future__ import annotations

import sys
from datetime import date, timedelta
from typing import TYPE_CHECKING

from afterbell.calendar.span import Span, write_span
from afterbell.config.runtime import Runtime
from afterbell.lake.tables import BARS
from afterbell.stores.artifacts import ArtifactStore

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_EPOCH = date(1970, 1, 1)
_COLUMNS = (
    "min(readable_metrics.session.lower_bound) AS first",
    "max(readable_metrics.session.upper_bound) AS last",
)


def bars_span(runtime: Runtime) -> Span | None:
    """The sessions on ``main``, without Spark; None where there is no bar, or a file lacks its bounds.

    Raises:
        StoreConfigError: there is no catalog yet.
        ConfigError: there is no such table yet.
    """
    from pyiceberg.conversions import from_bytes  # noqa: PLC0415 - half a second, which drivers don't need
    from pyiceberg.types import DateType  # noqa: PLC0415

    from afterbell.lake.reader import open_table  # noqa: PLC0415

    table = open_table(runtime, BARS.name)
    place = table.schema().find_field("session").field_id
    files = [task.file for task in table.scan().plan_files()]
    bounds = [(file.lower_bounds.get(place), file.upper_bounds.get(place)) for file in files]
    if not bounds or not all(low and high for low, high in bounds):
        return None
    days = [int(from_bytes(DateType(), bound)) for pair in bounds for bound in pair if bound]  # since 1970
    return Span(first=_EPOCH + timedelta(days=min(days)), last=_EPOCH + timedelta(days=max(days)))


def note_span(spark: SparkSession, runtime: Runtime) -> None:
    """Write down which sessions there are, for forms; a failure is a line in the log, and fails nothing."""
    try:
        row = spark.table(f"{BARS.full_name}.files").selectExpr(*_COLUMNS).first()
        if row is not None and row["first"] is not None:
            write_span(ArtifactStore(runtime.s3), Span(first=row["first"], last=row["last"]))
    except Exception as error:  # noqa: BLE001 - the bars are published; only forms need it
        print(f"warning: the sessions there are were not written down: {error}", file=sys.stderr, flush=True)
