"""A quarter of the real symbols: features of all sessions in one job, against each session on what was known then.

Writes, as JSON, how many rows were compared and which differ, for every factor set.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.expressions import GreaterThanOrEqual

from afterbell.calendar.sessions import Exchange
from afterbell.config.runtime import Runtime
from afterbell.features.factors import FactorSet
from afterbell.features.features_spark import table_of
from afterbell.features.fill import slice_rows, without_held
from afterbell.features.grid import CUT_OFF, SessionGrid
from afterbell.features.job import features
from afterbell.features.sets import factor_set
from afterbell.features.slices import HoleSlice, month_of
from afterbell.ingest.job import ingest
from afterbell.ingest.write import publish
from afterbell.lake.commit import head
from afterbell.lake.listings import HOLD_COLUMNS, RENAME_COLUMNS, RENAMED, WRONG_LISTING
from afterbell.lake.reader import scan
from afterbell.lake.tables import BARS, CORPORATE_ACTIONS, FUNDAMENTALS
from afterbell.stores.protocols import Delivery
from afterbell.stores.upload import upload
from bench.lakes import Lake
from tests.real_drops import delivered_on, delivery, paths

ONE_IN = 4
EXCHANGE = Exchange()
SESSIONS = EXCHANGE.between(date(2015, 6, 15), date(2016, 1, 15))
"""149 sessions. Splits, listings, delistings, half days and thousands of restated bars are among them."""
COMPARED = 64
NAMES = ("alpha158", "core", "cross_section", "fundamental")
DAILY = 2
"""The last of them come by runs of their own."""


def drops() -> Iterable[Delivery]:
    for kind, path in paths():
        if SESSIONS[0] <= delivered_on(path) <= SESSIONS[-1]:
            yield delivery(kind, path, ONE_IN)


class Market:
    """The lake's tables, as Arrow."""

    def __init__(self, runtime: Runtime) -> None:
        self._tables = {table: scan(runtime, table.name) for table in (BARS, CORPORATE_ACTIONS, FUNDAMENTALS)}
        self.restated = int(pc.sum(pc.greater(self._tables[BARS]["revision"], 0)).as_py())

    def on(self, session: date) -> tuple[pa.Table, pa.Table, pa.Table]:
        """What had become known by the cut-off of ``session``."""
        moment = pa.scalar(EXCHANGE.close(session) + CUT_OFF, pa.timestamp("us", "UTC"))
        kept = [table.filter(pc.less_equal(table["knowledge_time"], moment)) for table in self._tables.values()]
        return kept[0], kept[1], kept[2]


def on_its_day(known: tuple[pa.Table, pa.Table, pa.Table], factors: FactorSet, session: date) -> dict[str, bytes]:
    """The rows of one session by symbol, computed on what was known then and nothing else."""
    sessions = [*EXCHANGE.before(session, factors.depth), session]
    one = HoleSlice(month_of(session), SessionGrid.of(EXCHANGE, sessions), (len(sessions) - 1,))
    bars, actions, filings = known
    named = pl.DataFrame(pl.from_arrow(actions))
    bars = without_held(bars, named.filter(pl.col("kind") == WRONG_LISTING).select(HOLD_COLUMNS))
    renames = named.filter(pl.col("kind") == RENAMED).select(RENAME_COLUMNS)
    found = {}
    for symbols, rows in slice_rows(one, [bars], actions, factors, filings if factors.source else None, renames):
        for code, values in zip(rows.symbol.tolist(), rows.values.T, strict=True):
            found[symbols[code]] = np.ascontiguousarray(values).tobytes()
    return found


def stored(table: pa.Table, factors: FactorSet, session: date) -> dict[str, bytes]:
    """What the lake has of a session."""
    mine = table.filter(pc.equal(table["session"], pa.scalar(session)))
    values = np.column_stack([mine[name].to_numpy() for name in factors.names]).astype(np.float32)
    values[np.isnan(values)] = np.nan  # nulls come back as a NaN of other bits
    assert len(set(mine["symbol"].to_pylist())) == mine.num_rows
    return dict(zip(mine["symbol"].to_pylist(), (row.tobytes() for row in values), strict=True))


def main() -> None:
    os.environ["AFTERBELL_FEED_BUCKET"] = "features-real"
    os.environ["AFTERBELL_HDFS_ROOT"] = "/features-real"
    upload(drops(), Runtime.from_env())
    lake = Lake(Path(sys.argv[1]).parent, "real")
    publish(lake.spark, ingest(lake.args("ingest", SESSIONS[-1])).branch)
    inputs: dict[str, Any] = {
        "bars_snapshot": head(lake.spark, BARS),
        "actions_snapshot": head(lake.spark, CORPORATE_ACTIONS),
        "filings_snapshot": head(lake.spark, FUNDAMENTALS),
        "factor_sets": list(NAMES),
    }
    for session in SESSIONS[-DAILY - 1 :]:
        features(lake.args("features", session, **inputs))
    market, sets = Market(lake.runtime), [factor_set(name) for name in NAMES]
    first = GreaterThanOrEqual("session", SESSIONS[-COMPARED])
    tables = {factors.name: scan(lake.runtime, table_of(factors).name, where=first) for factors in sets}
    seen: dict[str, dict[str, Any]] = {name: {"rows": 0, "differ": []} for name in NAMES}
    for session in SESSIONS[-COMPARED:]:
        known = market.on(session)
        for factors in sets:
            rows, expected = stored(tables[factors.name], factors, session), on_its_day(known, factors, session)
            both = sorted(rows.keys() | expected.keys())
            seen[factors.name]["rows"] += len(rows)
            seen[factors.name]["differ"] += [f"{session} {at}" for at in both if rows.get(at) != expected.get(at)][:5]
    answer = {"sets": seen, "restated": market.restated, "sessions": COMPARED}
    Path(sys.argv[1]).write_text(json.dumps(answer), encoding="utf-8")


if __name__ == "__main__":
    main()
