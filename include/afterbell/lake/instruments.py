"""The security behind a symbol at each session, from the log of changes (``market.instruments``)."""

from __future__ import annotations

import polars as pl

from afterbell.config.runtime import Runtime
from afterbell.lake.reader import open_catalog, scan, table_names
from afterbell.lake.tables import INSTRUMENTS, SYMBOLS

_PERIOD = ["symbol", "instrument", "name", "first_session", "last_session", "predecessor", "knowledge_time"]


def read_instruments(runtime: Runtime, symbol: str = "") -> list[dict[str, object]]:
    """The instruments of symbols that changed hands, by session.

    Args:
        runtime: where the lake is.
        symbol: those of the instruments that ever had it; all, if it is empty.

    Returns:
        symbol, instrument, name (of the symbol's master, None where it has none), first_session and last_session (None:
        before all that is known; still), predecessor (the symbol before, or None), knowledge_time (UTC).
    """
    tables = table_names(open_catalog(runtime))
    if INSTRUMENTS.name not in tables:
        return []
    rows = pl.DataFrame(scan(runtime, INSTRUMENTS.name))
    names = pl.DataFrame(scan(runtime, SYMBOLS.name)) if SYMBOLS.name in tables else None
    spans = periods(rows, names)
    if symbol:
        instruments = spans.filter(pl.col("symbol") == symbol)["instrument"].unique()
        spans = spans.filter(pl.col("instrument").is_in(instruments.implode()))
    return spans.to_dicts()


def periods(rows: pl.DataFrame, names: pl.DataFrame | None = None) -> pl.DataFrame:
    """The log as one row an instrument and symbol; ``read_instruments`` has the columns.

    Args:
        rows: of ``market.instruments``.
        names: rows of ``market.symbols``; None for none.
    """
    withdrawn = rows.filter(pl.col("basis") == "withdrawn").select("symbol", "first_session")
    valid = rows.filter(pl.col("basis") != "withdrawn").join(
        withdrawn.with_columns(basis=pl.lit("taken")), on=["symbol", "first_session", "basis"], how="anti"
    )
    spans = valid.group_by("instrument", "symbol").agg(
        pl.col("first_session").drop_nulls().last(),
        pl.col("last_session").drop_nulls().last(),
        pl.col("predecessor").drop_nulls().last(),
        pl.col("knowledge_time").min(),
    )
    if names is None or names.is_empty():
        named = spans.with_columns(name=pl.lit(None, pl.String))
    else:
        masters = names.sort("valid_from").select("symbol", "name", "valid_from")
        days = spans.with_columns(_at=pl.coalesce("last_session", pl.date(9999, 1, 1))).sort("_at")
        named = days.join_asof(masters, left_on="_at", right_on="valid_from", by="symbol", check_sortedness=False)
    return named.sort("instrument", pl.coalesce("first_session", pl.date(1, 1, 1))).select(_PERIOD)
