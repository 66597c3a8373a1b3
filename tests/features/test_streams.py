"""Arrow batches cut anywhere become panels of whole symbols, none larger than the bound."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from afterbell.calendar.sessions import Exchange
from afterbell.features.grid import FIELDS, SessionGrid
from afterbell.features.streams import panels

DAYS = Exchange("XNYS").between(date(2016, 6, 27), date(2016, 6, 30))
GRID = SessionGrid.of(Exchange("XNYS"), DAYS)
CLOSE = FIELDS.index("close")
SYMBOLS = [f"S{number}" for number in range(7)]


def batches(rows_each: int) -> Iterator[pa.RecordBatch]:
    """A bar a symbol and session, whose close is the symbol's number times 10 plus the session's; a split in S3."""
    rows: list[dict[str, Any]] = [
        {
            "symbol": symbol,
            "session": day,
            "knowledge_time": datetime(2016, 6, day.day, 20, 30, tzinfo=UTC),
            "revision": 0,
            **dict.fromkeys(FIELDS, float(10 * number + at)),
            "kind": None,
            "factor": None,
        }
        for number, symbol in enumerate(SYMBOLS)
        for at, day in enumerate(DAYS)
    ]
    split = {
        "symbol": "S3",
        "session": DAYS[2],
        "knowledge_time": rows[0]["knowledge_time"],
        "kind": "split",
        "factor": 0.5,
    }
    rows.insert(14, split)
    schema = pa.schema([
        ("symbol", pa.string()), ("session", pa.date32()), ("knowledge_time", pa.timestamp("us", "UTC")),
        ("revision", pa.int32()), *((name, pa.float64()) for name in FIELDS), ("kind", pa.string()),
        ("factor", pa.float64()),
    ])  # fmt: skip
    yield from pa.Table.from_pylist(rows, schema).to_batches(max_chunksize=rows_each)


@pytest.mark.parametrize("rows_each", [1, 3, 5, 100])
@pytest.mark.parametrize("cells", [1, 8, 13, 1000])
def test_every_symbol_comes_once_and_whole(rows_each: int, cells: int) -> None:
    found = {}
    for names, panel in panels(batches(rows_each), GRID, None, cells):
        assert len(names) * len(DAYS) <= max(cells, len(DAYS))
        for index, name in enumerate(names.to_pylist()):
            assert name not in found
            found[name] = panel.bars.at(0)[CLOSE, index].tolist()
            assert panel.splits.at(0)[0, index].tolist() == ([1.0, 1.0, 0.5, 1.0] if name == "S3" else [1.0] * 4)
    assert found == {name: [10.0 * number + at for at in range(4)] for number, name in enumerate(SYMBOLS)}


def test_no_rows_are_no_panels() -> None:
    assert list(panels(iter([next(batches(100)).slice(0, 0)]), GRID, None)) == []


def test_a_row_that_is_null_in_a_field_is_nan_there() -> None:
    batch = next(batches(100)).slice(0, 1)
    volume = FIELDS.index("volume")
    at = batch.schema.get_field_index("volume")
    broken = batch.set_column(at, "volume", pa.array([None], pa.float64()))
    ((_, panel),) = list(panels(iter([broken]), GRID, None))
    assert np.isnan(panel.bars.at(0)[volume, 0, 0])
    assert panel.bars.at(0)[CLOSE, 0, 0] == 0.0
