"""The security behind each symbol, as a log of changes. Pure.

A symbol that never changes hands is its own instrument, and has no row. A row says that from ``first_session`` on a
symbol stands for an instrument, or that it did so up to ``last_session``. A security that is renamed stays the same
instrument under another symbol; one that takes a symbol is an instrument of its own, ``SYMBOL@YYYYMMDD``.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

import polars as pl

from afterbell.lake.listings import BEGAN

_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "instrument": pl.String,
    "symbol": pl.String,
    "first_session": pl.Date,
    "last_session": pl.Date,
    "predecessor": pl.String,
    "basis": pl.String,
    "knowledge_time": pl.Datetime("us", "UTC"),
    "drop_id": pl.String,
}
CHANGES = pl.Schema(_COLUMNS)
"""``predecessor``: the symbol that the instrument had before. ``basis``: ``renamed``, ``taken`` by another security, or
``withdrawn``: it was not, after all."""

RENAMED, TAKEN, WITHDRAWN = "renamed", "taken", "withdrawn"

Row = tuple[str, str, date | None, date | None, str | None, str, datetime, str]


def instrument_changes(known: pl.DataFrame, renames: pl.DataFrame, taken: pl.DataFrame) -> pl.DataFrame:
    """The rows that new events add.

    Args:
        known: ``CHANGES`` so far.
        renames: new ``afterbell.ingest.actions.renames.RENAMES``.
        taken: new rows of ``market.corporate_actions`` of kind ``symbol_reused``: symbol, ex_session, basis,
            knowledge_time, drop_id.

    Returns:
        ``CHANGES`` that ``known`` does not have, in the order in which they became known.
    """
    book = _Book(known)
    logged = set(known.select("symbol", "first_session", "basis").rows())
    # At one instant the old security moves on before the new one takes its symbol.
    events = [(row["knowledge_time"], 0, row["session"], row["symbol"], row) for row in renames.iter_rows(named=True)]
    events += [(row["knowledge_time"], 1, row["ex_session"], row["symbol"], row) for row in taken.iter_rows(named=True)]
    rows: list[Row] = []
    for _, order, day, symbol, row in sorted(events, key=lambda event: event[:4]):
        basis = RENAMED if order == 0 else TAKEN if row["basis"] == BEGAN else WITHDRAWN
        if (symbol, day, basis) not in logged:
            rows += book.renamed(row) if order == 0 else book.taken(row)
    return pl.DataFrame(rows, schema=CHANGES, orient="row")


class _Book:
    """Which instrument each symbol that ever changed stands for."""

    def __init__(self, known: pl.DataFrame) -> None:
        self._now: dict[str, str] = {}
        self._before: dict[str, str] = {}
        for row in known.sort("knowledge_time").iter_rows(named=True):
            symbol, instrument = row["symbol"], row["instrument"]
            if row["last_session"] is None:
                self._now[symbol] = instrument
                continue
            self._before[symbol] = instrument
            if self._now.get(symbol) == instrument:
                del self._now[symbol]

    def renamed(self, row: dict[str, object]) -> Iterator[Row]:
        """The old symbol ends, and the new one begins."""
        old, new = str(row["predecessor"]), str(row["symbol"])
        instrument = self._now.pop(old, old)
        self._before[old], self._now[new] = instrument, instrument
        stamp: tuple[datetime, str] = row["knowledge_time"], row["drop_id"]  # type: ignore[assignment]
        until: date = row["previous_session"]  # type: ignore[assignment]
        since: date = row["session"]  # type: ignore[assignment]
        yield (instrument, old, None, until, None, RENAMED, *stamp)
        yield (instrument, new, since, None, old, RENAMED, *stamp)

    def taken(self, row: dict[str, object]) -> Iterator[Row]:
        """Another security begins under the symbol, or turns out not to."""
        symbol = str(row["symbol"])
        since: date = row["ex_session"]  # type: ignore[assignment]
        stamp: tuple[datetime, str] = row["knowledge_time"], row["drop_id"]  # type: ignore[assignment]
        new = f"{symbol}@{since:%Y%m%d}"
        if row["basis"] == BEGAN:
            self._before.setdefault(symbol, self._now.get(symbol, symbol))
            self._now[symbol] = new
            yield (new, symbol, since, None, None, TAKEN, *stamp)
        else:
            self._now[symbol] = self._before.get(symbol, symbol)
            yield (self._now[symbol], symbol, since, None, None, WITHDRAWN, *stamp)
