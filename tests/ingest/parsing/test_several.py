"""Drops that are read and judged together: each comes out as if it had been alone."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from datetime import date, timedelta

import pytest

from afterbell.errors import CorruptDropError
from afterbell.ingest.parsing.judge import judge_drops
from afterbell.ingest.parsing.parse import DropName, ParsedDrop, parse_drop, read_or_wait, read_waiting
from afterbell.ingest.parsing.rows import ParsedRows
from afterbell.ingest.parsing.small import SMALL, Lines
from afterbell.sources.rules import rules_of
from afterbell.sources.source import Source, load_source
from tests.ingest.drops import HEADER
from tests.ingest.shapes import example

BARS, FILINGS = load_source("us_daily_prices"), load_source("us_daily_reports")
DAYS = [date(2016, 6, 27) + timedelta(days=day) for day in range(4)]
Told = ParsedDrop | str


def bar(symbol: str, day: date, close: float = 10.0, high: float | None = None) -> str:
    return f"{symbol},{day},{close:.2f},{high or close:.2f},{close:.2f},{close:.2f},1000,{close:.2f}"


def together(source: Source, drops: Sequence[tuple[date, bytes]]) -> list[Told]:
    """Each drop, read and judged with the others; the reason where it can't be."""
    rules, found, small, good = rules_of(source), {}, [], []
    for place, (name, data) in enumerate(named(source, drops)):
        try:
            held = read_or_wait(source, name, data)
        except CorruptDropError as error:
            found[place] = str(error)
            continue
        (small if isinstance(held, Lines) else good).append((place, name, held))
    read = read_waiting(source, [(name, lines) for _, name, lines in small])
    for (place, name, _), rows in zip(small, read, strict=True):
        if isinstance(rows, ParsedRows):
            good.append((place, name, rows))
        else:
            found[place] = str(rows)
    judged = judge_drops(source, rules, [(name, rows) for _, name, rows in good])
    for (place, _, _), parsed in zip(good, judged, strict=True):
        found[place] = str(parsed) if isinstance(parsed, CorruptDropError) else parsed
    return [found[place] for place in range(len(drops))]


def alone(source: Source, drops: Sequence[tuple[date, bytes]]) -> list[Told]:
    found: list[Told] = []
    for name, data in named(source, drops):
        try:
            found.append(parse_drop(source, rules_of(source), name, data))
        except CorruptDropError as error:
            found.append(str(error))
    return found


def named(source: Source, drops: Sequence[tuple[date, bytes]]) -> list[tuple[DropName, bytes]]:
    folder = source.prefix + ("2016/" if source.key_pattern.count("/") > source.prefix.count("/") else "")
    ending = source.key_pattern.rpartition(")")[2].replace("\\", "")
    return [(DropName(f"{folder}{day:%Y%m%d}{ending}", day, source.sessions_carried(day)), data) for day, data in drops]


def packed(*lines: str, header: str = HEADER) -> bytes:
    return gzip.compress(("\n".join([header, *lines]) + "\n").encode(), mtime=0) if lines or header else b""


def assert_alike(found: Sequence[Told], expected: Sequence[Told]) -> None:
    for one, other in zip(found, expected, strict=True):
        if isinstance(one, str) or isinstance(other, str):
            assert one == other
            continue
        assert one.rows.equals(other.rows)
        assert one.rejected.equals(other.rejected)
        assert (one.lines, one.collapsed, one.notes) == (other.lines, other.collapsed, other.notes)
        assert (one.held is None) == (other.held is None)
        assert one.held is None or other.held is None or one.held.equals(other.held)


def broken(parsed: Told) -> list[tuple[int, str]]:
    assert isinstance(parsed, ParsedDrop)
    return list(parsed.rejected.select("line", "rule").iter_rows())


def a_drop(number: int) -> tuple[date, bytes]:
    """A drop with a fault of its kind, and bars that are equal in all of them."""
    day = DAYS[number % 3 + 1]
    before = day - timedelta(days=1)
    lines = [bar(f"S{symbol}", when) for symbol in range(8) for when in (day, before)]
    more = [
        [],
        [bar("A", day, 30.0), bar("A", before, 4.0)],  # a jump
        [bar("S1", day), bar("S1", before)],  # the same again
        [bar("S1", day, 11.0)],  # another value for the same bar
        [bar("B", date(2016, 6, 1))],  # of no session that the drop carries
        [bar("C", day, high=1.0)],  # the high below the low
        ["D,2016-06-28,1,2", "e,x,1,1,1,1,1,1", bar("lower", day)],
        [f"{bar('F', day)}5", bar("G", day).replace(",1000,", ",1e3,")],
    ][number % 8]
    return day, packed(*lines, *more)


@pytest.mark.parametrize("large", [False, True])
def test_drops_with_faults_of_all_kinds_come_out_as_if_each_were_alone(
    large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("afterbell.ingest.parsing.small.SMALL", 0 if large else SMALL)
    drops = [a_drop(number) for number in range(16)]
    assert_alike(together(BARS, drops), alone(BARS, drops))


def test_what_is_set_aside_of_each_has_its_own_line_and_rule() -> None:
    found = together(BARS, [a_drop(number) for number in (0, 1, 5, 3, 4)])
    # The header is line 1, then come sixteen bars.
    assert [broken(one) for one in found] == [
        [],
        [(18, "jump")],
        [(18, "high_not_below_low")],  # the first of the rules that it breaks
        [(4, "superseded")],
        [(18, "session_not_carried")],
    ]


def test_equal_bars_of_several_drops_are_not_repeats_of_each_other() -> None:
    day, data = a_drop(0)
    found = together(BARS, [(day, data)] * 3)
    assert [(one.rows.height, one.collapsed) for one in found if isinstance(one, ParsedDrop)] == [(16, 0)] * 3


def test_a_close_is_not_compared_with_that_of_another_drop() -> None:
    first = (DAYS[1], packed(bar("A", DAYS[1], 2.0), bar("B", DAYS[0])))
    second = (DAYS[2], packed(bar("A", DAYS[2], 90.0), bar("B", DAYS[1])))
    assert [broken(one) for one in together(BARS, [first, second])] == [[], []]


def test_a_drop_that_cannot_be_read_stops_itself_only() -> None:
    good, bad = a_drop(0), (DAYS[1], packed("A,1,2", header="symbol,day,price"))
    mixed = (DAYS[2], packed(bar("A", DAYS[2]), "date,symbol,open,high,low,close,volume,adj_close"))
    typed = (DAYS[3], packed(*(bar(f"S{n}", DAYS[3]).replace("10.00", "n/a") for n in range(30))))
    found = together(BARS, [good, bad, mixed, typed, good, (DAYS[1], b"")])
    assert [isinstance(one, str) for one in found] == [False, True, True, True, False, False]
    assert "in another order" in str(found[2])
    assert "20160629" in str(found[2])
    assert "column open: expected a plain decimal number" in str(found[3])
    assert_alike(found, alone(BARS, [good, bad, mixed, typed, good, (DAYS[1], b"")]))


def test_filings_with_and_without_a_header_and_with_empty_values_come_out_as_if_each_were_alone() -> None:
    names = ",".join(FILINGS.columns)
    line = "FRD,2015-03-31,False,FY,2015,10-K,108322780.0,,382330.0,0.06,0.06,0.07,1,2,3,4,5,6,7,8"
    late = line.replace("2015-03-31", "2016-07-15")
    drops = [
        (DAYS[0], packed(line, line.replace("FRD", "ARO"), header=names)),
        (DAYS[1], packed(line.replace("FRD", "IHT"), header=line)),
        (DAYS[2], packed(line, late, "short,line", header=names)),
        (DAYS[3], packed(header=names)),
    ]
    found = together(FILINGS, drops)
    assert [one.rows.height for one in found if isinstance(one, ParsedDrop)] == [2, 2, 1, 0]
    assert broken(found[2]) == [(3, "future_date"), (4, "field_count")]
    assert_alike(found, alone(FILINGS, drops))


def test_carriage_returns_of_one_drop_change_nothing_about_the_next() -> None:
    day, data = a_drop(5)
    returns = gzip.compress(gzip.decompress(data).replace(b"\n", b"\r\n"), mtime=0)
    found = together(BARS, [(day, data), (day, returns), (day, data)])
    first = found[0]
    assert isinstance(first, ParsedDrop)
    assert_alike(found, [first] * 3)


def test_splits_that_differ_contradict_each_other_within_a_drop_only() -> None:
    actions = example("vendor_actions")
    two, four = "A,2016-06-30,S,2,", "A,2016-06-30,S,4,"
    header = "ticker,ex_date,type,new_for_old,cash"
    bodies = [two], [four], [two, four]
    drops = [(day, "\n".join([header, *lines, ""]).encode()) for day, lines in zip(DAYS[1:], bodies, strict=True)]
    found = together(actions, drops)
    assert [broken(one) for one in found] == [[], [], [(2, "splits_differ"), (3, "splits_differ")]]
