"""The real drops: counts were taken from the files with a plain line-by-line script, and reviewed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from afterbell.errors import NotASessionError
from afterbell.ingest.parsing.parse import DropName, ParsedDrop, parse_drop
from afterbell.sources.rules import load_rules
from afterbell.sources.source import load_source

pytestmark = pytest.mark.market


def read(drops: Path, day: str, name: str = "us_daily_prices", ending: str = "csv") -> ParsedDrop:
    source = load_source(name)
    key = f"{source.prefix}{day[:4]}/{day}.{ending}.gz"
    session = source.session_of(key)
    assert session is not None
    carried = source.sessions_carried(session)
    body = (drops / source.store / key).read_bytes()
    return parse_drop(source, load_rules(source.quality), DropName(key, session, carried), body)


@pytest.mark.parametrize(
    ("day", "lines", "collapsed", "quarantined"),
    [
        ("20150323", 12054, 0, {}),
        ("20150330", 12061, 0, {"price_positive": 1}),
        (  # three deliveries in one file
            "20150406",
            36261,
            24103,
            {"session_not_carried": 68, "superseded": 19, "price_positive": 6, "repeated_header": 1},
        ),
        ("20150526", 12121, 0, {"session_not_carried": 23, "jump": 1}),
        ("20150610", 0, 0, {}),  # zero bytes
        ("20150706", 6111, 0, {"session_not_carried": 22}),
        ("20151117", 6112, 1, {}),  # taken before the close
        ("20151120", 12234, 2, {"close_not_below_low": 1}),
        ("20160119", 12164, 2, {"session_not_carried": 8}),
        ("20160216", 12137, 2, {"session_not_carried": 8, "jump": 1}),
        ("20160630", 12038, 2, {"jump": 1}),
    ],
)
def test_a_real_prices_drop(
    market_drops: Path, day: str, lines: int, collapsed: int, quarantined: dict[str, int]
) -> None:
    parsed = read(market_drops, day)
    assert (parsed.lines, parsed.collapsed) == (lines, collapsed)
    assert dict(Counter(parsed.rejected["rule"].to_list())) == quarantined


def test_a_real_drop_of_a_holiday_is_of_no_session(market_drops: Path) -> None:
    with pytest.raises(NotASessionError, match="2015-07-03"):
        read(market_drops, "20150703")


def test_a_real_filings_drop_without_header_is_read(market_drops: Path) -> None:
    parsed = read(market_drops, "20150922", "us_daily_reports")
    assert (parsed.lines, parsed.rows["symbol"].to_list()) == (1, ["BRC"])


def test_a_real_symbol_master_delivered_three_times_in_one_file_collapses(market_drops: Path) -> None:
    parsed = read(market_drops, "20150406", "us_daily_symbols", "txt")
    assert (parsed.rows.height, parsed.rejected.height) == (6127, 0)
