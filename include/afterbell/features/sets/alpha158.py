"""The 158 factors of Qlib's Alpha158, with its definitions.

microsoft/qlib 0.9.7, ``qlib/contrib/data/loader.py``. Where drops have no volume-weighted price, the typical price
(high + low + close) / 3 stands for it.
"""

from __future__ import annotations

from afterbell.features.factors import FactorSet, family
from afterbell.features.kernels.candle import back, candle
from afterbell.features.kernels.correlation import correlation
from afterbell.features.kernels.extremes import extremes
from afterbell.features.kernels.level import dispersion, price_level, volume_level
from afterbell.features.kernels.moves import moves
from afterbell.features.kernels.order import order
from afterbell.features.kernels.trend import line

_WINDOWS = (5, 10, 20, 30, 60)

ALPHA158 = FactorSet(
    "alpha158",
    1,
    (
        *family(candle, "open high low close", "KMID KLEN KMID2 KUP KUP2 KLOW KLOW2 KSFT KSFT2"),
        *family(back, "open close", "OPEN", 0),
        *family(back, "high close", "HIGH", 0),
        *family(back, "low close", "LOW", 0),
        *family(back, "typical close", "VWAP", 0),
        *family(back, "close close", "ROC", *_WINDOWS),
        *family(price_level, "close", "MA STD", *_WINDOWS),
        *family(line, "close", "BETA RESI RSQR", *_WINDOWS),
        *family(order, "close", "QTLU QTLD RANK", *_WINDOWS),
        *family(extremes, "high low close", "MAX MIN RSV IMAX IMIN IMXD", *_WINDOWS),
        *family(correlation, "close log_volume", "CORR", *_WINDOWS),
        *family(correlation, "return log_volume_ratio", "CORD", *_WINDOWS),
        *family(moves, "close", "CNTP CNTN CNTD SUMP SUMN SUMD", *_WINDOWS),
        *family(volume_level, "volume", "VMA VSTD", *_WINDOWS),
        *family(dispersion, "flow", "WVMA", *_WINDOWS),
        *family(moves, "volume", "- - - VSUMP VSUMN VSUMD", *_WINDOWS),
    ),
    margin=9,
)
"""Qlib's columns, in an order of our own."""
