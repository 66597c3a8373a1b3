"""A split that the vendor doesn't show, read from the traded price and the shares. Pure.

A price that halves is far more often a crash than a split. Both are weighed against each other: how often each ratio
comes, how near open and close lie to it, how wide the day was, and how many shares were traded beside the session
before. After a split the dollars traded are about those of the day before, in a narrow day; after news many more are,
in a wide one. A ratio is believed only if it is likely that there was a split at all, and that it was this ratio and no
other: 8 old shares for a new one and 10 are often too near each other to decide. Then nothing is believed, and the
move is named as one that a split may have made.

The frequencies are those of fifteen months of the whole US market (214 splits in two million bars), rounded.
"""

from __future__ import annotations

from math import lgamma, log, pi
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

NEVER_A_SPLIT = (0.82, 1.36)
"""A close that lies between these times the close before is too near to it for any ratio that is considered."""

CHEAPEST = 5.0
"""Dollars after a forward split: nobody splits a share to less."""

LIKELY = 0.65
"""From this probability on there was a split."""

DISTINCT = 0.75
"""From this share of that probability on it was this ratio, and none of the others."""

MOST_TURNOVER = 4.0
"""Dollars traded after a forward split, over those of the day before: where more were, there was news as well."""

_CLEAR = 1.15
"""After a split nothing is traded at the old price, not even at the day's edge."""

_NEAR_ENOUGH = 2.0
"""How many times the usual distance the open may lie from the ratio. A merger's exchange ratio lies anywhere."""

_LEAST_TRADED = 1000
_SPLITS = 3e-4
"""Sessions of a symbol that bring a split, of those whose drop doesn't show one."""
_NEWCOMERS = 20.0
"""How much more often a reverse split comes where the vendor has lost a symbol's past: its security number is new."""

_REVERSE = {
    2: 3, 3: 5, 4: 9, 5: 25, 6: 6, 7: 6, 8: 14, 9: 1.5, 10: 70, 12: 9, 14: 1.5, 15: 11, 20: 9, 25: 6, 30: 2, 35: 1,
    40: 1, 45: 0.3, 50: 2, 60: 2, 75: 0.3, 100: 1, 200: 0.5,
}  # fmt: skip
_HALVES = ((3, 2), (5, 2), (7, 2), (9, 2), (11, 2), (13, 2), (15, 2), (5, 3), (7, 3), (7, 4))
_FORWARD = {2: 40, 3: 8, 4: 4, 5: 3, 6: 0.7, 7: 1, 8: 0.5, 9: 0.2, 10: 1.5, 15: 0.3, 20: 0.5, 25: 0.2, 30: 0.1,
            50: 0.1, 100: 0.05}  # fmt: skip
_THIRDS = {(2, 3): 12, (3, 4): 0.5, (3, 5): 0.1, (2, 5): 0.2, (3, 7): 0.05, (2, 7): 0.05}


def _weights() -> dict[float, float]:
    """How often each ratio comes among reverse, and among forward splits."""
    reverse = {float(n): _REVERSE.get(n, _odd_reverse(n)) for n in range(2, 251)}
    reverse |= {p / q: 0.1 for p, q in _HALVES}
    forward = {1 / n: _FORWARD.get(n, 0.02 if n <= 30 else 0.003) for n in range(2, 101)}
    forward |= {p / q: weight for (p, q), weight in _THIRDS.items()}
    return _shares(reverse) | _shares(forward)


def _shares(side: dict[float, float]) -> dict[float, float]:
    total = sum(side.values())
    return {ratio: weight / total for ratio, weight in side.items()}


def _odd_reverse(n: int) -> float:
    if n <= 16:
        return 0.4
    if n <= 40:
        return 0.1
    return 0.15 if n % 10 == 0 else 0.03 if n % 5 == 0 else 0.001


_RATIOS, _FREQUENCIES = np.array(sorted(_weights().items())).T
_LOGS, _WEIGHTS = np.log(_RATIOS), np.log(_FREQUENCIES)


class Reading(NamedTuple):
    """A split, as a day's price and shares show it.

    Attributes:
        factor: old shares for a new one; None where two ratios are too near each other to be distinguished.
        confidence: the probability of that ratio; of a split at all, where there is no ratio.
    """

    factor: float | None
    confidence: float


def split_from_price(
    *,
    close_before: float,
    volume_before: int,
    open: float,  # noqa: A002 - the bar's own name
    high: float,
    low: float,
    close: float,
    volume: int,
    newcomer: bool = False,
) -> Reading | None:
    """The split that price and shares show by themselves.

    Args:
        close_before: of the session before, dollars as traded.
        volume_before: shares of the session before.
        open: of the session, dollars as traded; high, low and close likewise.
        high: likewise.
        low: likewise.
        close: likewise.
        volume: shares.
        newcomer: the vendor shows no past for the symbol, as after a change of its security number. A reverse split
            brings that about, so it is likelier; another company's listing does, too, so of the forward splits only
            that of two for one is considered.

    Returns:
        None where the price may well have moved for another reason.
    """
    if volume_before < _LEAST_TRADED or volume <= 0 or NEVER_A_SPLIT[0] < close / close_before < NEVER_A_SPLIT[1]:
        return None
    reverse = close > close_before
    if not reverse and (close < CHEAPEST or volume * close > MOST_TURNOVER * volume_before * close_before):
        return None
    edge = low / close_before if reverse else close_before / high
    if edge < _CLEAR:
        return None
    considered = (_LOGS > 0) == reverse
    if newcomer and not reverse:
        considered = _RATIOS == 0.5
    opened, closed = log(open / close_before), log(close / close_before)
    shares, width = log(volume / volume_before), log(high / low)
    logs = _LOGS[considered]
    splits = _WEIGHTS[considered] + log(_SPLITS * (_NEWCOMERS if newcomer and reverse else 1.0))
    # Cents move further in a day, and are rounded more.
    near = 0.03 + min(0.08, 0.02 / min(close, close_before)) if reverse else 0.028
    splits += _density(opened - logs, near, 6) + _density(closed - logs, 1.4 * near, 6)
    splits += _density(shares + logs - 0.2, 0.65, 30) + _width(width, 0.12 if reverse else 0.05)
    large = min(1.0, abs(closed) / 0.4)  # the larger the move on news, the more shares
    news = _density(opened, 0.03, 3) + _density(closed - opened, 0.06, 3)
    news += _density(shares - 2.0 * large, 1.0, 4) + _width(width, 0.12)
    return _weigh(splits, float(news), np.abs(opened - logs) <= _NEAR_ENOUGH * near, _RATIOS[considered])


def _weigh(
    splits: npt.NDArray[np.float64], news: float, close_by: npt.NDArray[np.bool_], ratios: npt.NDArray[np.float64]
) -> Reading | None:
    top = max(news, float(splits.max()))
    likelihoods = np.exp(splits - top)
    total = float(likelihoods.sum())
    likely = total / (total + float(np.exp(news - top)))
    if likely < LIKELY:
        return None
    best = int(likelihoods.argmax())
    apart = float(likelihoods[best]) / total
    distinct = apart >= DISTINCT and close_by[best]
    return Reading(float(ratios[best]), likely * apart) if distinct else Reading(None, likely)


def _density(distance: npt.ArrayLike, scale: float, freedom: int) -> npt.NDArray[np.float64]:
    """The logarithm of Student's density: near misses are likely, and far ones not impossible."""
    steps = np.asarray(distance, np.float64) / scale
    constant = lgamma((freedom + 1) / 2) - lgamma(freedom / 2) - 0.5 * log(freedom * pi) - log(scale)
    density: npt.NDArray[np.float64] = constant - (freedom + 1) / 2 * np.log1p(steps**2 / freedom)
    return density


def _width(width: float, usual: float) -> float:
    """The logarithm of the exponential density of a day's high over its low."""
    return -log(usual) - width / usual
