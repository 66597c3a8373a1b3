"""Setting rows aside: named checks in order, the first one a row fails decides its rule and reason."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

RAW_KEPT = 1000
"""Characters of a line that the quarantine keeps."""

REJECTED = pl.Schema({"line": pl.Int64, "symbol": pl.String, "rule": pl.String, "reason": pl.String, "raw": pl.String})
"""A line set aside: its number in the drop, its symbol where it could be read, why, and its text."""


@dataclass(frozen=True)
class Check:
    """One check of a row.

    Attributes:
        rule: its name in the quarantine.
        bad: true for a row that fails it; NULL counts as false.
        reason: a String expression saying what was expected and found; evaluated on failing rows only.
    """

    rule: str
    bad: pl.Expr
    reason: pl.Expr


def sift(frame: pl.DataFrame, checks: list[Check]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Divide ``frame``, which has ``line`` and ``raw``, into rows that pass all checks and those that don't.

    Returns:
        The passing rows with their columns, and the others as ``REJECTED``, in the order of their lines.
    """
    if not checks or frame.is_empty():
        return frame, REJECTED.to_frame()
    failed = pl.coalesce(
        [pl.when(check.bad).then(pl.lit(number, dtype=pl.Int16)) for number, check in enumerate(checks)]
    )
    marked = frame.with_columns(failed.alias("_check"))
    broken = marked.filter(pl.col("_check").is_not_null())
    if broken.is_empty():
        return frame, REJECTED.to_frame()
    symbol = pl.col("symbol") if "symbol" in frame.columns else pl.lit(None, dtype=pl.String)
    parts = [
        rows.select(
            "line",
            symbol.cast(pl.String).str.slice(0, 20).alias("symbol"),
            pl.lit(checks[number].rule).alias("rule"),
            checks[number].reason.alias("reason"),
            pl.col("raw").str.slice(0, RAW_KEPT),
        )
        for (number,), rows in broken.group_by("_check", maintain_order=True)
        if isinstance(number, int)
    ]
    good = marked.filter(pl.col("_check").is_null()).drop("_check")
    return good, pl.concat(parts).cast(REJECTED).sort("line")
