"""Setting rows aside: named checks in order, the first one a row fails decides its rule and reason. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

RAW_KEPT = 1000
"""Characters of a line that the quarantine keeps."""

_ASIDE = {"line": pl.Int64, "symbol": pl.String, "rule": pl.String, "reason": pl.String}
ASIDE = pl.Schema(_ASIDE)
"""A line set aside: its number in the drop, its symbol where it could be read, and why."""

REJECTED = pl.Schema({**_ASIDE, "raw": pl.String})
"""A line set aside, with its text."""


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
    """Divide ``frame``, which has ``line``, into rows that pass all checks and those that don't.

    Returns:
        The passing rows with their columns, and the others as ``ASIDE``, in the order of their lines.
    """
    if not checks or frame.is_empty():
        return frame, ASIDE.to_frame()
    verdicts = frame.select(check.bad.fill_null(value=False).alias(str(at)) for at, check in enumerate(checks))
    failed = verdicts.select(pl.any_horizontal(pl.all())).to_series()
    if not failed.any():
        return frame, ASIDE.to_frame()
    broken = frame.filter(failed)
    first = pl.coalesce(pl.when(pl.col(str(at))).then(pl.lit(at, dtype=pl.Int16)) for at in range(len(checks)))
    broken = broken.with_columns(verdicts.filter(failed).select(first.alias("_check")).to_series())
    symbol = pl.col("symbol") if "symbol" in frame.columns else pl.lit(None, dtype=pl.String)
    parts = [
        rows.select(
            "line",
            symbol.cast(pl.String).str.slice(0, 20).alias("symbol"),
            pl.lit(checks[number].rule).alias("rule"),
            checks[number].reason.alias("reason"),
        )
        for (number,), rows in broken.group_by("_check", maintain_order=True)
        if isinstance(number, int)
    ]
    return frame.filter(~failed), pl.concat(parts).cast(ASIDE).sort("line")
