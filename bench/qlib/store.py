"""Bars to Qlib's binary store: a calendar, a list of instruments, one file of numbers per instrument and field."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

FIELDS = ("open", "high", "low", "close", "volume")
PLAIN = np.dtype("<f4")
"""What Qlib's own files hold."""
DOUBLE = np.dtype("<f8")
"""For `bench.qlib.double`: what a file of 4 bytes a number would round away."""


def write(bars: pa.Table, folder: Path, numbers: np.dtype[np.floating]) -> int:
    """Write the store; the number of its instruments.

    An instrument's rows run from its first bar to its last one, NaN on sessions between them without a bar. No VWAP is
    in the data: the typical price (high + low + close) / 3 stands for it.

    Args:
        bars: adjusted bars, columns ``symbol``, ``session`` (date) and ``FIELDS``; one row a (symbol, session). Its
            sessions are the calendar.
        folder: of the store; new or empty.
        numbers: ``PLAIN`` or ``DOUBLE``.
    """
    bars = bars.sort_by([("symbol", "ascending"), ("session", "ascending")])
    sessions, columns = np.unique(bars["session"].to_numpy(), return_inverse=True)
    symbols, starts = np.unique(bars["symbol"].to_numpy(zero_copy_only=False), return_index=True)
    values = np.stack([bars[name].to_numpy().astype(np.float64) for name in FIELDS])
    typical = (values[1] + values[2] + values[3]) / 3.0
    values = np.vstack((values, typical))
    lines = []
    for code, (start, stop) in enumerate(zip(starts, [*starts[1:], bars.num_rows], strict=True)):
        at = columns[start:stop]
        name = instrument(code)
        _write_numbers(folder / "features" / name, at, values[:, start:stop], numbers)
        lines.append(f"{name}\t{sessions[at[0]]}\t{sessions[at[-1]]}\n")
    _write_text(folder / "calendars" / "day.txt", (f"{day}\n" for day in sessions))
    _write_text(folder / "instruments" / "all.txt", lines)
    _write_text(folder / "symbols.txt", (f"{symbol}\n" for symbol in symbols))
    return len(symbols)


def instrument(code: int) -> str:
    """Qlib's name of the symbol with that place among all: symbols themselves don't all make file names."""
    return f"s{code:06d}"


def instruments_of(folder: Path) -> dict[str, str]:
    """Qlib's names by symbol."""
    symbols = (folder / "symbols.txt").read_text(encoding="utf-8").splitlines()
    return {symbol: instrument(code) for code, symbol in enumerate(symbols)}


def symbols_of(folder: Path, instruments: pa.ChunkedArray) -> pa.ChunkedArray:
    """The symbols of Qlib's names."""
    symbols = pa.array((folder / "symbols.txt").read_text(encoding="utf-8").splitlines())
    return symbols.take(pc.cast(pc.utf8_slice_codeunits(instruments, 1), pa.int64()))


def _write_numbers(
    folder: Path, columns: npt.NDArray[np.int64], values: npt.NDArray[np.float64], numbers: np.dtype[np.floating]
) -> None:
    """A file a field: the first session's number in the calendar, then a number a session."""
    folder.mkdir(parents=True)
    rows = np.full(columns[-1] - columns[0] + 2, np.nan, dtype=numbers)
    rows[0] = columns[0]
    for name, field in zip((*FIELDS, "vwap"), values, strict=True):
        rows[columns - columns[0] + 1] = field
        rows.tofile(folder / f"{name}.day.bin")


def _write_text(path: Path, lines: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(lines), encoding="utf-8")  # type: ignore[arg-type]
