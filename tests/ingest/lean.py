"""Files in the layout of QuantConnect's Lean, made after its public description (Data/equity/readme.md)."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from datetime import date

Bar = tuple[object, int, int, int, int, int]
"""Time, open, high, low, close in ten-thousandths of a dollar, volume."""


def zipped(members: dict[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, text in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2021, 4, 1, 0, 0, 0)), text, method)
    return buffer.getvalue()


def _lines(bars: Iterable[Bar]) -> str:
    return "\n".join(",".join(map(str, bar)) for bar in bars)


def minute_key(symbol: str, day: date, what: str = "trade") -> str:
    return f"equity/usa/minute/{symbol}/{day:%Y%m%d}_{what}.zip"


def minute_zip(symbol: str, day: date, bars: Iterable[Bar]) -> bytes:
    """The minutes of a day: times are milliseconds since midnight in New York, of the start of each bar."""
    return zipped({f"{day:%Y%m%d}_{symbol}_minute_trade.csv": _lines(bars)})


def daily_key(symbol: str) -> str:
    return f"equity/usa/daily/{symbol}.zip"


def daily_zip(symbol: str, bars: Iterable[tuple[date, int, int, int, int, int]]) -> bytes:
    """All days of a symbol; the last line has no end, as in Lean's own files."""
    return zipped({f"{symbol}.csv": _lines((f"{day:%Y%m%d} 00:00", *prices) for day, *prices in bars)})  # type: ignore[misc]
