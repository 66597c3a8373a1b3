"""How text and tables fit a terminal: lines break between words only, so that an id or a path stays whole."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest

from rich.cells import cell_len
from rich.text import Text

_WORD = re.compile(r"`[^`\n]+`|\S+")
"""What is kept on one line: a command between backticks is one word, if it fits a line."""
_GAP = 2
"""Blanks between the columns of a table."""
_PROSE = 24
"""Cells up to this width stay on one line, so that a date and its time are not parted; longer texts get it at least."""


def wrap(text: Text, width: int, hang: int = 0) -> Iterator[Text]:
    """Break one line between words; a word that is wider than a line gets a line of its own.

    Args:
        text: without line ends.
        width: columns of a line.
        hang: columns by which every line but the first is indented.
    """
    breaks, column = [], 0
    end = 0
    for start, stop in _words(text.plain, width - hang):
        size, blank = cell_len(text.plain[start:stop]), cell_len(text.plain[end:start])
        if column > hang and column + blank + size > width:
            breaks.append(start)
            column = hang + size
        else:
            column += blank + size
        end = stop
    for number, line in enumerate(text.divide(breaks)):
        line.rstrip()
        yield Text(" " * hang) + line if number else line


def _words(plain: str, width: int) -> Iterator[tuple[int, int]]:
    for word in _WORD.finditer(plain):
        if word[0].startswith("`") and cell_len(word[0]) > width:
            for part in re.finditer(r"\S+", word[0]):
                yield word.start() + part.start(), word.start() + part.end()
        else:
            yield word.span()


def table_lines(
    names: Sequence[str], rows: Sequence[Sequence[str]], numbers: set[str], width: int | None
) -> list[Text] | None:
    """The lines of a table of at most ``width`` columns, whose longer texts wrap; None where it can't be that narrow.

    Args:
        names: of the columns, which make its first line.
        rows: their cells.
        numbers: columns that stand to the right.
        width: columns of the terminal; None for as many as it takes.
    """
    widths = fitted_widths(names, rows, width)
    if widths is None:
        return None
    right = [name in numbers for name in names]
    lines = []
    for number, row in enumerate([names, *rows]):
        cells = [[piece.plain for piece in wrap(Text(cell), size)] for cell, size in zip(row, widths, strict=True)]
        for pieces in zip_longest(*cells, fillvalue=""):
            padded = [_pad(*cell) for cell in zip(pieces, widths, right, strict=True)]
            lines.append(Text((" " * _GAP).join(padded).rstrip(), style="" if number else "bold"))
    return lines


def _pad(text: str, size: int, right: bool) -> str:
    blank = " " * (size - cell_len(text))
    return blank + text if right else text + blank


def fitted_widths(names: Sequence[str], rows: Sequence[Sequence[str]], width: int | None) -> list[int] | None:
    """Columns that each column of a table gets, so that no word is broken; None where ``width`` is too small."""
    columns = [(name, *cells) for name, *cells in zip(names, *rows, strict=True)]
    widths = [max(cell_len(cell) for cell in column) for column in columns]
    least = [_least(column) for column in columns]
    if width is None:
        return widths
    excess = sum(widths) + _GAP * (len(names) - 1) - width
    while excess > 0:
        widest = max((i for i in range(len(widths)) if widths[i] > least[i]), key=lambda i: widths[i], default=None)
        if widest is None:
            return None
        widths[widest] -= 1
        excess -= 1
    return widths


def _least(column: Sequence[str]) -> int:
    words = [word for cell in column if cell_len(cell) > _PROSE for word in cell.split()]
    whole = [cell for cell in column if cell_len(cell) <= _PROSE]
    least = max((cell_len(text) for text in [*words, *whole]), default=0)
    return max(least, _PROSE) if any(" " in cell for cell in column if cell_len(cell) > _PROSE) else least


def records(names: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[tuple[str, str]]:
    """The rows, a line a field, for terminals too narrow for a table: label and text; both empty between rows."""
    label = max(cell_len(name) for name in names)
    for number, row in enumerate(rows):
        if number:
            yield "", ""
        for name, cell in zip(names, row, strict=True):
            yield f"{name:<{label}}  ", cell


def columns_of(rows: Sequence[Mapping[str, object]]) -> list[str]:
    """The names that any of the rows has, in the order in which they come up."""
    return list(dict.fromkeys(name for row in rows for name in row))
