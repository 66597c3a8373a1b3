"""Exceptions of Polars and PyArrow for bytes or values that they can't read. Pure."""

from __future__ import annotations

import polars as pl
import pyarrow as pa

# A panic of Polars derives from BaseException: `except Exception` lets it pass, and the whole run ends with it.
VALUE_FAULTS: tuple[type[BaseException], ...] = (
    pl.exceptions.PanicException,
    pl.exceptions.ComputeError,
    pl.exceptions.InvalidOperationError,
    pl.exceptions.OutOfBoundsError,
    pl.exceptions.ShapeError,
    pa.ArrowException,
    ArithmeticError,
)
"""Over values. Columns that aren't there are left out: they are a fault of the configuration, not of a drop."""

READ_FAULTS: tuple[type[BaseException], ...] = (
    *VALUE_FAULTS,
    pl.exceptions.PolarsError,
    LookupError,
    NotImplementedError,
    OSError,
    TypeError,
    ValueError,
)
"""Over bytes, inside a call that does nothing but read them."""


def first_line(error: BaseException) -> str:
    """The first line of an error's message, at most 200 characters, for our messages."""
    return str(error).split("\n", 1)[0][:200]
