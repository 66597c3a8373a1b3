"""Hand-made drops in the layout of the sources that the project declares."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from datetime import date

from afterbell.ingest.parsing.parse import DropName, ParsedDrop, parse_drop
from afterbell.sources.rules import load_rules
from afterbell.sources.source import Source, load_source

HEADER = "symbol,date,open,high,low,close,volume,adj_close"
DAY, BEFORE = date(2016, 6, 30), date(2016, 6, 29)
KEY = "prices/2016/20160630.csv.gz"
GOOD = "AAPL,2016-06-30,94.44,95.77,94.30,95.60,35836300,95.60"
GOOD_BEFORE = "AAPL,2016-06-29,93.97,94.55,93.63,94.40,36531000,94.40"


def body(lines: Iterable[str], end: str = "\n") -> bytes:
    return gzip.compress((end.join(lines) + end).encode(), mtime=0)


def prices(*lines: str, end: str = "\n", **changes: object) -> ParsedDrop:
    """The prices drop of 2016-06-30 with these lines after its header."""
    return parse_as(load_source("us_daily_prices"), body([HEADER, *lines], end), **changes)


def parse(data: bytes, name: str = "us_daily_prices", **changes: object) -> ParsedDrop:
    return parse_as(load_source(name), data, **changes)


def parse_as(source: Source, data: bytes, **changes: object) -> ParsedDrop:
    source = Source.model_validate(source.model_dump() | changes) if changes else source
    return parse_drop(source, load_rules(source.quality), DropName(KEY, DAY, source.sessions_carried(DAY)), data)


def rules(parsed: ParsedDrop) -> list[tuple[int, str]]:
    """Line and rule of each line set aside."""
    return list(zip(parsed.rejected["line"].to_list(), parsed.rejected["rule"].to_list(), strict=True))
