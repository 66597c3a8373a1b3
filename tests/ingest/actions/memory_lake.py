"""A lake in memory for tests of what runs leave behind, one after another: rows by table, as ``Base`` reads them."""

from __future__ import annotations

from typing import Any

import polars as pl

from afterbell.ingest.actions.decide import ACTIONS
from afterbell.ingest.actions.evidence import EVIDENCE as EVIDENCE_ROWS
from afterbell.ingest.actions.reports import REPORTED
from afterbell.lake.tables import BARS, CORPORATE_ACTIONS, EVIDENCE, REPORTED_ACTIONS, Table

STAMPS = {"knowledge_time": pl.Datetime("us", "UTC"), "drop_id": pl.String}
PRICES = dict.fromkeys(("open", "high", "low", "close"), pl.Float64)
BAR_ROWS = {"symbol": pl.String, "session": pl.Date, **PRICES, "volume": pl.Int64, "revision": pl.Int32, **STAMPS}


class MemoryLake:
    """Tables as frames; ``add`` is a publish."""

    def __init__(self) -> None:
        self.tables: dict[str, pl.DataFrame] = {
            EVIDENCE.name: pl.DataFrame(schema={**EVIDENCE_ROWS, **STAMPS}),
            CORPORATE_ACTIONS.name: ACTIONS.to_frame(),
            REPORTED_ACTIONS.name: REPORTED.to_frame(),
            BARS.name: pl.DataFrame(schema=BAR_ROWS),
        }

    def rows(self, table: Table, column: str = "", low: Any = None, high: Any = None) -> pl.DataFrame:
        found = self.tables[table.name]
        return found.filter(pl.col(column).is_between(pl.lit(low), pl.lit(high))) if column else found

    def add(self, table: Table, rows: pl.DataFrame | None) -> None:
        if rows is not None and rows.height:
            self.tables[table.name] = pl.concat([self.tables[table.name], rows.select(self.tables[table.name].columns)])
