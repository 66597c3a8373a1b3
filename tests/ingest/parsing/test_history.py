"""Objects that carry a history: what of them is new, what waits for its session, and what is told otherwise."""

from __future__ import annotations

from datetime import date

import pytest

from afterbell.errors import CorruptDropError
from afterbell.ingest.parsing.checks import DropName
from afterbell.ingest.parsing.history import Mark, ParsedHistory, parse_history
from afterbell.sources.rules import load_rules
from afterbell.sources.source import Source
from tests.ingest.lean import zipped
from tests.ingest.shapes import example

DAYS = [date(2013, 9, 30), date(2013, 10, 1), date(2013, 10, 2), date(2013, 10, 3)]
LINES = [f"{day:%Y%m%d} 00:00,4780000,4855000,4770000,484{day.day:02d}00,{day.day}000" for day in DAYS]
SOURCE = example("lean_daily")


def read(lines: list[str], run: date, before: Mark | None = None, source: Source = SOURCE) -> ParsedHistory:
    name = DropName("equity/usa/daily/aapl.zip", run, source.sessions_carried(run))
    body = zipped({"aapl.csv": "\n".join(lines)})
    return parse_history(source, load_rules(source.quality), name, body, before or Mark())


def sessions(parsed: ParsedHistory) -> list[date]:
    found: list[date] = parsed.drop.rows["session"].to_list()
    return found


def test_all_of_a_new_history_is_read() -> None:
    parsed = read(LINES, DAYS[3])
    assert sessions(parsed) == DAYS
    assert parsed.drop.rows["symbol"].unique().to_list() == ["AAPL"]
    assert parsed.drop.rows["close"].to_list() == [484.3, 484.01, 484.02, 484.03]
    assert (parsed.left, parsed.restated) == (0, False)


def test_rows_of_later_sessions_wait_and_are_read_on_from_there() -> None:
    first = read(LINES, DAYS[1])
    assert (sessions(first), first.left, first.drop.lines) == (DAYS[:2], 2, 2)
    second = read(LINES, DAYS[2], first.mark)
    assert (sessions(second), second.left, second.drop.lines) == ([DAYS[2]], 1, 1)
    third = read(LINES, DAYS[3], second.mark)
    assert (sessions(third), third.left, third.restated) == ([DAYS[3]], 0, False)


def test_of_an_object_that_has_grown_only_what_follows_is_read() -> None:
    first = read(LINES[:3], DAYS[2])
    grown = read(LINES, DAYS[3], first.mark)
    assert (sessions(grown), grown.drop.lines, grown.restated) == ([DAYS[3]], 1, False)
    assert grown.mark == read(LINES, DAYS[3]).mark


def test_an_object_that_says_nothing_new_has_no_lines() -> None:
    first = read(LINES, DAYS[3])
    again = read(LINES, DAYS[3], first.mark)
    assert (again.drop.empty, again.mark) == (True, first.mark)


@pytest.mark.parametrize(
    "lines",
    [
        [LINES[0].replace("484", "485"), *LINES[1:]],
        LINES[1:],
        LINES[:2],
        [LINES[1], LINES[0], *LINES[2:]],
        [LINES[0], "20130930 00:00,1,1,1,1,1", *LINES[1:]],
    ],
)
def test_where_the_text_taken_in_has_changed_all_of_it_is_read_again(lines: list[str]) -> None:
    parsed = read(lines, DAYS[3], read(LINES[:3], DAYS[2]).mark)
    assert parsed.restated
    assert parsed.drop.lines == len(lines)


def test_sessions_that_descend_are_taken_by_their_dates_and_read_again_each_time() -> None:
    parsed = read(LINES[::-1], DAYS[1])
    assert (sorted(sessions(parsed)), parsed.left, parsed.mark) == (DAYS[:2], 2, Mark())
    everything = read(LINES[::-1], DAYS[3], parsed.mark)
    assert (sorted(sessions(everything)), everything.left, everything.restated) == (DAYS, 0, False)


def test_a_line_set_aside_is_judged_once_with_its_number_in_the_object() -> None:
    lines = [LINES[0], "20131001 00:00,x,1,1,1,1", LINES[2]]
    first = read(lines, DAYS[2])
    assert first.drop.rejected.select("line", "symbol", "rule").rows() == [(2, "AAPL", "not_a_number")]
    grown = read([*lines, "20131003 00:00,1,1,1,1"], DAYS[3], first.mark)
    assert grown.drop.rejected.select("line", "symbol", "rule").rows() == [(4, "AAPL", "field_count")]


def test_a_bad_line_among_later_rows_waits_with_them() -> None:
    lines = [*LINES[:3], "20131003 00:00,x,1,1,1,1", LINES[3]]
    first = read(lines, DAYS[1])
    assert (first.drop.rejected.height, first.drop.lines) == (0, 2)
    assert read(lines, DAYS[3], first.mark).drop.rejected["line"].to_list() == [4]


@pytest.mark.parametrize(
    ("day", "rule"),
    [("20131005", "session_not_carried"), ("20130902", "session_not_carried"), ("2013-10-02", "not_date")],
)
def test_a_row_of_no_session_is_set_aside(day: str, rule: str) -> None:
    parsed = read([LINES[0], f"{day} 00:00,4780000,4855000,4770000,4842000,1"], date(2013, 10, 7))
    assert parsed.drop.rejected["rule"].to_list() == [rule]
    if rule == "session_not_carried":
        assert "a session from 2000-01-04 to 2013-10-07" in parsed.drop.rejected["reason"][0]


def test_rows_before_the_calendar_begins_are_left_out_and_not_held_against_the_object() -> None:
    old = [f"1999{month:02d}04 00:00,4780000,4855000,4770000,4842000,1" for month in range(1, 13)]
    parsed = read([*old, *LINES], DAYS[3])
    assert (sessions(parsed), parsed.drop.lines, parsed.drop.rejected.height) == (DAYS, 4, 0)
    assert parsed.drop.notes == (
        "12 rows of sessions before 2000-01-04, where the exchange's calendar begins, were left out",
    )


def test_a_bar_far_from_the_one_before_is_not_held_whatever_came_with_it() -> None:
    far = "20131001 00:00,47800,48550,47700,48401,1000"  # a hundredth of the day before
    assert sessions(read([LINES[0], far], DAYS[1])) == DAYS[:2]


def test_a_history_with_a_header_and_many_symbols_is_read_on_by_its_names() -> None:
    given = SOURCE.model_dump()
    columns = {"ticker": {"name": "symbol", "type": "string"}, **given["columns"]}
    changes = {
        "key_pattern": r"equity/usa/daily/[a-z]+\.zip",
        "columns": columns,
        "format": given["format"] | {"header": "required", "member": ""},
    }
    source = Source.model_validate(given | changes)
    header = "time,ticker,open,high,low,close,volume"
    lines = [f"{line[:14]},{symbol},{line[15:]}" for line in LINES for symbol in ("aapl", "ibm")]
    first = read([header, *lines[:4]], DAYS[1], source=source)
    grown = read([header, *lines], DAYS[3], first.mark, source)
    assert grown.drop.rows.select("symbol", "session").rows() == [
        (symbol, day) for day in DAYS[2:] for symbol in ("AAPL", "IBM")
    ]


def test_an_object_that_is_broken_is_refused() -> None:
    name = DropName("equity/usa/daily/aapl.zip", DAYS[0], SOURCE.sessions_carried(DAYS[0]))
    with pytest.raises(CorruptDropError, match="expected zip"):
        parse_history(SOURCE, load_rules(SOURCE.quality), name, b"nothing", Mark())


def test_a_history_of_twenty_years_is_read_at_once_like_line_by_line() -> None:
    days = SOURCE.sessions_carried(date(2021, 3, 31))
    lines = [f"{day:%Y%m%d} 00:00,{4_000_000 + at},{4_000_200 + at},{3_999_000 + at},{4_000_100 + at},{at}"
             for at, day in enumerate(days)]  # fmt: skip
    parsed = read(lines, days[-1])
    assert sessions(parsed) == list(days)
    assert parsed.drop.rows["close"].to_list() == [float(f"{400 + (100 + at) // 10_000}.{(100 + at) % 10_000:04d}")
                                                   for at in range(len(days))]  # fmt: skip
    odd = read([*lines[:-1], lines[-1].replace(",", ", ", 1)], days[-1])
    assert odd.drop.rows.equals(parsed.drop.rows)
