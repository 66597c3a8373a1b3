"""Which column a field belongs to is told by the header, or declared; what would have to be guessed is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from afterbell.errors import CorruptDropError
from afterbell.sources.source import Source, load_source
from tests.ingest.drops import GOOD, GOOD_BEFORE, HEADER, body, parse, parse_as, prices, rules

REPORTS = load_source("us_daily_reports")
NAMES = list(REPORTS.columns)
FILING = {
    "symbol": "AAPL", "end_date": "2016-03-26", "amend": "False", "period_focus": "Q2", "fiscal_year": "2016",
    "doc_type": "10-Q", "revenues": "50557000000.0", "net_income": "10516000000.0",
}  # fmt: skip
SWAPPED = [*NAMES[:6], "net_income", "op_income", "revenues", *NAMES[9:]]


def line(names: list[str]) -> str:
    return ",".join(FILING.get(name, "") for name in names)


def reports(*lines: str) -> tuple[float | None, float | None]:
    """Revenues and net income of the only filing of a drop."""
    row = parse(body(lines), "us_daily_reports").rows.row(0, named=True)
    return row["revenues"], row["net_income"]


@pytest.mark.parametrize("names", [NAMES, SWAPPED, NAMES[::-1]])
def test_a_header_in_any_order_names_the_fields(names: list[str]) -> None:
    assert reports(",".join(names), line(names)) == (50557000000.0, 10516000000.0)


@pytest.mark.parametrize("names", [NAMES, SWAPPED, NAMES[::-1]])
@pytest.mark.parametrize("write", [str.upper, str.title, lambda name: f'"{name}"', lambda name: name.replace("_", " ")])
def test_an_optional_header_in_other_letters_is_refused_and_never_read_by_position(
    names: list[str], write: Callable[[str], str]
) -> None:
    header = ",".join(write(name) for name in names)
    if header == ",".join(names):
        return
    with pytest.raises(CorruptDropError, match=r"drop prices/2016/20160630\.csv\.gz: expected the header "):
        parse(body([header, line(names)]), "us_daily_reports")


def test_names_of_another_vendor_are_refused_where_the_header_is_optional() -> None:
    with pytest.raises(CorruptDropError, match="which columns these are cannot be known"):
        parse(body([",".join(f"c{number}" for number in range(len(NAMES))), line(NAMES)]), "us_daily_reports")


def test_a_row_whose_symbol_is_called_like_a_column_is_a_row() -> None:
    columns = {name.upper(): column for name, column in REPORTS.model_dump()["columns"].items()}
    source = Source.model_validate(REPORTS.model_dump() | {"columns": columns})
    parsed = parse_as(source, body([line(NAMES).replace("AAPL", "CASH")]))
    assert parsed.rows["symbol"].to_list() == ["CASH"]
    assert parsed.rows["period_end"].to_list() == [date(2016, 3, 26)]


@pytest.mark.parametrize("header", [HEADER, HEADER.upper(), "close,symbol,date,open,high,low,volume,adj_close"])
def test_a_header_where_none_is_declared_is_refused(header: str) -> None:
    source = load_source("us_daily_prices")
    source = Source.model_validate(source.model_dump() | {"format": source.format.model_dump() | {"header": "none"}})
    assert parse_as(source, body([GOOD, GOOD_BEFORE])).rows.height == 2
    with pytest.raises(CorruptDropError, match="expected no header, as source us_daily_prices declares, found one"):
        parse_as(source, body([header, GOOD]))


@pytest.mark.parametrize("header", ["symbol\tname", "NAME\tSYMBOL"])
def test_a_header_of_a_symbol_master_is_no_company(header: str) -> None:
    with pytest.raises(CorruptDropError, match="expected no header"):
        parse(body([header, "AA\tAlcoa"]), "us_daily_symbols")


@pytest.mark.parametrize("write", [str, str.upper])
def test_columns_named_again_in_another_order_inside_the_body_refuse_the_drop(write: Callable[[str], str]) -> None:
    second = "symbol,date,close,high,low,open,volume,adj_close"
    with pytest.raises(CorruptDropError, match="line 3 names the columns in another order"):
        prices(GOOD, write(second), GOOD_BEFORE)


def test_the_same_header_again_in_the_body_is_set_aside_alone() -> None:
    assert rules(prices(GOOD, HEADER, GOOD_BEFORE)) == [(3, "repeated_header")]
    assert [number for number, _ in rules(prices(GOOD, HEADER.upper(), GOOD_BEFORE))] == [3]


def test_an_optional_header_needs_a_column_that_no_name_can_be_taken_for() -> None:
    master = load_source("us_daily_symbols").model_dump()
    with pytest.raises(ValueError, match="optional needs a column that isn't text"):
        Source.model_validate(master | {"format": master["format"] | {"header": "optional"}})
