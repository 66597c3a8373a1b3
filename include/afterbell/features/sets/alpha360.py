"""The 360 factors of Qlib's Alpha360: the last sixty sessions' prices over the close, and volumes over the volume.

microsoft/qlib 0.9.7, ``qlib/contrib/data/loader.py``. The typical price (high + low + close) / 3 stands for the
volume-weighted one. Each factor set is a module of its own.
"""

from __future__ import annotations

from afterbell.features.factors import FactorSet, family
from afterbell.features.kernels.candle import back, back_traded

_SESSIONS = range(59, -1, -1)

ALPHA360 = FactorSet(
    "alpha360",
    1,
    (
        *family(back, "close close", "CLOSE", *_SESSIONS),
        *family(back, "open close", "OPEN", *_SESSIONS),
        *family(back, "high close", "HIGH", *_SESSIONS),
        *family(back, "low close", "LOW", *_SESSIONS),
        *family(back, "typical close", "VWAP", *_SESSIONS),
        *family(back_traded, "volume volume", "VOLUME", *_SESSIONS),
    ),
)
"""Qlib's columns in Qlib's order."""
