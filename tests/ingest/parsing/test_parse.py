"""Each fault a vendor's drop may have: what is kept, what is set aside and why, what is refused."""

from __future__ import annotations

import gzip
from datetime import date

import pytest

from afterbell.errors import CorruptDropError
from tests.ingest.drops import BEFORE, DAY, GOOD, GOOD_BEFORE, HEADER, KEY, body, parse, prices, rules


def test_a_clean_drop_comes_out_typed() -> None:
    parsed = prices(GOOD, GOOD_BEFORE)
    assert parsed.rows.rows() == [
        ("AAPL", DAY, 94.44, 95.77, 94.30, 95.60, 35836300, 95.60),
        ("AAPL", BEFORE, 93.97, 94.55, 93.63, 94.40, 36531000, 94.40),
    ]
    assert (parsed.lines, parsed.collapsed, parsed.rejected.height, parsed.empty) == (2, 0, 0, False)


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("MSFT,2016-06-30,50.72,51.30,50.50,51.17,28527800", "field_count"),
        ("MSFT,2016-06-30,50.72,51.30,50.50,51.17,28527800,51.17,1", "field_count"),
        ("", "field_count"),
        ("MSFT,2016-06-30,50.72,51.30,50.50,51.17,285\x0027800,51.17", "control_character"),
        ("MSFT,2016-06-30,50.72,51.30,50.50,51.17,28527800,51.17" + "0" * 5000, "line_too_long"),
        (HEADER, "repeated_header"),
        ("MSFT,2016-06-30,N/A,51.30,50.50,51.17,28527800,51.17", "not_a_number"),
        ("MSFT,2016-06-30,50.72,51.30,50.50,1e400,28527800,51.17", "not_a_number"),
        ("MSFT,2016-06-30,50.72,51.30,50.50,5.1e1,28527800,51.17", "not_a_number"),
        ("MSFT,2016-06-30,NaN,51.30,50.50,51.17,28527800,51.17", "not_a_number"),
        ("MSFT,2016-06-30,50.72,inf,50.50,51.17,28527800,51.17", "not_a_number"),
        ("MSFT,2016-06-30,50.72,51.30,50.50,51.17,2852.5,51.17", "not_a_number"),
        ("MSFT,2016-06-30,50.72,51.30,50.50,51.17,99999999999999999999,51.17", "not_a_number"),
        ('MSFT,2016-06-30,"50.72,51.30,50.50,51.17,28527800,51.17', "not_a_number"),
        ("MSFT,30.06.2016,50.72,51.30,50.50,51.17,28527800,51.17", "not_date"),
        ("MSFT,2016-02-30,50.72,51.30,50.50,51.17,28527800,51.17", "not_date"),
        ("МSFT,2016-06-30,50.72,51.30,50.50,51.17,28527800,51.17", "symbol_pattern"),  # noqa: RUF001 - Cyrillic
        ("../MSFT,2016-06-30,50.72,51.30,50.50,51.17,28527800,51.17", "symbol_pattern"),
        ("=MSFT,2016-06-30,50.72,51.30,50.50,51.17,28527800,51.17", "symbol_pattern"),
        ("MSFT,2016-06-28,50.72,51.30,50.50,51.17,28527800,51.17", "session_not_carried"),
        ("MSFT,2016-07-01,50.72,51.30,50.50,51.17,28527800,51.17", "session_not_carried"),
        ("MSFT,2016-06-30,,51.30,50.50,51.17,28527800,51.17", "complete"),
        (",2016-06-30,50.72,51.30,50.50,51.17,28527800,51.17", "complete"),
        ("MSFT,2016-06-30,0.00,0.00,0.00,0.00,000,0.00", "price_positive"),
        ("MSFT,2016-06-30,50.72,51.30,50.50,51.17,28527800,-51.17", "price_positive"),
        ("MSFT,2016-06-30,50.72,51.30,50.50,51.17,-1,51.17", "volume_in_range"),
        ("MSFT,2016-06-30,50.72,50.30,50.50,51.17,28527800,51.17", "high_not_below_low"),
        ("MSFT,2016-06-30,51.40,51.30,50.50,51.17,28527800,51.17", "open_not_above_high"),
        ("MSFT,2016-06-30,50.40,51.30,50.50,51.17,28527800,51.17", "open_not_below_low"),
        ("MSFT,2016-06-30,50.72,51.30,50.50,51.37,28527800,51.17", "close_not_above_high"),
        ("MSFT,2016-06-30,50.72,51.30,50.50,50.17,28527800,51.17", "close_not_below_low"),
    ],
)
def test_a_line_that_cannot_be_used_is_set_aside_and_the_others_stay(line: str, rule: str) -> None:
    parsed = prices(GOOD_BEFORE, line, GOOD)
    assert rules(parsed) == [(3, rule)]
    assert parsed.rows["session"].to_list() == [BEFORE, DAY]
    assert parsed.rejected["raw"][0] == line[:1000]


def test_a_decimal_comma_makes_a_field_too_many() -> None:
    assert rules(prices("MSFT,2016-06-30,50,72,51.30,50.50,51.17,28527800,51.17")) == [(2, "field_count")]


def test_the_reason_says_what_was_expected_and_found() -> None:
    parsed = prices("MSFT,2016-06-30,N/A,51.30,50.50,51.17,28527800,51.17")
    assert parsed.rejected["reason"][0] == "column open: expected a plain decimal number such as 12.34, found 'N/A'"


def test_zero_volume_is_accepted() -> None:
    parsed = prices("IF,2016-06-30,5.96,6.17,5.96,6.17,000,6.17")
    assert parsed.rows["volume"].to_list() == [0]


def test_equal_rows_collapse_to_one_and_are_counted() -> None:
    parsed = prices(GOOD, GOOD_BEFORE, GOOD, GOOD)
    assert (parsed.rows.height, parsed.collapsed, parsed.rejected.height) == (2, 2, 0)


def test_rows_that_differ_under_one_key_are_all_set_aside() -> None:
    other = GOOD.replace("35836300", "35836301")
    assert rules(prices(GOOD, GOOD_BEFORE, other, duplicates="set_aside")) == [
        (2, "one_row_per_drop"),
        (4, "one_row_per_drop"),
    ]


def test_an_unusable_row_does_not_take_the_good_one_of_its_pair_with_it() -> None:
    parsed = prices(GOOD, "AAPL,2016-06-30,0.00,0.00,0.00,0.00,000,0.00")
    assert rules(parsed) == [(3, "price_positive")]
    assert parsed.rows["close"].to_list() == [95.60]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_byte_order_mark_and_line_ends_are_stripped(end: str) -> None:
    text = "\ufeff" + end.join([HEADER, GOOD]) + end
    parsed = parse(gzip.compress(text.encode()))
    assert (parsed.rows.height, parsed.rejected.height) == (1, 0)


def test_columns_are_read_by_name_in_whatever_order() -> None:
    parsed = parse(
        body(["adj_close,volume,close,low,high,open,date,symbol", "95.6,7,95.6,94.3,95.77,94.44,2016-06-30,X"])
    )
    assert parsed.rows.rows() == [("X", DAY, 94.44, 95.77, 94.3, 95.6, 7, 95.6)]


@pytest.mark.parametrize("data", [b"", gzip.compress(b""), body([HEADER]), gzip.compress(HEADER.encode())])
def test_a_drop_of_no_bytes_or_a_header_only_is_empty(data: bytes) -> None:
    assert parse(data).empty


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (body([HEADER, GOOD])[:-12], "ends too early"),
        (body([HEADER, GOOD])[:15] + b"\xff" * 9 + body([HEADER, GOOD])[24:], "corrupt"),
        (body([HEADER, GOOD]) + b"trailing", "aren't gzip"),
        (b"<html><body>503 Slow Down</body></html>", "expected gzip"),
        (gzip.compress(b"<html><body>503 Slow Down</body></html>"), "expected the header"),
        (body([HEADER.replace("close", "last"), GOOD]), "missing: close"),
        (body([HEADER.replace(",volume", ""), GOOD]), "missing: volume"),
        (body([HEADER + ",vwap", GOOD + ",95.1"]), "not declared: vwap"),
        (body([HEADER + ",close", GOOD + ",95.1"]), "expected the header"),
        (gzip.compress(f"{HEADER}\n".encode() + GOOD.encode("utf-16")), "utf-8"),
    ],
)
def test_what_is_not_the_declared_format_is_refused_by_name(data: bytes, message: str) -> None:
    with pytest.raises(CorruptDropError, match=message) as caught:
        parse(data)
    assert KEY in str(caught.value)


def test_a_column_more_is_passed_over_where_the_source_allows_it() -> None:
    layout = {"delimiter": ",", "extra_columns": "ignore"}
    parsed = parse(body([HEADER + ",vwap", GOOD + ",95.1"]), format=layout)
    assert parsed.rows["close"].to_list() == [95.60]


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"compressed_bytes": 50}, "the limit of source us_daily_prices is 50"),
        ({"uncompressed_bytes": 1000}, "more than 1000 bytes"),
        ({"ratio": 10}, "10 times"),
    ],
)
def test_a_decompression_bomb_is_refused_at_the_stated_limit(limits: dict[str, int], message: str) -> None:
    with pytest.raises(CorruptDropError, match=message):
        parse(body([HEADER] + [GOOD] * 1000), limits=limits)


def test_gzip_members_one_after_another_are_read_as_one() -> None:
    data = gzip.compress(f"{HEADER}\n".encode()) + gzip.compress(f"{GOOD}\n".encode())
    assert parse(data).rows.height == 1


def test_tokyos_digits_are_symbols_where_the_source_says_so_and_only_there() -> None:
    tokyo, plain = GOOD.replace("AAPL", "7203"), GOOD.replace("AAPL", "285A")
    parsed = prices(tokyo, plain, GOOD, symbol_pattern="[0-9][0-9A-Z]{3}")
    assert parsed.rows["symbol"].to_list() == ["7203", "285A"]
    assert rules(parsed) == [(4, "symbol_pattern")]
    assert rules(prices(tokyo, GOOD)) == [(2, "symbol_pattern")]


FILING = "AAPL,2016-03-26,False,Q2,2016,10-Q,50557000000.0,,10516000000.0,1.91,1.9,0.52" + "," * 8
FILING_HEADER = (
    "symbol,end_date,amend,period_focus,fiscal_year,doc_type,revenues,op_income,net_income,eps_basic,eps_diluted,"
    "dividend,assets,cur_assets,cur_liab,cash,equity,cash_flow_op,cash_flow_inv,cash_flow_fin"
)


@pytest.mark.parametrize("lines", [[FILING_HEADER, FILING], [FILING]])
def test_filings_are_read_with_and_without_their_header(lines: list[str]) -> None:
    parsed = parse(body(lines), "us_daily_reports")
    row = parsed.rows.row(0, named=True)
    assert (parsed.lines, row["period_end"], row["amended"], row["fiscal_year"]) == (1, date(2016, 3, 26), False, 2016)
    assert (row["op_income"], row["eps_basic"], row["cash_flow_fin"]) == (None, 1.91, None)


def test_a_header_with_a_renamed_column_is_not_taken_for_a_filing() -> None:
    with pytest.raises(CorruptDropError, match="missing: revenues"):
        parse(body([FILING_HEADER.replace("revenues", "sales"), FILING]), "us_daily_reports")


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        (FILING.replace("2016-03-26", "2016-12-31"), "future_date"),
        (FILING.replace("AAPL", "GOOG/GOOGL"), "symbol_pattern"),
        (FILING.replace(",2016,", ",29953000,"), "plausible_year"),
        (FILING.replace("10-Q", "8-K"), "known_document"),
        (FILING.replace(",Q2,", ",H1,"), "known_period"),
        (FILING.replace("False", "No"), "not_boolean"),
    ],
)
def test_a_filing_that_cannot_be_used_is_set_aside(line: str, rule: str) -> None:
    assert rules(parse(body([FILING_HEADER, line]), "us_daily_reports")) == [(2, rule)]


def test_the_symbol_master_has_no_header_and_its_names_are_trimmed() -> None:
    parsed = parse(body(["WOOF\tVCA Inc. ", "NONAME\t", "AA"]), "us_daily_symbols")
    assert parsed.rows.rows() == [("WOOF", "VCA Inc.")]
    assert rules(parsed) == [(2, "complete"), (3, "field_count")]
