"""How a report writes figures."""

from __future__ import annotations

import math

from afterbell.evaluation.overlap import Mean

_PERCENT = {"turnover", "max_drawdown"}
_SMALL_PERCENT = {"decile_spread", "long_leg", "short_leg", "costs"}
_SHORT = {"ic_t", "icir", "sharpe_gross", "sharpe_net"}


def format_metric(key: str, value: float | None) -> str:
    """A figure of ``metrics.summarise``, as is usual for its key."""
    if value is None:
        return "n/a"
    if key in {"sessions", "rows"}:
        return f"{value:,}"
    if key in _PERCENT | _SMALL_PERCENT:
        return f"{value:.2%}" if key in _SMALL_PERCENT else f"{value:.1%}"
    return f"{value:.2f}" if key in _SHORT else f"{value:.4f}"


def format_mean(mean: Mean, digits: int = 4) -> str:
    """A mean and its standard error."""
    if not math.isfinite(mean.value):
        return "n/a"
    return f"{mean.value:.{digits}f} ± {format_number(mean.error, f'.{digits}f')}"


def format_number(value: float, form: str) -> str:
    """A figure that may not be defined."""
    return format(value, form) if math.isfinite(value) else "n/a"


def plural(count: int) -> str:
    """The ending of a noun of which there are so many."""
    return "" if count == 1 else "s"
