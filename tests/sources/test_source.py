"""Sources as they are declared: keys, knowledge times, carried sessions, and what a wrong file answers."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from afterbell.config.loader import config_folder, load_yaml
from afterbell.errors import ConfigError
from afterbell.sources.rules import rules_of
from afterbell.sources.source import Source, load_source, load_sources
from afterbell.sources.terms import Budget
from tests.ingest.shapes import FOLDER, example

PRICES = load_source("us_daily_prices")


def test_the_declared_sources_are_these() -> None:
    kinds = {source.name: (source.kind, source.store, source.required) for source in load_sources()}
    assert kinds == {
        "us_daily_prices": ("bars", "s3", True),
        "us_daily_reports": ("filings", "hdfs", False),
        "us_daily_symbols": ("symbols", "hdfs", False),
    }


@pytest.mark.parametrize(
    ("key", "session"),
    [
        ("prices/2016/20160630.csv.gz", date(2016, 6, 30)),
        ("prices/2016/20161345.csv.gz", None),
        ("prices/2016/20160630.csv.gz.part", None),
        ("prices/2016/_SUCCESS", None),
        ("other/prices/2016/20160630.csv.gz", None),
    ],
)
def test_a_key_names_its_session_or_is_none_of_ours(key: str, session: date | None) -> None:
    assert PRICES.session_of(key) == session


def test_a_drop_is_known_half_an_hour_after_the_bell_on_half_days_too() -> None:
    assert PRICES.knowledge_time(date(2016, 6, 30)) == datetime(2016, 6, 30, 20, 30, tzinfo=UTC)
    assert PRICES.knowledge_time(date(2015, 11, 27)) == datetime(2015, 11, 27, 18, 30, tzinfo=UTC)


def test_a_prices_drop_carries_its_session_and_the_one_before() -> None:
    assert PRICES.sessions_carried(date(2016, 7, 5)) == (date(2016, 7, 5), date(2016, 7, 1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"key_pattern": r"prices/\d{8}"}, "named session"),
        ({"key_pattern": "("}, "regular expression"),
        ({"key_pattern": r"(?P<session>\d{99999999999})"}, "regular expression of Python's re"),
        ({"session_format": "%Y"}, "must contain year, month and day"),
        ({"session_format": "%Y%m%d%Q"}, "is not a format of a day"),
        ({"time_zone": "Mars/Olympus"}, "time zone"),
        ({"time_zone": "America"}, "time zone"),
        ({"symbol_pattern": "(?!Z[A-Z]ZZT)[A-Z]{1,5}"}, r"Polars, which runs it \(look-around, including look-ahead"),
        ({"symbol_pattern": r"([A-Z])\1"}, r"Polars, which runs it \(backreferences are not supported"),
        ({"symbol_pattern": "[A-Z"}, r"Polars, which runs it \(unclosed character class"),
        ({"symbol_pattern": "A)|(?:B"}, r"Polars, which runs it \(unopened group"),
        ({"symbol_pattern": "[A-Z]{1,99999999}"}, "Polars, which runs it"),
        ({"symbol_pattern": r"\p{Lu}+"}, "re, which the audit runs"),
        ({"symbol_pattern": "[[:upper:]]+"}, "re, which the audit runs"),
        ({"symbol_pattern": "[A-Z]++"}, "don't all read alike"),
        ({"columns": {"date": {"name": "session", "type": "date"}}}, "symbol"),
        ({"prefix": "../prices/"}, "pattern"),
        ({"store": "ftp"}, "s3"),
        ({"columns": {"s": {"name": "symbol", "type": "string"}}}, "map one to each of: session, open"),
        ({"kind": "minute_bars"}, "map one to each of: at"),
        ({"duplicates": "first_wins"}, "last_wins"),
        ({"hours": "night"}, "session"),
        ({"format": {"type": "csv"}}, "needs a delimiter"),
        ({"format": {"type": "csv", "delimiter": "."}}, "one ASCII character"),
        ({"format": {"type": "csv", "delimiter": ",", "compression": "rar"}}, "zstd"),
        ({"format": {"type": "parquet", "delimiter": ","}}, "leave delimiter, header, compression out"),
        ({"format": {"type": "parquet", "compression": "gzip"}}, "leave delimiter, header, compression out"),
        ({"bucket": "x"}, "Extra inputs"),
        ({"key_pattern": r"p/(?P<symbol>[A-Z]+)/(?P<session>\d{8})"}, "from a column; leave one out"),
        ({"include": ["("]}, "regular expression"),
        ({"exclude": ["[a-"]}, "regular expression"),
        ({"case": "lower"}, "upper"),
        ({"format": {"type": "csv", "delimiter": ",", "member": "a"}}, "member belongs to compression: zip"),
        ({"format": {"type": "csv", "delimiter": ",", "compression": "zip", "member": "("}}, "regular expression"),
        ({"format": {"type": "csv", "delimiter": ",", "compression": "zip", "member": "{symbol}.csv"}}, "symbol; add"),
        ({"format": {"type": "parquet", "compression": "zip"}}, "leave delimiter, header, compression out"),
        ({"plausible": {"median_close": [10, 1]}}, "the smaller one first"),
        ({"plausible": {"median_close": [0, 1]}}, "two positive numbers"),
        ({"plausible": {"median_close": [float("nan"), 1]}}, "two positive numbers"),
        ({"plausible": {"change": 1}}, "greater than 1"),
    ],
)
def test_a_wrong_key_is_refused_when_the_file_is_loaded(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Source.model_validate(PRICES.model_dump() | change)


@pytest.mark.parametrize(
    ("quarantined", "lines", "exceeded"), [(20, 40, False), (21, 1050, False), (21, 1049, True), (0, 0, False)]
)
def test_a_budget_needs_both_many_lines_and_a_large_share(quarantined: int, lines: int, exceeded: bool) -> None:
    assert Budget(share=0.02, lines=20).exceeded(quarantined, lines) is exceeded


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ({"name": "session", "type": "date", "format": "%d.%m"}, "%Y, %m and %d once each"),
        ({"name": "session", "type": "date", "format": "%Y-%m-%d %H"}, "%Y, %m and %d once each"),
        ({"name": "session", "type": "string"}, "session: date"),
        ({"name": "session", "type": "date", "zone": "offset"}, "timestamp"),
        ({"name": "session", "type": "time"}, "timestamp"),
        ({"name": "session", "type": "date", "format": "%Y%m%d %M"}, "%Y, %m and %d once each"),
        ({"name": "session", "type": "date", "format": "milliseconds"}, "%Y, %m and %d once each"),
        ({"name": "session", "type": "date", "label": "end"}, "label belongs to"),
        ({"name": "session", "type": "date", "scale": 0.1}, "scale belongs to a column of type double"),
        ({"name": "at", "type": "timestamp", "format": "%Y%m%d"}, "must be one of seconds, milliseconds"),
        ({"name": "at", "type": "timestamp", "format": "hours"}, "must be one of seconds, milliseconds"),
        ({"name": "at", "type": "timestamp", "format": "milliseconds", "zone": "offset"}, "leave out zone, or format"),
        ({"name": "at", "type": "timestamp", "label": "middle"}, "'start' or 'end'"),
        ({"name": "x", "type": "double", "format": "%Y%m%d"}, "format belongs to"),
        ({"name": "x", "type": "double", "scale": 0}, "a positive number between"),
        ({"name": "x", "type": "double", "scale": -0.01}, "a positive number between"),
        ({"name": "x", "type": "double", "scale": "NaN"}, "finite"),
        ({"name": "x", "type": "double", "scale": 1e-10}, "a positive number between"),
        ({"name": "x", "type": "double", "scale": 0.0001234567}, "at most 6 significant digits"),
        ({"name": "x", "type": "int", "scale": 100}, "scale belongs to a column of type double or bigint"),
    ],
)
def test_a_column_has_only_what_its_type_has(column: dict[str, str], message: str) -> None:
    columns = PRICES.model_dump()["columns"] | {"date": column}
    with pytest.raises(ValidationError, match=message):
        Source.model_validate(PRICES.model_dump() | {"columns": columns})


def test_a_wrong_file_is_told_by_its_name_its_keys_and_what_they_should_be(tmp_path: Path) -> None:
    text = (config_folder() / "sources" / "us_daily_prices.yaml").read_text()
    file = tmp_path / "us_daily_prices.yaml"
    file.write_text(text.replace("late: fail", "late: maybe").replace("compression: gzip", "compression: rar"))
    with pytest.raises(ConfigError) as caught:
        load_yaml(file, Source)
    for part in (str(file), "arrival.late", "'fail' or 'go_on'", "'maybe'", "format.compression", "'zstd'", "'rar'"):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    "name", ["vendor_bars", "parquet_bars", "minutes", "lean_minutes", "lean_daily", "vendor_actions", "lean_factors"]
)
def test_the_examples_of_the_manual_load_and_have_their_rules(name: str) -> None:
    found = example(name)
    assert rules_of(found).quarantining()
    manual = (Path(__file__).parents[2] / "docs" / "sources.md").read_text()
    assert f"```yaml\n{(FOLDER / f'{name}.yaml').read_text()}```" in manual


def test_the_key_says_symbol_and_session_and_the_symbol_is_put_into_upper_case() -> None:
    source, key = example("lean_minutes"), "equity/usa/minute/brk.a/20131001_trade.zip"
    assert (source.session_of(key), source.symbol_of(key)) == (date(2013, 10, 1), "BRK.A")
    assert example("lean_minutes", case="as_is").symbol_of(key) == "brk.a"
    assert source.member_pattern(key) == r"20131001_brk\.a_minute_trade\.csv"


@pytest.mark.parametrize(
    ("include", "exclude", "key", "left"),
    [
        ((), (), "equity/usa/minute/aapl/20131001_trade.zip", False),
        ((), (r".*_quote\.zip",), "equity/usa/minute/aapl/20131001_quote.zip", True),
        ((), (r".*_quote\.zip",), "equity/usa/minute/aapl/20131001_trade.zip", False),
        ((), (r"_quote\.zip",), "equity/usa/minute/aapl/20131001_quote.zip", False),  # the whole key is matched
        ((r".*/(aapl|spy)/.*",), (), "equity/usa/minute/spy/20131001_trade.zip", False),
        ((r".*/(aapl|spy)/.*",), (), "equity/usa/minute/ibm/20131001_trade.zip", True),
        ((r".*/aapl/.*",), (r".*_quote\.zip",), "equity/usa/minute/aapl/20131001_quote.zip", True),
    ],
)
def test_keys_are_left_alone_by_patterns(include: tuple[str], exclude: tuple[str], key: str, *, left: bool) -> None:
    source = example("lean_minutes", include=include, exclude=exclude)
    assert source.passes_over(key) is left
    if left:
        assert (source.session_of(key), source.symbol_of(key)) == (None, None)


def test_prices_of_the_us_have_near_bounds_and_those_of_others_wide_ones() -> None:
    assert PRICES.price_bounds() == (0.1, 1000.0)
    tokyo = Source.model_validate(PRICES.model_dump() | {"exchange": "XTKS"})
    assert tokyo.price_bounds() == (0.001, 1_000_000.0)
    declared = PRICES.model_dump() | {"plausible": {"median_close": [1, 20], "change": 3}}
    source = Source.model_validate(declared)
    assert (source.price_bounds(), source.price_change()) == ((1.0, 20.0), 3.0)


def test_a_source_of_filings_has_no_prices() -> None:
    reports = load_source("us_daily_reports").model_dump()
    with pytest.raises(ValidationError, match="plausible belongs to sources of bars"):
        Source.model_validate(reports | {"plausible": {"change": 3}})


def history(**changes: object) -> dict[str, object]:
    return example("lean_daily").model_dump() | changes


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"carries": ["history", "same"]}, "can't be combined with other sessions"),
        ({"kind": "minute_bars"}, "at"),
        ({"key_pattern": r"d/(?P<symbol>[a-z]+)/(?P<session>\d{8})\.zip"}, "leave .* out of key_pattern"),
        ({"required": True, "arrival": {}}, "can't be required"),
        ({"arrival": {}}, "arrival.expected: sometimes"),
        ({"completion": {"rule": "settled", "seconds": 60}}, "completion.rule: atomic, or by marker"),
        ({"format": {"type": "parquet"}}, "needs format.type: csv"),
    ],
)
def test_a_history_is_refused_where_it_cannot_be_read(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Source.model_validate(history(**change))


def test_a_history_is_named_without_a_session_and_carries_all_of_them() -> None:
    source, key = example("lean_daily"), "equity/usa/daily/aapl.zip"
    assert (source.is_named(key), source.session_of(key), source.symbol_of(key)) == (True, None, "AAPL")
    carried = source.sessions_carried(date(2013, 10, 1))
    assert (carried[0], carried[-1]) == (date(2000, 1, 4), date(2013, 10, 1))
    assert Source.model_validate(history(carries="history")).carries == ("history",)
