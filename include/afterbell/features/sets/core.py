"""The daily run's set: a choice of Alpha158, and the volume factors that a market's liquidity shows in."""

from __future__ import annotations

from afterbell.features.factors import FactorSet, family
from afterbell.features.kernels.candle import back, candle, gap
from afterbell.features.kernels.correlation import correlation
from afterbell.features.kernels.extremes import extremes
from afterbell.features.kernels.level import price_level
from afterbell.features.kernels.liquidity import (
    dollar_volume,
    illiquidity,
    log_volume_ratio,
    log_volume_score,
    traded_level,
    volatility_ratio,
)
from afterbell.features.kernels.moves import moves
from afterbell.features.kernels.order import order

CORE = FactorSet(
    "core",
    2,
    (
        *family(candle, "open high low close", "KMID KLEN - KUP - KLOW - KSFT -"),
        *family(gap, "open close", "GAP"),
        *family(back, "close close", "ROC", 5, 10, 20, 60),
        *family(price_level, "close", "MA STD", 5, 10, 20, 60),
        *family(extremes, "high low close", "MAX MIN - - - -", 20),
        *family(extremes, "high low close", "- - RSV - - -", 10, 20, 60),
        *family(order, "close", "- - RANK", 20),
        *family(correlation, "close log_volume", "CORR", 10, 20),
        *family(moves, "close", "CNTP - - SUMP - -", 20),
        *family(moves, "volume", "- - - VSUMP - -", 20),
        *family(traded_level, "volume", "VMA -", 5, 10, 20),
        *family(traded_level, "volume", "- VSTD", 10, 20),
        *family(log_volume_ratio, "volume log_volume", "LVR", 5, 20, 60),
        *family(log_volume_score, "log_volume", "LVZ", 20, 60),
        *family(dollar_volume, "dollars", "DVOL", 20),
        *family(illiquidity, "impact", "ILLIQ", 20),
        *family(volatility_ratio, "return", "VOLR", 20, 60),
    ),
)
