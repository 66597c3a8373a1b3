"""Sources as they are declared: keys, knowledge times, carried sessions, and what a wrong file answers."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from afterbell.config.loader import config_folder, load_yaml
from afterbell.errors import ConfigError
from afterbell.ingest.sources.source import Source, load_source, load_sources
from afterbell.ingest.sources.terms import Budget
from afterbell.quality.rules import load_rules
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
        ({"session_format": "%Y"}, "must tell year, month and day"),
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


@pytest.mark.parametrize("name", ["vendor_bars", "parquet_bars", "minutes", "vendor_actions", "lean_factors"])
def test_the_examples_of_the_manual_load_and_have_their_rules(name: str) -> None:
    found = example(name)
    assert load_rules(found.quality).quarantining()
    manual = (Path(__file__).parents[3] / "docs" / "sources.md").read_text()
    assert f"```yaml\n{(FOLDER / f'{name}.yaml').read_text()}```" in manual
