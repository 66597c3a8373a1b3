"""Qlib's file storage with 8 bytes a number instead of 4: its operators then see what ours see.

Much of Alpha158 cancels: a correlation, a residual, a ratio less 1. There the rounding of a stored price to 24 bits,
and of a ratio computed from two of them, is greater than any tolerance. So definitions are compared on this storage.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from qlib.data.storage.file_storage import FileFeatureStorage

from bench.qlib.store import DOUBLE


class DoubleFeatureStorage(FileFeatureStorage):
    """One field of one instrument, as `bench.qlib.store` wrote it with ``DOUBLE``. Its name names the folder."""

    def __getitem__(self, sessions: slice) -> pd.Series:
        """The series of the calendar's sessions ``start`` to ``stop`` (exclusive), as far as it is stored."""
        if not self.uri.exists():
            return pd.Series(dtype=np.float64)
        stored = np.fromfile(self.uri, dtype=DOUBLE)
        first = int(stored[0])
        series = pd.Series(stored[1:], index=pd.RangeIndex(first, first + len(stored) - 1))
        start = max(first, 0 if sessions.start is None else sessions.start)
        return series.loc[start : series.index[-1] if sessions.stop is None else sessions.stop - 1]
