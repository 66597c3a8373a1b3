"""Numbers of another unit, such as prices in ten-thousandths, as if the product had been written out. Pure.

A product of two doubles is off by a bit now and then (4842000 * 0.0001 is not 484.2). Whole numbers are multiplied as
whole numbers and divided by a power of ten, which doubles have exactly, so the one rounding is that of the division;
whatever else there is goes through fractions.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import polars as pl

_EXACT = 2**53


def scale_text(text: pl.Series, scale: Decimal) -> pl.Series:
    """The doubles nearest to ``text`` times ``scale``.

    Args:
        text: plain decimal numbers, or NULL.
        scale: what to multiply by, above nought.

    Returns:
        Float64, NULL where the text is, and where no double is large enough.
    """
    factor, divisor = _as_ratio(scale)
    whole = text.cast(pl.Int64, strict=False)
    sure = whole.is_between(-(_EXACT // factor), _EXACT // factor).fill_null(value=False)
    # NumPy divides; Polars multiplies by the reciprocal of a single divisor, and is off by a bit now and then.
    quotients = (whole.set(~sure, 0).to_numpy() * factor) / np.float64(divisor)
    values = pl.Series(text.name, quotients).set(~sure, None)
    rest = text.is_not_null() & ~sure
    if not rest.any():
        return values
    words = text.filter(rest).unique()
    exact = pl.Series([_nearest(word, scale) for word in words.to_list()], dtype=pl.Float64)
    return values.zip_with(~rest, text.replace_strict(words, exact, default=None, return_dtype=pl.Float64))


def scale_whole(text: pl.Series, scale: Decimal) -> pl.Series:
    """``text`` times ``scale`` where that is a whole number of 64 bits (Int64); NULL elsewhere."""
    words = text.unique().drop_nulls()
    exact = pl.Series([_whole(word, scale) for word in words.to_list()], dtype=pl.Int64)
    return text.replace_strict(words, exact, default=None, return_dtype=pl.Int64)


def scale_doubles(values: pl.Series, scale: Decimal) -> pl.Series:
    """As ``scale_text``, of doubles: each is the shortest decimal number that names it."""
    words = values.unique().drop_nulls()
    exact = pl.Series([_nearest(repr(value), scale) for value in words.to_list()], dtype=pl.Float64)
    return values.replace_strict(words, exact, default=None, return_dtype=pl.Float64)


def _as_ratio(scale: Decimal) -> tuple[int, int]:
    """A whole number, and the power of ten that it is divided by."""
    _, digits, exponent = scale.normalize().as_tuple()
    number, places = int("".join(map(str, digits))), int(exponent)
    return (number * 10**places, 1) if places >= 0 else (number, 10**-places)


def _whole(word: str, scale: Decimal) -> int | None:
    try:
        product = Fraction(word) * Fraction(scale)
    except ValueError:  # no number, or more digits than Python reads
        return None
    return int(product) if product.denominator == 1 and -(2**63) <= product < 2**63 else None


def _nearest(word: str, scale: Decimal) -> float | None:
    try:
        return float(Fraction(word) * Fraction(scale))
    except (ValueError, OverflowError):  # no number, more digits than Python reads, or beyond the largest double
        return None
