"""Setting rows aside: named checks in order, the first one a row fails decides its rule and reason. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import or_

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
        reason: a String expression with what was expected and found; evaluated on failing rows only.
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
    verdicts = frame.select(check.bad.fill_null(value=False).alias(str(number)) for number, check in enumerate(checks))
    failed = reduce(or_, verdicts.get_columns())
    if not failed.any():
        return frame, ASIDE.to_frame()
    places = failed.arg_true()
    broken, verdicts = frame[places], verdicts[places]
    symbol = pl.col("symbol") if "symbol" in frame.columns else pl.lit(None, dtype=pl.String)
    short_symbol = symbol.cast(pl.String).str.slice(0, 20).alias("symbol")
    earlier, parts = pl.repeat(value=False, n=places.len(), eager=True), []
    for check, verdict in zip(checks, verdicts.get_columns(), strict=True):
        first = broken.filter(verdict & ~earlier)
        parts.append(first.select("line", short_symbol, rule=pl.lit(check.rule), reason=check.reason).cast(ASIDE))
        earlier |= verdict
    return frame.filter(~failed), pl.concat(parts).sort("line")
