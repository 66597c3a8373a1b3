"""A split that the vendor doesn't show, read from the traded price. Pure.

A price that halves is far more often a crash than a split. What tells them apart, in fifteen months of the whole US
market: a split opens and closes near the ratio, trades in a narrow range, and turns over about as many dollars as the
day before; a crash that happens to land on the ratio trades ten times as much, in a wide range. A reverse split shows
in fewer shares traded at many times the price, where a jump on news brings many more.
"""

from __future__ import annotations

from afterbell.ingest.actions.ratios import FORWARD, REVERSE, nearest

NARROW = 1.08
"""High over low of a day that brought a forward split and no news."""

TURNOVER = (0.4, 3.0)
"""Dollars traded, over those of the day before, on such a day."""

NEAR_FORWARD = 0.07
NEAR_REVERSE = 0.12
"""How far open and close may lie from the ratio; shares worth cents move further in a day, and are rounded more."""

NEVER_A_SPLIT = (FORWARD[-1] * (1 + 2 * NEAR_FORWARD), REVERSE[0] * (1 - 2 * NEAR_REVERSE))
"""A close that lies between these times the close before is too far from every ratio, with room for rounding."""

CHEAPEST = 5.0
"""Dollars after a forward split: nobody splits a share to less."""

_LEAST_TRADED = 1000
_FEWER_SHARES = 0.5
_SMALLEST_REVERSE = 5.0


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
) -> float | None:
    """The factor of a split that the price alone shows.

    Args:
        close_before: of the session before, dollars as traded.
        volume_before: shares of the session before.
        open: of the session, dollars as traded; high, low and close likewise.
        high: likewise.
        low: likewise.
        close: likewise.
        volume: shares.
        newcomer: the vendor shows no past for the symbol, as after a change of its security number. A reverse split
            brings that about, so less is asked of it; another company's listing does, too, so of the forward splits
            only that of two for one is believed.

    Returns:
        Old shares for a new one; None where the price may have moved for another reason.
    """
    if volume_before < _LEAST_TRADED or volume <= 0:
        return None
    moves = (open / close_before, close / close_before)
    shares = volume / volume_before
    if min(moves) > 1:
        ratio = nearest(REVERSE, moves, NEAR_REVERSE)
        fewer, smallest = (1.0, REVERSE[0]) if newcomer else (_FEWER_SHARES, _SMALLEST_REVERSE)
        return ratio if ratio is not None and ratio >= smallest and shares <= fewer else None
    if close < CHEAPEST or high > NARROW * low:
        return None
    ratio = nearest(FORWARD[-1:] if newcomer else FORWARD, moves, NEAR_FORWARD)
    return ratio if ratio is not None and TURNOVER[0] <= shares * ratio <= TURNOVER[1] else None
