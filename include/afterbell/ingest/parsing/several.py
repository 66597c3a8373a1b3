"""Several drops in one frame: each query runs once for all of them. Pure.

Their rows stand one drop after the other, with ``drop`` (UInt32), which numbers them from 0. A frame without that
column is of one drop.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

DROP = "drop"
Places = npt.NDArray[np.int64]


def put_together(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The rows of several drops, which have the same columns, with ``drop``."""
    numbers = np.repeat(np.arange(len(frames), dtype=np.uint32), [frame.height for frame in frames])
    # In one piece: what comes next looks at neighbours, and takes rows out.
    return pl.concat(frames).rechunk().with_columns(pl.Series(DROP, numbers))


def numbers_of(rows: pl.DataFrame) -> npt.NDArray[np.uint32]:
    """The drop of each row."""
    return rows[DROP].to_numpy() if DROP in rows.columns else np.zeros(rows.height, np.uint32)


def bounds_of(rows: pl.DataFrame) -> list[tuple[int, int, int]]:
    """Number, first place and number of rows of each drop that has rows."""
    if DROP not in rows.columns:
        return [(0, 0, rows.height)] if rows.height else []
    drops = numbers_of(rows)
    starts = np.flatnonzero(np.diff(drops, prepend=drops[:1] + 1))
    return [
        (int(drops[start]), start, length)
        for start, length in zip(starts.tolist(), np.diff(starts, append=drops.size).tolist(), strict=True)
    ]


def in_each_drop(rows: pl.DataFrame, key: Sequence[str]) -> list[str]:
    """The columns of ``key`` that distinguish rows, where equal ones of other drops don't count."""
    return [DROP, *key] if DROP in rows.columns else list(key)
