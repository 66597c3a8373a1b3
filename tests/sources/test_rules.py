"""A rule means the same in Polars as elsewhere: a row that keeps it, a row that breaks it. Wrong rules don't load."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from afterbell.errors import ConfigError
from afterbell.sources.rules import load_rules, rules_of
from afterbell.sources.source import load_source
from tests.quality.cases import GOOD, JUMP, JUMPS, ROW_RULES, STALE, Row, frame, rule_set


def kept(condition: str, rows: pl.DataFrame) -> list[bool]:
    return rows.select(pl.sql_expr(condition).alias("kept"))["kept"].to_list()


@pytest.mark.parametrize(("rule", "bad"), ROW_RULES, ids=[rule["name"] for rule, _ in ROW_RULES])
def test_polars_tells_a_good_row_from_a_bad_one(rule: Row, bad: Row) -> None:
    (checked,) = rule_set(rule).quarantining()
    assert kept(checked.condition(), frame(GOOD, bad)) == [True, False]


@pytest.mark.parametrize(("values", "believed"), [case[1:] for case in JUMPS], ids=[case[0] for case in JUMPS])
def test_a_jump_is_told_from_a_move(values: Row, believed: bool) -> None:
    (checked,) = rule_set(JUMP).quarantining()
    assert kept(checked.condition(), frame(values)) == [believed]


@pytest.mark.parametrize(("run", "fresh"), [(None, True), (0, True), (4, True), (5, False), (6, False)])
def test_the_fifth_repeat_is_stale(run: int | None, fresh: bool) -> None:
    checked = rule_set(STALE).stale()
    assert checked is not None
    assert kept(checked.condition(), frame({"run": run})) == [fresh]


def test_the_limit_of_stale_bars_is_the_rules_own() -> None:
    assert rule_set(STALE).stale_limit() == 5
    assert rule_set(STALE, severity="warn").stale_limit() is None
    assert rule_set(JUMP).stale_limit() is None


def test_what_only_warns_sets_nothing_aside() -> None:
    assert rule_set(JUMP, severity="warn").quarantining() == ()


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"name": "x", "kind": "matches", "columns": ["symbol"], "pattern": r"^\d$"}, "without backslash"),
        ({"name": "x", "kind": "matches", "columns": ["symbol"], "pattern": "it's"}, "without backslash and quote"),
        ({"name": "x", "kind": "matches", "columns": ["symbol"], "pattern": "^(?!Z)[A-Z]+$"}, "look-around"),
        ({"name": "x", "kind": "matches", "columns": ["symbol"], "pattern": "^[A-Z"}, "unclosed character class"),
        ({"name": "x", "kind": "between", "columns": ["low"]}, "min, max or both"),
        ({"name": "x", "kind": "row_count_ratio"}, "min, max or both"),
        ({"name": "x", "kind": "not_null", "columns": ["low; DROP TABLE"]}, "match pattern"),
        ({"name": "x", "kind": "sometimes"}, "sometimes"),
        ({"name": "x", "kind": "jump", "limit": 1}, "greater than 1"),
        ({"name": "x", "kind": "stale", "warn_sessions": 6, "limit": 5}, "warn_sessions lies above limit"),
    ],
)
def test_a_wrong_rule_is_refused_when_the_file_is_loaded(rule: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        rule_set(rule)


@pytest.mark.parametrize("rule", [{"kind": "unique_key", "columns": ["symbol"]}, {"kind": "jump"}, {"kind": "stale"}])
def test_names_and_what_there_can_be_one_of_are_unique(rule: Row) -> None:
    with pytest.raises(ValidationError, match="repeated: x"):
        rule_set(rule | {"name": "x"}, rule | {"name": "x"})
    with pytest.raises(ValidationError, match=f"at most one {rule['kind']}"):
        rule_set(rule | {"name": "x"}, rule | {"name": "y"})


@pytest.mark.parametrize("name", ["bars", "filings", "minute_bars", "symbols"])
def test_the_declared_rule_sets_load(name: str) -> None:
    assert load_rules(name).quarantining()


def test_no_rule_set_has_an_allow_list_for_symbols_of_its_own() -> None:
    for name in ("bars", "bars_plain", "filings", "minute_bars", "symbols"):
        assert [
            rule.name
            for rule in load_rules(name).rules
            if "symbol" in getattr(rule, "columns", ()) and rule.kind == "matches"
        ] == []


@pytest.mark.parametrize("name", ["us_daily_prices", "us_daily_reports", "us_daily_symbols"])
def test_a_source_has_the_columns_that_its_rules_read(name: str) -> None:
    assert rules_of(load_source(name)) == load_rules(load_source(name).quality)


def test_a_rule_that_reads_a_column_its_source_lacks_is_refused_when_it_is_loaded() -> None:
    source = load_source("us_daily_prices")
    columns = {name: column for name, column in source.columns.items() if name != "adj_close"}
    with pytest.raises(
        ConfigError, match=r"quality/bars\.yaml: rule complete reads adj_close, which source us_daily_pri"
    ):
        rules_of(source.model_copy(update={"columns": columns}))
    assert rules_of(source.model_copy(update={"columns": columns, "quality": "bars_plain"})).name == "bars_plain"
