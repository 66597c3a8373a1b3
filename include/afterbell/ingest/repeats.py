"""Rows of one drop about the same thing: equal ones, different ones, and what a pair of sessions shows. Pure."""

from __future__ import annotations

from math import log

import numpy as np
import polars as pl

from afterbell.ingest.evidence import with_context
from afterbell.ingest.sift import ASIDE, Check, sift
from afterbell.ingest.source import Kind, Source
from afterbell.quality.rules import RuleSet

KEYS: dict[Kind, tuple[str, ...]] = {"bars": ("symbol", "session"), "minute_bars": ("symbol", "at")}
"""What a row of these kinds is about, whether a rule says so or not."""
SUPERSEDED = "superseded"
_SESSIONS = 2
_QUIET = 1.15
"""A close this near the one before, either way, shows no split by itself."""


def collapse(source: Source, rules: RuleSet, rows: pl.DataFrame) -> tuple[pl.DataFrame, int, pl.DataFrame]:
    """One of each set of equal rows; of rows that differ under one key what ``source.duplicates`` says.

    Returns:
        The rows that stay, how many equal ones went, and rows set aside, as ``ASIDE``.
    """
    found = rules.unique_keys()
    key = list(found[0].columns if found else KEYS.get(source.kind, ()))
    values = [name for name in rows.columns if name != "line"]
    if not repeats(rows, key or values):
        return rows, 0, ASIDE.to_frame()
    last_wins = source.duplicates == "last_wins"
    distinct = rows.unique(values, keep="last" if last_wins else "first", maintain_order=True)
    collapsed = rows.height - distinct.height
    if not key:
        return distinct, collapsed, ASIDE.to_frame()
    named = ", ".join(key)
    if last_wins:
        reason = pl.lit(f"a later line of the drop has other values for the same {named}")
        check = Check(SUPERSEDED, ~pl.struct(key).is_last_distinct(), reason)
    else:
        reason = pl.lit(f"the drop has other values for the same {named}")
        check = Check(found[0].name if found else "one_row_per_drop", pl.struct(key).is_duplicated(), reason)
    good, bad = sift(distinct, [check])
    return good, collapsed, bad


def repeats(rows: pl.DataFrame, columns: list[str]) -> bool:
    """Whether two rows have the same values in ``columns``; where it can't be told cheaply, yes."""
    hashes = np.sort(rows.select(columns).hash_rows().to_numpy())
    return bool((hashes[:-1] == hashes[1:]).any())


def hold_jumps(rules: RuleSet, rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Bars whose close lies too far from the one before in the same drop, corporate actions accounted for.

    Args:
        rules: those of the source; without a rule on jumps all rows stay.
        rows: bars with ``line``, at most one a symbol and session.

    Returns:
        The rows that stay, and those held, as ``ASIDE``.
    """
    jump = rules.jump()
    if jump is None or jump.severity != "quarantine" or rows["session"].n_unique() != _SESSIONS:
        return rows, ASIDE.to_frame()
    # The full look costs more than reading the drop, and nearly all symbols are quiet.
    moved = rows["symbol"].unique() if jump.limit <= _QUIET else _moved(rows)
    if moved.is_empty():
        return rows, ASIDE.to_frame()
    seen = with_context(rows.filter(pl.col("symbol").is_in(moved.implode())))
    check = Check(jump.name, ~pl.sql_expr(jump.condition()), _jumped(jump.explain()))
    _, held = sift(seen, [check])
    return (rows.filter(~pl.col("line").is_in(held["line"].implode())) if held.height else rows), held


def _jumped(words: str) -> pl.Expr:
    template = "{}; found {} after {}, explained by {}"
    return pl.format(template, pl.lit(words), *(pl.col(name) for name in ("close", "previous_close", "adjustment")))


def _moved(rows: pl.DataFrame) -> pl.Series:
    """The symbols whose close moved, or which the vendor shows as adjusted."""
    hashes = rows["symbol"].hash().to_numpy()
    order = np.argsort(hashes)
    hashes, close = hashes[order], rows["close"].to_numpy()
    far = np.abs(np.diff(np.log(close[order]))) > log(_QUIET)
    if "adj_close" in rows.columns:
        adjusted = (rows["adj_close"].to_numpy() != close)[order]
        far |= adjusted[:-1] | adjusted[1:]
    pairs = np.flatnonzero((hashes[:-1] == hashes[1:]) & far)
    return rows["symbol"].gather(np.unique(order[pairs]).tolist()).unique()
