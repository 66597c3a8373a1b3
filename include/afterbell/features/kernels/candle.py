"""The session's own candle; no window."""

from __future__ import annotations

from afterbell.features.compiled import kernel
from afterbell.features.grid import Floats, Ints

_TINY = 1e-12


@kernel(answers=9)
def candle(open_: Floats, high: Floats, low: Floats, close: Floats, _: Ints, out: Floats) -> None:
    """Qlib KMID, KLEN, KMID2, KUP, KUP2, KLOW, KLOW2, KSFT, KSFT2, in this order."""
    for lane in range(open_.shape[1]):
        o, h, l, c = open_[0, lane], high[0, lane], low[0, lane], close[0, lane]  # noqa: E741 - the field's letters
        span = h - l + _TINY
        top = max(c, o)
        bottom = min(o, c)
        out[0, 0, lane] = (c - o) / o
        out[1, 0, lane] = (h - l) / o
        out[2, 0, lane] = (c - o) / span
        out[3, 0, lane] = (h - top) / o
        out[4, 0, lane] = (h - top) / span
        out[5, 0, lane] = (bottom - l) / o
        out[6, 0, lane] = (bottom - l) / span
        out[7, 0, lane] = (2.0 * c - h - l) / o
        out[8, 0, lane] = (2.0 * c - h - l) / span


@kernel()
def back(x: Floats, newest: Floats, windows: Ints, out: Floats) -> None:
    """``x`` as many sessions ago as the window says, over the newest value of ``newest``: Qlib ROC, OPEN0, CLOSE7."""
    for index in range(len(windows)):
        for lane in range(x.shape[1]):
            out[0, index, lane] = x[windows[index], lane] / newest[0, lane]


@kernel()
def back_traded(x: Floats, newest: Floats, windows: Ints, out: Floats) -> None:
    """The same over the newest value plus 1e-12: Qlib's VOLUME7 of Alpha360."""
    for index in range(len(windows)):
        for lane in range(x.shape[1]):
            out[0, index, lane] = x[windows[index], lane] / (newest[0, lane] + _TINY)


@kernel()
def gap(open_: Floats, close: Floats, _: Ints, out: Floats) -> None:
    """The overnight move: open / close of the session before - 1."""
    for lane in range(open_.shape[1]):
        out[0, 0, lane] = open_[0, lane] / close[1, lane] - 1.0
