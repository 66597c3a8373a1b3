"""Labels as a Spark frame, for the train job."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame

from afterbell.calendar.sessions import Exchange
from afterbell.errors import PermanentError
from afterbell.features.grid import Panel, SessionGrid
from afterbell.features.labels import forward_returns
from afterbell.features.rows_spark import by_symbol, known_sessions, long_rows, partitions_for
from afterbell.features.streams import panels


def label_frame(
    bars: DataFrame, actions: DataFrame, exchange: Exchange, last: date, horizons: tuple[int, ...]
) -> DataFrame:
    """Forward returns of every symbol and session for which one is known.

    Args:
        bars: rows of ``market.bars`` at a snapshot; limit them to the sessions that are wanted, plus
            ``max(horizons) + 1`` after them.
        actions: rows of ``market.corporate_actions`` at a snapshot.
        exchange: whose sessions are counted.
        last: the run's session: nothing that became known after its cut-off is used.
        horizons: sessions, such as ``(1, 5)``.

    Returns:
        ``symbol string, session date, label_h<h> float`` for each horizon, null where that horizon has no label;
        see ``afterbell.features.labels`` for the definition. Rows without any label are left out.

    Raises:
        PermanentError: ``bars`` has no row up to ``last``.
    """
    limits = known_sessions(bars.where(bars["session"] <= last))
    if limits is None:
        raise PermanentError(f"labels: market.bars has no session up to {last}: rerun ingest and validate first")
    sessions = exchange.between(limits[0], last)
    grid = SessionGrid.of(exchange, sessions)
    inside = long_rows(
        bars.where(bars["session"] <= last), actions.where(actions["ex_session"].between(sessions[0], last))
    )
    spark = bars.sparkSession
    partitions = partitions_for(len(sessions) * 6_000, spark.sparkContext.defaultParallelism)

    def label(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for names, found in panels(batches, grid, max_age=None):
            yield label_batch(names, found, horizons)

    columns = ", ".join(f"label_h{horizon} float" for horizon in horizons)
    return by_symbol(inside, partitions).mapInArrow(label, f"symbol string, session date, {columns}")


def label_batch(names: pa.Array, found: Panel, horizons: tuple[int, ...]) -> pa.RecordBatch:
    """The labels of one panel as rows; non-finite labels are null."""
    labels = {horizon: array.astype(np.float32) for horizon, array in forward_returns(found, horizons).items()}
    some = np.logical_or.reduce([np.isfinite(array) for array in labels.values()])
    symbol, column = np.nonzero(some)
    columns = {
        "symbol": names.take(pa.array(symbol)),
        "session": pa.array(found.grid.days[column].astype(np.int32)).cast(pa.date32()),
    }
    for horizon, array in labels.items():
        value = array[some]
        columns[f"label_h{horizon}"] = pa.array(value, mask=~np.isfinite(value))
    return pa.record_batch(columns)
