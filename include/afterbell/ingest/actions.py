"""Corporate actions from the evidence of several drops. Pure."""

from __future__ import annotations

import polars as pl

from afterbell.ingest.ratios import near_any

WINDOW = 2
"""Sessions before and after a session whose evidence decides what happened in it."""

ACTIONS = pl.Schema(
    {
        "symbol": pl.String,
        "ex_session": pl.Date,
        "factor": pl.Float64,
        "kind": pl.String,
        "basis": pl.String,
        "knowledge_time": pl.Datetime("us", "UTC"),
        "drop_id": pl.String,
    }
)
"""A price before ``ex_session`` times ``factor`` compares with later ones."""


def corporate_actions(evidence: pl.DataFrame) -> pl.DataFrame:
    """All action rows that the evidence justifies, in the order in which they become known.

    Args:
        evidence: ``afterbell.ingest.evidence.EVIDENCE`` with knowledge_time (UTC) and drop_id, in any order.

    Returns:
        ``ACTIONS``. A later row about the same symbol and ex-session replaces an earlier one; factor 1.0 withdraws it.
    """
    shown = evidence.filter(pl.col("factor") != 1.0)
    kind = pl.when(near_any(pl.col("factor"), pl.col("blur"))).then(pl.lit("split")).otherwise(pl.lit("dividend"))
    found = shown.with_columns(ex_session="session", kind=kind, basis=pl.lit("vendor"))
    return found.select(list(ACTIONS)).sort("knowledge_time", "symbol", "ex_session", "drop_id")
