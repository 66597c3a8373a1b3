"""Reading many lines at once with Polars' CSV reader, where it is sure to read them as ``strict`` does. Pure.

The reader alone is too lenient: it takes ``1e5``, ``.5``, ``+5`` and ``INF`` for prices, fills short lines up, and
makes nothing of what it can't read. So the bytes are looked at first. Lines that hold anything odd are not read here
but named, for ``strict`` to read one by one; a line that is read here has the same values there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from afterbell.ingest.decode import Text
from afterbell.ingest.fields import DTYPES, NUMBERS, typed
from afterbell.ingest.layout import Column
from afterbell.ingest.strict import Fields

Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
_NEWLINE, _TAB, _SPACE, _DELETE, _MINUS, _DOT, _ZERO, _E = 10, 9, 32, 127, 45, 46, 48, ord("e")
_LOWER_CASE = 32  # the bit that makes a letter lower-case


@dataclass(frozen=True)
class Quick:
    """What was read at once.

    Attributes:
        rows: as ``Fields.schema``.
        odd: the numbers of the lines that were not read.
    """

    rows: pl.DataFrame
    odd: list[int]


def read_quickly(fields: Fields, text: Text) -> Quick:
    """Read the lines of ``text``, but for the odd ones."""
    view = np.frombuffer(text.data, np.uint8)
    if _spotless(fields, view) and not _header_again(fields, text):
        rows = _read(fields, text.data, strict=True)
        if rows is not None and not any(column.null_count() for column in rows) and _finite(rows):
            numbers = np.arange(text.first, text.first + rows.height)
            return _answer(fields, text, _finished(fields, rows, numbers, spaces=b" " in text.data))
    return _read_selected(fields, text, view)


def _spotless(fields: Fields, view: Bytes) -> bool:
    """Whether nothing at all is odd, by a few looks at all bytes; a no proves nothing.

    It is for the common layout: text in the first field only, dates and numbers in all others, none of them empty.
    """
    columns = fields.columns
    if any(column is None or (column.type == "string") != (at == 0) for at, column in enumerate(columns)):
        return False
    delimiter = ord(fields.source.format.delimiter)
    newline, separator = view == _NEWLINE, view == delimiter
    lines = int(np.count_nonzero(newline))
    controls = np.count_nonzero(view < _SPACE) - lines - (np.count_nonzero(separator) if delimiter == _TAB else 0)
    if controls or np.count_nonzero(separator) != lines * (len(columns) - 1) or (view == _DELETE).any():
        return False
    # Every window of half the limit holds a newline: then no line is longer than the limit.
    window = fields.source.limits.line_bytes // 2
    if view.size > window and not newline[: view.size // window * window].reshape(-1, window).any(axis=1).all():
        return False
    digit = (view - _ZERO) < 10
    if (separator[:-1] & ~digit[1:]).any() or newline[0]:  # .5  -5  +5  INF, an empty field or an empty line
        return False
    dot = view == _DOT
    exponent = (view[1:] | _LOWER_CASE) == _E
    # 5.  1e5  1.e5
    return not ((dot[:-1] & (separator | newline)[1:]).any() or (exponent & (digit | dot)[:-1]).any())


def _header_again(fields: Fields, text: Text) -> bool:
    return fields.header is not None and fields.header.encode() in text.data


def _read_selected(fields: Fields, text: Text, view: Bytes) -> Quick:
    """Read the lines that have the right shape and hold nothing odd."""
    misshapen = _misshapen(fields, text, view)
    data = text.without(misshapen) if misshapen.any() else text.data
    numbers = text.first + np.flatnonzero(~misshapen)
    rows = _read(fields, data, strict=False) if numbers.size else None
    if rows is None or rows.height != numbers.size:
        return Quick(fields.schema.to_frame(), (text.first + np.arange(text.ends.size)).tolist())
    doubtful = _doubtful(fields, np.frombuffer(data, np.uint8), rows)
    found = _finished(fields, rows, numbers, spaces=b" " in data)
    if doubtful.any():
        found = found.filter(pl.Series(~doubtful))
    return _answer(fields, text, found)


def _answer(fields: Fields, text: Text, found: pl.DataFrame) -> Quick:
    # A text that isn't the date, time or truth value it should be is for `strict` to explain.
    for column in fields.source.columns.values():
        if column.type not in NUMBERS and column.type != "string" and found[column.name].null_count():
            found = found.filter(pl.col(column.name).is_not_null())
    if found.height == text.ends.size:
        return Quick(found, [])
    numbers = text.first + np.arange(text.ends.size)
    return Quick(found, np.setdiff1d(numbers, found["line"].to_numpy(), assume_unique=True).tolist())


def _misshapen(fields: Fields, text: Text, view: Bytes) -> Mask:
    """Lines with control characters, too few or too many fields, too many bytes, or the header's text."""
    odd: Mask = text.ends - text.starts > fields.source.limits.line_bytes
    if fields.header is not None and _header_again(fields, text):
        length = len(fields.header.encode())
        alike = np.flatnonzero(text.ends - text.starts == length).tolist()
        header = fields.header.encode()
        odd[[at for at in alike if text.data[text.starts[at] : text.ends[at]] == header]] = True
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
    for at, column in enumerate(fields.columns):
        if column is None or column.type not in NUMBERS:
            continue
        values = rows[column.name]
        doubtful |= ~plain[:, at] | (values.is_null().to_numpy() & ~empty[:, at])
        if column.type == "double":
            doubtful |= ~values.is_finite().fill_null(value=True).to_numpy()
    if not any(column and column.type in NUMBERS for column in fields.columns):
        return doubtful
    exponent = np.flatnonzero((view | _LOWER_CASE) == _E)
    before = view[exponent - 1]
    after_digit = exponent[_digit(before) | (before == _DOT)]
    doubtful[np.searchsorted(marks[width - 1 :: width], after_digit)] = True
    return doubtful


def _digit(view: Bytes) -> Mask:
    return (view - _ZERO) < 10


def _read(fields: Fields, data: bytes, *, strict: bool) -> pl.DataFrame | None:
    """The lines by the CSV reader: numbers typed, everything else as text. None where it can't."""
    names = [column.name if column else f"_extra_{at}" for at, column in enumerate(fields.columns)]
    kinds = [DTYPES[column.type] if column and column.type in NUMBERS else pl.String() for column in fields.columns]
    try:
        return pl.read_csv(
            data,
            has_header=False,
            schema=dict(zip(names, kinds, strict=True)),
            separator=fields.source.format.delimiter,
            quote_char=None,
            ignore_errors=not strict,
        )
    except pl.exceptions.PolarsError:
        return None


def _finite(rows: pl.DataFrame) -> bool:
    return all(column.is_finite().all() for column in rows if column.dtype == pl.Float64)


def _finished(fields: Fields, rows: pl.DataFrame, numbers: npt.NDArray[np.int64], *, spaces: bool) -> pl.DataFrame:
    """The rows with their numbers, texts as what they stand for."""
    made = []
    for column in fields.source.columns.values():
        values = rows[column.name]
        if column.type not in NUMBERS:
            values = values.str.strip_chars(" ") if spaces else values
            values = values if column.type == "string" and not spaces else _typed(fields, column, values)
        made.append(values)
    return pl.DataFrame([pl.Series("line", numbers, dtype=pl.Int64), *made])


def _typed(fields: Fields, column: Column, text: pl.Series) -> pl.Series:
    return typed(column, text, fields.source.time_zone).alias(column.name)
