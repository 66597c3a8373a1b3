"""A small market in which everything happens that a factor's definition has to answer for; plain numpy, from a seed."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

SEED = 158
SESSIONS = 160
_FIRST = np.datetime64("2020-01-01")

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Kind:
    """How one symbol trades; sessions are numbered from 0.

    Attributes:
        price: at which it begins.
        volatility: of a session's log return.
        trend: of a session's log return.
        tick: prices are multiples of it.
        shares: typical volume.
        listed: its first session.
        delisted: the session after its last one.
        gaps: sessions on which it has no bar.
        still: ranges of sessions with the same close.
        flat: share of sessions on which it trades at one price.
        silent: share of sessions without volume.
        mute: ranges of sessions without volume.
    """

    price: float = 40.0
    volatility: float = 0.02
    trend: float = 0.0
    tick: float = 0.01
    shares: float = 1e6
    listed: int = 0
    delisted: int = SESSIONS
    gaps: tuple[int, ...] = ()
    still: tuple[tuple[int, int], ...] = ()
    flat: float = 0.0
    silent: float = 0.0
    mute: tuple[tuple[int, int], ...] = field(default=())


KINDS = {
    "BOTH": Kind(listed=70, delisted=140, gaps=(75, 76, 90, 101)),
    "CALM": Kind(volatility=0.001),
    "COARSE": Kind(price=9.0, tick=0.25),
    "DEAR": Kind(price=412_000.0, tick=1.0, shares=300.0),
    "DOWN": Kind(price=300.0, trend=-0.01, volatility=0.005),
    "EARLY": Kind(delisted=103),
    "FLAT": Kind(flat=0.4),
    "GAPS": Kind(gaps=(3, 61, 64, 66, 80, 95, 96, 130, 147, 158)),
    "HALT": Kind(gaps=(40, 41, 42, *range(84, 91), 118, 119, 120)),
    "LATE": Kind(listed=85),
    "LATEST": Kind(listed=152, gaps=(154,)),
    "LIMIT": Kind(volatility=0.05, flat=0.25, still=((100, 104),)),
    "MUTE": Kind(silent=0.2, mute=((70, 78), (110, 113))),
    "NEVER": Kind(mute=((0, SESSIONS),)),
    "ONCE": Kind(listed=110, delisted=111),
    "PENNY": Kind(price=0.0011, volatility=0.08, tick=0.0001, shares=5e8),
    "PLAIN": Kind(),
    "RARE": Kind(shares=20.0, silent=0.1),
    "SHORT": Kind(listed=130, delisted=137),
    "STILL": Kind(still=((62, 66), (75, 82), (90, 155))),
    "TIES": Kind(price=20.0, tick=0.5, volatility=0.01),
    "UP": Kind(price=15.0, trend=0.012, volatility=0.004),
    "USUAL": Kind(price=121.0, trend=0.001),
    "WILD": Kind(volatility=0.12, shares=4e7),
}


def market() -> pa.Table:
    """Bars by symbol and session: ``symbol``, ``session`` (weekdays), float32 ``open`` .. ``volume``.

    Every value fits 24 bits, so that Qlib's running sums of prices are exact: what they would leave behind where a
    slope or a residual is 0 is no answer.
    """
    rng = np.random.default_rng(SEED)
    days = np.busday_offset(_FIRST, np.arange(SESSIONS), roll="forward")
    parts = [_symbol(rng, name, kind, days) for name, kind in sorted(KINDS.items())]
    return pa.concat_tables(parts)


def _symbol(rng: np.random.Generator, name: str, kind: Kind, days: npt.NDArray[np.datetime64]) -> pa.Table:
    close = kind.price * np.exp(np.cumsum(rng.normal(kind.trend, kind.volatility, SESSIONS)))
    for start, stop in kind.still:
        close[start:stop] = close[start]
    opened = close * np.exp(rng.normal(0.0, kind.volatility / 2, SESSIONS))
    high = np.maximum(opened, close) * (1.0 + rng.exponential(kind.volatility / 3, SESSIONS))
    low = np.minimum(opened, close) / (1.0 + rng.exponential(kind.volatility / 3, SESSIONS))
    flat = rng.random(SESSIONS) < kind.flat
    prices = [np.where(flat, close, series) for series in (opened, high, low, close)]
    volume = np.round(kind.shares * np.exp(rng.normal(0.0, 0.6, SESSIONS)))
    volume[rng.random(SESSIONS) < kind.silent] = 0.0
    for start, stop in kind.mute:
        volume[start:stop] = 0.0
    kept = np.zeros(SESSIONS, dtype=np.bool_)
    kept[kind.listed : kind.delisted] = True
    kept[list(kind.gaps)] = False
    rounded = {
        field: pa.array(_ticks(series, kind.tick)[kept])
        for field, series in zip(("open", "high", "low", "close"), prices, strict=True)
    }
    sessions = pa.array(days[kept].astype("datetime64[D]"))
    names = pa.array([name] * int(kept.sum()))
    return pa.table(
        {"symbol": names, "session": sessions, **rounded, "volume": pa.array(volume[kept].astype(np.float32))}
    )


def _ticks(series: Floats, tick: float) -> npt.NDArray[np.float32]:
    return (np.maximum(np.round(series / tick), 1.0) * tick).astype(np.float32)
