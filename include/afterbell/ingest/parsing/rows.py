"""The rows of a drop of any format, before their content is checked. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class ParsedRows:
    """The typed rows of a drop.

    Attributes:
        frame: ``line`` (Int64, from 1) and the source's columns, in the order of the lines.
        aside: lines that are no rows, as ``afterbell.ingest.parsing.sift.ASIDE``.
        lines: data lines in all, the header not counted.
        raw: the text of lines, by their numbers.
        notes: what is odd about the drop as a whole, and allowed.
    """

    frame: pl.DataFrame
    aside: pl.DataFrame
    lines: int
    raw: Callable[[list[int]], list[str]]
    notes: tuple[str, ...] = ()
