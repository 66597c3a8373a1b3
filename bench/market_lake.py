"""A drawn market written straight into a lake's bars and actions, a file a month: millions of rows in seconds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import groupby

import numpy as np
import pyarrow as pa
from pyspark.sql import SparkSession

from afterbell.calendar.sessions import Exchange
from afterbell.config.runtime import S3Location
from afterbell.features.slices import month_of
from afterbell.lake.commit import ensure_table
from afterbell.lake.files import FileWriter, NewFile, commit_files
from afterbell.lake.shape import Shape, shape_of
from afterbell.lake.tables import BARS, CORPORATE_ACTIONS

_KNOWN = timedelta(minutes=30)
_SPLITS_A_MONTH = 0.004


def write_market(spark: SparkSession, s3: S3Location, symbols: int, sessions: Sequence[date]) -> None:
    """Fill ``market.bars`` with a random walk a symbol, and ``market.corporate_actions`` with some splits.

    One bar in a hundred is missing, and one in fifty is restated a session later. Equal arguments give equal rows.
    """
    for table in (BARS, CORPORATE_ACTIONS):
        ensure_table(spark, table)
    random, exchange = np.random.default_rng(5), Exchange()
    names = pa.array([f"S{number:05d}" for number in range(symbols)])
    shape, level = shape_of(spark, BARS), 3.0 + random.random(symbols)
    files, actions = [], []
    for month, group in groupby(sessions, key=month_of):
        days = list(group)
        files.append(
            _bars(shape, month, names, days, [exchange.close(day) + _KNOWN for day in days], level, random, s3)
        )
        for at in np.flatnonzero(random.random(symbols) < _SPLITS_A_MONTH).tolist():
            actions.append((names[at].as_py(), days[-1], exchange.close(days[0]) + _KNOWN))
            level[at] -= np.log(2.0)
    commit_files(spark, BARS, files, "bars")
    shape = shape_of(spark, CORPORATE_ACTIONS)
    rows = [
        {"symbol": name, "ex_session": day, "factor": 0.5, "kind": "split", "basis": "drawn", "knowledge_time": known}
        for name, day, known in actions
    ]
    with FileWriter(shape, "", s3) as writer:
        writer.write(pa.Table.from_pylist(rows, schema=shape.schema))
    commit_files(spark, CORPORATE_ACTIONS, [writer.made], "actions")


def _bars(shape: Shape, month: int, names: pa.Array, days: list[date], known: list[datetime], level: np.ndarray,
          random: np.random.Generator, s3: S3Location) -> NewFile:  # fmt: skip
    with FileWriter(shape, f"{shape.field}={month}", s3) as writer:
        for day, moment in zip(days, known, strict=True):
            level += 0.02 * random.standard_normal(len(level))
            there = np.flatnonzero(random.random(len(level)) > 0.01)
            again = there[random.random(len(there)) < 0.02]
            volume = np.exp(11.0 + random.standard_normal(len(level))).astype(np.int64)
            for lanes, revision, delay, more in ((there, 0, 0, 0), (again, 1, 1, 100)):
                writer.write(
                    _rows(
                        shape, names, day, moment + timedelta(days=delay), revision, np.exp(level), volume + more, lanes
                    )
                )
    return writer.made


def _rows(shape: Shape, names: pa.Array, day: date, known: datetime, revision: int, close: np.ndarray,
          volume: np.ndarray, lanes: np.ndarray) -> pa.Table:  # fmt: skip
    n, price = len(lanes), np.round(close[lanes], 2) + 1.0
    columns = {
        "symbol": names.take(pa.array(lanes)),
        "session": pa.repeat(pa.scalar(day, pa.date32()), n),
        "open": pa.array(price * 0.995), "high": pa.array(price * 1.01), "low": pa.array(price * 0.99),
        "close": pa.array(price), "volume": pa.array(volume[lanes]), "adj_close": pa.array(price),
        "knowledge_time": pa.repeat(pa.scalar(known, pa.timestamp("us", "UTC")), n),
        "revision": pa.repeat(pa.scalar(revision, pa.int32()), n), "drop_id": pa.repeat(pa.scalar(day.isoformat()), n),
    }  # fmt: skip
    return pa.Table.from_arrays([columns[field.name] for field in shape.schema], schema=shape.schema)
