"""The kinds of arrays that the market is made of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
"""Mostly of the shape (sessions, symbols)."""
Indices = NDArray[np.int64]
Mask = NDArray[np.bool_]
