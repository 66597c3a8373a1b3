"""Drops as QuantConnect's Lean stores them, read by the examples of the manual alone."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from afterbell.errors import CorruptDropError
from afterbell.ingest.parsing.parse import DropName, ParsedDrop, parse_drop
from afterbell.sources.rules import load_rules
from tests.ingest.lean import Bar, minute_key, minute_zip, zipped
from tests.ingest.shapes import example

DAY = date(2013, 10, 1)
OPENING: Bar = (34_200_000, 4_780_000, 4_855_000, 4_770_000, 4_842_000, 12_345)


def read(symbol: str, body: bytes, **changes: object) -> ParsedDrop:
    source = example("lean_minutes", **changes)
    name = DropName(minute_key(symbol, DAY), DAY, source.sessions_carried(DAY))
    return parse_drop(source, load_rules(source.quality), name, body)


def test_a_minute_of_lean_is_a_bar_in_dollars_at_its_instant() -> None:
    parsed = read("aapl", minute_zip("aapl", DAY, [OPENING]))
    assert parsed.rows.to_dicts() == [
        {
            "symbol": "AAPL", "session": DAY, "at": datetime(2013, 10, 1, 13, 30, tzinfo=UTC),
            "open": 478.0, "high": 485.5, "low": 477.0, "close": 484.2, "volume": 12345,
        }
    ]  # fmt: skip


def test_trading_before_and_after_hours_is_of_its_day() -> None:
    early: Bar = (15_300_000, 6_448_000, 6_448_000, 6_448_000, 6_448_000, 90)
    late: Bar = (71_940_000, 6_467_500, 6_469_900, 6_467_500, 6_469_700, 370_296)
    parsed = read("aapl", minute_zip("aapl", DAY, [early, OPENING, late]))
    assert [f"{at:%H:%M}" for at in parsed.rows["at"].to_list()] == ["08:15", "13:30", "23:59"]
    assert parsed.rejected.is_empty()


def test_a_symbol_with_a_point_is_as_the_market_writes_it() -> None:
    assert read("brk.a", minute_zip("brk.a", DAY, [OPENING])).rows["symbol"].to_list() == ["BRK.A"]


def test_a_line_set_aside_has_the_symbol_of_its_key() -> None:
    upside_down: Bar = (34_260_000, 4_780_000, 4_770_000, 4_855_000, 4_842_000, 1)
    parsed = read("aapl", minute_zip("aapl", DAY, [OPENING, upside_down, ("x", 1, 1, 1, 1, 1)]))
    found = parsed.rejected.select("line", "symbol", "rule").rows()
    assert found == [(2, "AAPL", "high_not_below_low"), (3, "AAPL", "not_timestamp")]


def test_the_zip_of_another_symbol_under_this_key_is_refused() -> None:
    with pytest.raises(CorruptDropError, match=r"expected one member named like 20131001_aapl_minute_trade\\\.csv"):
        read("aapl", minute_zip("ibm", DAY, [OPENING]))


def test_a_zip_with_nothing_in_its_member_is_an_empty_drop() -> None:
    assert read("aapl", zipped({"20131001_aapl_minute_trade.csv": ""})).empty


def test_a_group_of_the_key_is_text_in_the_name_of_a_member_and_no_pattern() -> None:
    body = zipped({"20131001_brkxa_minute_trade.csv": ",".join(map(str, OPENING))})
    with pytest.raises(CorruptDropError, match="found 0"):
        read("brk.a", body)
