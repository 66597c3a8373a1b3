"""The symbol master as a log of events: a row when a symbol appears, is renamed or disappears. Pure.

Nothing is removed, so a symbol that was delisted stays readable for the time when it traded.
"""

from __future__ import annotations

import polars as pl

_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "symbol": pl.String,
    "name": pl.String,
    "valid_from": pl.Date,
    "status": pl.String,
    "knowledge_time": pl.Datetime("us", "UTC"),
    "drop_id": pl.String,
}
EVENTS = pl.Schema(_COLUMNS)
"""A change of the master: what a symbol is called from which day on, and whether it is listed."""
LISTED, RENAMED, DELISTED = "listed", "renamed", "delisted"


def symbol_events(known: pl.DataFrame, masters: pl.DataFrame) -> pl.DataFrame:
    """The changes of each new symbol master against the one before it.

    Args:
        known: ``EVENTS`` so far.
        masters: rows of new masters: symbol, name, drop_session (Date), knowledge_time (UTC), drop_id. Masters no newer
            than the newest event are passed over: the log goes forward only.

    Returns:
        New ``EVENTS``, in order; ``valid_from`` is the session of the master that showed the change.
    """
    fresh = masters.filter(pl.col("knowledge_time") > known["knowledge_time"].max()) if known.height else masters
    if fresh.is_empty():
        return EVENTS.to_frame()
    now = known.sort("knowledge_time").unique("symbol", keep="last").filter(pl.col("status") != DELISTED)
    steps = fresh.select("drop_session", "knowledge_time", "drop_id").unique().sort("knowledge_time", "drop_id")
    steps = steps.with_columns(step=pl.int_range(1, pl.len() + 1))
    # Masters are long and say mostly the same: numbers are quicker to sort and to compare than names.
    rows = pl.concat(
        [
            now.select("symbol", "name", step=pl.lit(0, dtype=pl.Int64)),
            fresh.join(steps.select("drop_id", "step"), on="drop_id", how="inner").select("symbol", "name", "step"),
        ]
    ).with_columns(_symbol=pl.col("symbol").cast(pl.Categorical).to_physical())
    rows = rows.sort("_symbol", "step")
    last = steps.height
    again, goes_on = (pl.col("_symbol") == pl.col("_symbol").shift(by) for by in (1, -1))
    follows = again & (pl.col("step").shift(1) == pl.col("step") - 1)
    followed = goes_on & (pl.col("step").shift(-1) == pl.col("step") + 1)
    rows = rows.select(
        "symbol",
        "name",
        "step",
        follows=follows.fill_null(value=False),
        followed=followed.fill_null(value=False),
        renamed=pl.col("name").shift(1) != pl.col("name"),
    )
    here = pl.col("step")
    appeared = rows.filter((here > 0) & ~pl.col("follows"))
    renamed = rows.filter(pl.col("follows") & pl.col("renamed"))
    gone = rows.filter((here < last) & ~pl.col("followed"))
    events = pl.concat(
        [
            appeared.select("symbol", "name", "step", status=pl.lit(LISTED)),
            renamed.select("symbol", "name", "step", status=pl.lit(RENAMED)),
            gone.select("symbol", "name", here + 1, status=pl.lit(DELISTED)),
        ]
    )
    dated = events.join(steps, on="step", how="inner").with_columns(valid_from="drop_session")
    return dated.select(list(EVENTS)).sort("knowledge_time", "symbol")
