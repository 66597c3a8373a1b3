"""Splits and dividends: which of them a row of reported actions is. Pure."""

from __future__ import annotations

import polars as pl

from afterbell.sources.source import Source

SPLIT, DIVIDEND = "split", "dividend"
"""Shares change in number too, so volume is divided by the factor; or something is paid out, cash or a spin-off."""


def declared_kind(source: Source) -> pl.Expr:
    """The kind that a row's source declares for it; NULL where its values show it, empty for a text not declared."""
    if source.cumulative:
        return pl.when(pl.col("ratio").is_null()).then(pl.lit(DIVIDEND))
    if isinstance(source.kinds, dict):
        text = pl.col("kind")
        known = text.replace_strict(dict(source.kinds), default="", return_dtype=pl.String)
        return pl.when(text.is_null() | (text == "")).then(pl.lit(None, pl.String)).otherwise(known)
    return pl.lit(source.kinds, pl.String)


def split_factor(kind: pl.Expr, factor: pl.Expr, ratio: pl.Expr) -> pl.Expr:
    """The factor of a row's split; NULL where it has none."""
    return pl.when(ratio.is_not_null()).then(1 / ratio).when(kind == SPLIT).then(factor)
