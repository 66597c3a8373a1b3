"""Where each symbol stands among all of its session, and among those that are traded about as much.

Four columns for each factor: ``_rank`` and ``_z`` compare with all symbols that have a value that session,
``_rank_liq`` and ``_z_liq`` with those of the same fifth by dollar volume. The factors are those of ``core``, defined
there or in Qlib's Alpha158, and are computed along with their ranks.
"""

from __future__ import annotations

from afterbell.features.factors import CrossFactor, Factor, FactorSet, Groups, family
from afterbell.features.kernels.candle import back, gap
from afterbell.features.kernels.correlation import correlation
from afterbell.features.kernels.extremes import extremes
from afterbell.features.kernels.level import price_level
from afterbell.features.kernels.liquidity import dollar_volume, illiquidity, log_volume_ratio, volatility_ratio
from afterbell.features.kernels.section import equal_parts, robust_score, share_below

(_DOLLARS,) = family(dollar_volume, "dollars", "DVOL", 20)
_LIQUIDITY = Groups(_DOLLARS, equal_parts, 5)

_FACTORS = (
    *family(gap, "open close", "GAP"),
    *family(back, "close close", "ROC", 5, 10, 20, 60),
    *family(price_level, "close", "MA -", 20),
    *family(price_level, "close", "- STD", 20, 60),
    *family(extremes, "high low close", "- - RSV - - -", 20, 60),
    *family(correlation, "close log_volume", "CORR", 20),
    *family(log_volume_ratio, "volume log_volume", "LVR", 5, 20, 60),
    *family(illiquidity, "impact", "ILLIQ", 20),
    *family(volatility_ratio, "return", "VOLR", 20),
)


def _market(factor: Factor) -> tuple[CrossFactor, ...]:
    return (
        CrossFactor(f"{factor.name}_rank", factor, share_below),
        CrossFactor(f"{factor.name}_z", factor, robust_score),
    )


def _liquidity(factor: Factor) -> tuple[CrossFactor, ...]:
    return (
        CrossFactor(f"{factor.name}_rank_liq", factor, share_below, _LIQUIDITY),
        CrossFactor(f"{factor.name}_z_liq", factor, robust_score, _LIQUIDITY),
    )


CROSS_SECTION = FactorSet(
    "cross_section",
    1,
    (),
    crossed=(
        *(cross for factor in (*_FACTORS, _DOLLARS) for cross in _market(factor)),
        *(cross for factor in _FACTORS for cross in _liquidity(factor)),
    ),
)
