"""A rule means the same in Polars, in Spark and in Great Expectations: a row that keeps it, a row that breaks it."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from afterbell.quality.rules import RuleSet, load_rules
from tests.quality.cases import GOOD, ROW_RULES, SET_RULES, Row
from tests.spark_run import run_scenario

NAMES = [rule["name"] for rule, _ in ROW_RULES]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return run_scenario("tests/quality/scenario_rules.py", tmp_path_factory.mktemp("rules"))


def rule_set(*rules: dict[str, Any]) -> RuleSet:
    return RuleSet.model_validate({"name": "cases", "rules": [rule | {"severity": "quarantine"} for rule in rules]})


@pytest.mark.parametrize(("rule", "bad"), ROW_RULES, ids=NAMES)
def test_polars_tells_a_good_row_from_a_bad_one(rule: dict[str, Any], bad: Row) -> None:
    (checked,) = rule_set(rule).quarantining()
    frame = pl.DataFrame([GOOD, bad], schema=["symbol", "low", "high", "volume"], orient="row", strict=False)
    assert frame.select(pl.sql_expr(checked.condition()).alias("kept"))["kept"].to_list() == [True, False]


@pytest.mark.services
@pytest.mark.parametrize("name", NAMES)
def test_spark_tells_a_good_row_from_a_bad_one(seen: dict[str, Any], name: str) -> None:
    assert seen["conditions"][name] == [True, False]


@pytest.mark.services
def test_good_rows_pass_the_audit_and_leave_data_docs(seen: dict[str, Any]) -> None:
    found = seen["expectations"]
    # complete: 3 columns; positive, in_range, ordered, allowed, once: 1 each; ceiling: 2
    assert found["good"] == [10, [], []]
    assert found["docs"] is True
    assert found["again"] == []


@pytest.mark.services
@pytest.mark.parametrize("name", [*NAMES, "once"])
def test_a_bad_row_fails_the_audit_by_the_name_of_its_rule(seen: dict[str, Any], name: str) -> None:
    assert [line for line in seen["expectations"]["bad"] if line.startswith(f"rule {name} on market.bars: expected ")]


@pytest.mark.services
def test_a_failure_says_how_many_rows_and_which_values(seen: dict[str, Any]) -> None:
    (line,) = [line for line in seen["expectations"]["bad"] if line.startswith("rule in_range")]
    assert "found 1 of 8 rows that break it, such as ['-1']" in line


@pytest.mark.services
def test_what_only_warns_does_not_fail(seen: dict[str, Any]) -> None:
    failed, warnings = seen["expectations"]["warned"]
    assert (failed, warnings) == ([], len(seen["expectations"]["bad"]))


@pytest.mark.services
def test_a_budget_lets_its_share_of_rows_break_the_rule(seen: dict[str, Any]) -> None:
    assert seen["budget"] == [True, False]


@pytest.mark.services
@pytest.mark.parametrize("name", [rule["name"] for rule, _, _ in SET_RULES])
def test_a_rule_on_the_session_as_a_whole_passes_and_fails(seen: dict[str, Any], name: str) -> None:
    good, bad = seen["set_rules"]
    assert good == []
    assert [line for line in bad if line.startswith(f"rule {name} on session_facts: expected ")]


@pytest.mark.services
@pytest.mark.parametrize("case", ["no rows", "no column", "no rules", "exception", "broken rule"])
def test_the_audit_fails_closed(seen: dict[str, Any], case: str) -> None:
    assert seen["closed"][case].startswith("ValidationFailedError")


@pytest.mark.services
@pytest.mark.parametrize(
    ("fact", "value"),
    [
        ("ratio", 4 / 4),  # A, B, C, X; the median of 5, 4, 4, 4, 4, 4
        ("ratio_of_nothing", 0.0),
        ("ratio_too_early", None),
        ("coverage", 3 / 4),  # of A to D, D is missing; N was there once only
        ("coverage_too_early", None),
        ("share", 0.02),
        ("share_of_nothing", None),
    ],
)
def test_a_sessions_facts_are_these(seen: dict[str, Any], fact: str, value: float | None) -> None:
    assert seen["facts"][fact] == (None if value is None else pytest.approx(value))


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"name": "x", "kind": "matches", "columns": ["symbol"], "pattern": r"^\d$"}, "without backslash"),
        ({"name": "x", "kind": "matches", "columns": ["symbol"], "pattern": "it's"}, "without backslash and quote"),
        ({"name": "x", "kind": "between", "columns": ["low"]}, "min, max or both"),
        ({"name": "x", "kind": "row_count_ratio"}, "min, max or both"),
        ({"name": "x", "kind": "not_null", "columns": ["low; DROP TABLE"]}, "match pattern"),
        ({"name": "x", "kind": "sometimes"}, "sometimes"),
    ],
)
def test_a_wrong_rule_is_refused_when_the_file_is_loaded(rule: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        rule_set(rule)


def test_names_and_the_key_are_unique() -> None:
    rule = {"name": "x", "kind": "unique_key", "columns": ["symbol"]}
    with pytest.raises(ValidationError, match="repeated: x"):
        rule_set(rule, rule)
    with pytest.raises(ValidationError, match="at most one unique_key"):
        rule_set(rule, rule | {"name": "y"})


@pytest.mark.parametrize("name", ["bars", "filings", "symbols"])
def test_the_declared_rule_sets_load(name: str) -> None:
    assert load_rules(name).quarantining()
