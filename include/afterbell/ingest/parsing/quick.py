"""Reading many lines at once with Polars' CSV reader, where it is sure to read them as ``strict`` does. Pure.

The reader alone is too lenient: it takes ``1e5``, ``.5``, ``+5`` and ``INF`` for prices, fills short lines up, and
makes nothing of what it can't read. So the bytes are looked at first. Lines that hold anything odd are not read here
but named, for ``strict`` to read one by one; a line that is read here has the same values there.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np
import numpy.typing as npt
import polars as pl

from afterbell.ingest.parsing.decode import Text
from afterbell.ingest.parsing.fields import DTYPES, typed
from afterbell.ingest.parsing.strict import Fields

Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
_TAB, _NEWLINE, _RETURN, _SPACE, _MINUS, _DOT, _DELETE, _E = 9, 10, 13, 32, 45, 46, 127, ord("e")
_ZERO = np.uint8(48)
_TEN = np.uint8(10)
_PIECE = 96 * 1024
_LOWER_CASE = 32  # the bit that makes a letter lower-case


@dataclass(frozen=True)
class Quick:
    """The lines that were read at once.

    Attributes:
        rows: as ``Fields.schema``.
        odd: the numbers of the lines that were not read.
    """

    rows: pl.DataFrame
    odd: list[int]


def read_quickly(fields: Fields, text: Text) -> Quick:
    """Read the lines of ``text``, except the odd ones."""
    view = np.frombuffer(text.data, np.uint8, offset=text.begin)
    if b"\x7f" in text.data or not _spotless(fields, view) or _header_again(fields, text):
        return _read_selected(fields, text.without_returns())
    rows = _read(fields, text, strict=True)
    if rows is None or any(column.null_count() or _infinite(column) for column in rows):
        return _read_selected(fields, text.without_returns())
    lines = pl.int_range(text.first, text.first + rows.height, eager=True, dtype=pl.Int64)
    finished = _finished(fields, rows, lines, spaces=b" " in text.data)
    return Quick(finished, [] if finished.height == rows.height else _others(lines, finished))


def _infinite(values: pl.Series) -> bool:
    return values.dtype == pl.Float64 and values.max() == inf


def _others(lines: pl.Series, finished: pl.DataFrame) -> list[int]:
    return lines.filter(~lines.is_in(finished["line"].implode())).to_list()


def _spotless(fields: Fields, view: Bytes) -> bool:
    """Whether nothing at all is odd, by a few looks at all bytes; a no proves nothing.

    It is for the common layout: text in the first field only, dates and numbers in all others, none of them empty.
    """
    columns = fields.columns
    if any(column is None or (column.type == "string") != (place == 0) for place, column in enumerate(columns)):
        return False
    delimiter = ord(fields.source.format.delimiter)
    lines = separators = 0
    # In pieces that fit a core's cache; the piece before ends with the byte that this one begins with.
    for start in range(0, view.size - 1, _PIECE):
        piece = view[start : start + _PIECE + 1]
        newline, separator = piece == _NEWLINE, piece == delimiter
        ended, separated = int(np.count_nonzero(newline[1:])), int(np.count_nonzero(separator[1:]))
        if not _long_free(newline, fields.source.limits.line_bytes) or _odd_pair(piece, newline, separator):
            return False
        returned = int(np.count_nonzero(piece[1:] == _RETURN))
        tabs = separated if delimiter == _TAB else 0
        if np.count_nonzero(piece[1:] < _SPACE) != ended + returned + tabs:
            return False
        lines, separators = lines + ended, separators + separated
    bounds = view.size > 1 and view[0] > _SPACE and view[0] != delimiter
    return bool(bounds) and separators == lines * (len(columns) - 1)


def _long_free(newline: Mask, limit: int) -> bool:
    """Whether no line can be longer than the limit, since every window of a quarter of it holds a newline."""
    window = limit // 4
    if newline.size <= window:
        return True
    return bool(newline[: newline.size // window * window].reshape(-1, window).any(axis=1).all())


def _odd_pair(piece: Bytes, newline: Mask, separator: Mask) -> bool:
    """Whether two bytes beside each other can be part of something odd."""
    here, after = piece[:-1], piece[1:]
    digit, dot, back = (piece - _ZERO) < _TEN, here == _DOT, piece == _RETURN
    ends = newline | back
    odd = separator[:-1] & ~digit[1:]  # ,.5  ,-5  ,+5  ,INF  ,,
    odd |= newline[:-1] & ends[1:]  # an empty line
    odd |= back[:-1] & ~newline[1:]
    odd |= dot & (separator | ends)[1:]  # 5.
    odd |= ((after | _LOWER_CASE) == _E) & (digit[:-1] | dot)  # 1e5  1.e5
    return bool(odd.any())


def _header_again(fields: Fields, text: Text) -> bool:
    return fields.header is not None and text.data.find(fields.header.encode(), text.begin) >= 0


def _read_selected(fields: Fields, text: Text) -> Quick:
    """Read the lines that have the right shape and hold nothing odd."""
    misshapen = _misshapen(fields, text)
    data = text.without(misshapen) if misshapen.any() else text.own
    numbers = text.first + np.flatnonzero(~misshapen)
    rows = _read(fields, Text(data), strict=False) if numbers.size else None
    if rows is None or rows.height != numbers.size:
        return Quick(fields.schema.to_frame(), (text.first + np.arange(text.ends.size)).tolist())
    doubtful = _doubtful(fields, np.frombuffer(data, np.uint8), rows)
    lines = pl.Series(numbers)
    if doubtful.any():
        sure = pl.Series(~doubtful)
        rows, lines = rows.filter(sure), lines.filter(sure)
    finished = _finished(fields, rows, lines, spaces=b" " in data)
    return Quick(finished, _others(pl.Series(text.first + np.arange(text.ends.size)), finished))


def _misshapen(fields: Fields, text: Text) -> Mask:
    """Lines with control characters, too few or too many fields, too many bytes, or the header's text."""
    view = np.frombuffer(text.own, np.uint8)
    odd: Mask = text.ends - text.starts > fields.source.limits.line_bytes
    if fields.header is not None and _header_again(fields, text):
        length = len(fields.header.encode())
        alike = np.flatnonzero(text.ends - text.starts == length).tolist()
        header = fields.header.encode()
        odd[[place for place in alike if text.own[text.starts[place] : text.ends[place]] == header]] = True
    control = (view < _SPACE) & (view != _NEWLINE) & (view != _TAB) | (view == _DELETE)
    if control.any():
        odd[np.searchsorted(text.ends, np.flatnonzero(control))] = True
    separators = np.flatnonzero(view == ord(fields.source.format.delimiter))
    counts = np.diff(np.searchsorted(separators, text.ends), prepend=0)
    odd |= counts != len(fields.names) - 1
    return odd


def _doubtful(fields: Fields, view: Bytes, rows: pl.DataFrame) -> Mask:
    """Rows that have a number which the reader understood and ``strict`` may not, or the other way round."""
    delimiter, width = ord(fields.source.format.delimiter), len(fields.names)
    marks = np.flatnonzero((view == delimiter) | (view == _NEWLINE))
    begins = np.concatenate([[0], marks[:-1] + 1])
    first, last = (view[places].reshape(-1, width) for places in (begins, marks - 1))
    second = view[np.minimum(begins + 1, view.size - 1)].reshape(-1, width)
    empty = ((marks - begins) == 0).reshape(-1, width)
    starts = _digit(first) | ((first == _MINUS) & _digit(second))
    plain = empty | (starts & _digit(last))
    doubtful: Mask = np.zeros(rows.height, np.bool_)
    numbers = [(place, column) for place, column in enumerate(fields.columns) if column and column.read_as_number]
    if not numbers:
        return doubtful
    # One query for all columns: small drops are many, and each query has its price.
    nulls = rows.select(pl.col(column.name).is_null() for _, column in numbers)
    finite = [pl.col(column.name).is_finite() for _, column in numbers if column.type == "double"]
    for place, column in numbers:
        doubtful |= ~plain[:, place] | (nulls[column.name].to_numpy() & ~empty[:, place])
    if finite:
        doubtful |= ~rows.select(pl.all_horizontal(finite).fill_null(value=True)).to_series().to_numpy()
    exponent = np.flatnonzero((view | _LOWER_CASE) == _E)
    before = view[exponent - 1]
    after_digit = exponent[_digit(before) | (before == _DOT)]
    doubtful[np.searchsorted(marks[width - 1 :: width], after_digit)] = True
    return doubtful


def _digit(view: Bytes) -> Mask:
    return (view - _ZERO) < _TEN


def _read(fields: Fields, text: Text, *, strict: bool) -> pl.DataFrame | None:
    """The lines by the CSV reader: numbers typed, everything else as text. None where it can't."""
    names = [column.name if column else f"_extra_{place}" for place, column in enumerate(fields.columns)]
    kinds = [DTYPES[column.type] if column and column.read_as_number else pl.String() for column in fields.columns]
    try:
        return pl.read_csv(
            text.data,
            has_header=False,
            skip_rows=1 if text.begin else 0,
            schema=dict(zip(names, kinds, strict=True)),
            separator=fields.source.format.delimiter,
            quote_char=None,
            ignore_errors=not strict,
        )
    except pl.exceptions.PolarsError:
        return None


def _finished(fields: Fields, rows: pl.DataFrame, lines: pl.Series, *, spaces: bool) -> pl.DataFrame:
    """The rows as ``Fields.schema``; without those whose text isn't the date, time or truth value it should be."""
    made = [lines.alias("line")]
    wrong = []
    for column in fields.source.columns.values():
        values = rows[column.name]
        if not column.read_as_number:
            values = values.str.strip_chars(" ") if spaces else values
            if column.type != "string" or spaces:
                values = typed(column, values, fields.source.time_zone, fields.day).alias(column.name)
            if column.type != "string" and values.null_count():
                wrong.append(column.name)  # for `strict` to explain
        made.append(values)
    frame = pl.DataFrame(made)
    return frame.drop_nulls(wrong) if wrong else frame
