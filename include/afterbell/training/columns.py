"""Arrays written to ``.npy`` files piece by piece, without holding them or mapping them."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from afterbell.errors import PermanentError

_HEADER = 128
"""Bytes before the data: NumPy pads its header to a multiple of 64 and leaves room for a growing shape."""
_PIECE = 1 << 24


class ColumnFile:
    """Columns of equal length that grow together, in one file with a column after the other.

    How many rows there will be is known at the end only. Until then each column stands at the place it would have with
    ``room`` rows; what lies between is a hole that takes no space on the disk. ``close_up`` moves the columns together.
    """

    def __init__(self, path: Path, dtype: str, columns: int | None, room: int) -> None:
        """Open ``path`` for an array of shape ``(columns, rows)``, or ``(rows,)`` where ``columns`` is None."""
        self._columns, self._room, self._dtype = columns, room, np.dtype(dtype)
        self.rows = 0
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)

    def close(self) -> None:
        """Close the file; before ``close_up`` it is not a valid array."""
        os.close(self._file)

    def append(self, parts: Sequence[NDArray[np.generic]]) -> None:
        """Add rows at the end: one array of them for each column.

        Raises:
            PermanentError: there would be more than ``room`` rows.
        """
        added = len(parts[0])
        if self.rows + added > self._room:
            raise PermanentError(
                f"read {self.rows + added} rows, the table's metadata counts {self._room}: the metadata is wrong"
            )
        for column, part in enumerate(parts):
            self._write(np.ascontiguousarray(part, self._dtype).data, self._offset(column, self._room, self.rows))
        self.rows += added

    def close_up(self) -> None:
        """Move the columns together, write NumPy's header, and flush all of it to the disk."""
        length = self.rows * self._dtype.itemsize
        for column in range(1, self._columns or 1):
            source, target = self._offset(column, self._room, 0), self._offset(column, self.rows, 0)
            for start in range(0, length if source != target else 0, _PIECE):
                # In ascending order: what is overwritten has been moved before.
                piece = os.pread(self._file, min(_PIECE, length - start), source + start)
                self._write(memoryview(piece), target + start)
        os.ftruncate(self._file, _HEADER + length * (self._columns or 1))
        self._write(memoryview(self._header()), 0)
        os.fsync(self._file)

    def _offset(self, column: int, rows: int, row: int) -> int:
        return _HEADER + (column * rows + row) * self._dtype.itemsize

    def _write(self, part: memoryview, offset: int) -> None:
        remaining = part.cast("B")
        while remaining:
            written = os.pwrite(self._file, remaining, offset)
            remaining, offset = remaining[written:], offset + written

    def _header(self) -> bytes:
        shape = (self.rows,) if self._columns is None else (self._columns, self.rows)
        out = io.BytesIO()
        np.lib.format.write_array_header_1_0(out, {"descr": self._dtype.str, "fortran_order": False, "shape": shape})
        if len(out.getvalue()) != _HEADER:
            raise PermanentError(f"NumPy's header is {len(out.getvalue())} bytes long, expected {_HEADER}")
        return out.getvalue()
