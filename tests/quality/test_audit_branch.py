"""Branches of a small lake, judged as a whole on Spark: what passes, what fails, and by which rule."""

from __future__ import annotations

from typing import Any

import pytest

from tests.quality.cases import JUMPS, ROW_RULES
from tests.spark_run import run_scenario

pytestmark = pytest.mark.services
NAMES = [rule["name"] for rule, _ in ROW_RULES]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return run_scenario("tests/quality/scenario_judge.py", tmp_path_factory.mktemp("judge"))


@pytest.fixture
def branches(seen: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = seen["branches"]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_spark_tells_a_good_row_from_a_bad_one(seen: dict[str, Any], name: str) -> None:
    assert seen["conditions"][name] == [True, False]


def test_spark_tells_jumps_and_stale_bars_as_polars_does(seen: dict[str, Any]) -> None:
    assert seen["conditions"]["jump"] == [believed for _, _, believed in JUMPS]
    assert seen["conditions"]["stale"] == [True, True, False]


@pytest.mark.parametrize(
    ("case", "message"),
    [("no rows", "expected rows and rules to check, found none"), ("exception", "could not be evaluated")],
)
def test_the_audit_on_spark_fails_closed(seen: dict[str, Any], case: str, message: str) -> None:
    assert seen["closed"][case].startswith("ValidationFailedError")
    assert message in seen["closed"][case]


def test_a_good_session_passes(branches: dict[str, Any]) -> None:
    good = branches["good"]
    assert (good["failed"], good["warnings"]) == ([], [])
    assert good["added"]["market.bars"] == 30
    facts = {line["rule"]: line["value"] for line in good["report"]["facts"]}
    assert facts == {
        "row_count": 1.0, "coverage": 1.0, "quarantined": 0.0, "jumping": 0.0, "repeating": 0.0, "duplicates": 0.0,
        "without_volume": 0.0,
    }  # fmt: skip
    assert [row["bars"] for row in good["report"]["trailing"]] == [30] * 21


def test_a_restated_bar_of_the_session_before_passes(branches: dict[str, Any]) -> None:
    assert (branches["restated"]["failed"], branches["restated"]["added"]["market.bars"]) == ([], 31)


def test_many_bars_without_volume_are_warned_of(branches: dict[str, Any]) -> None:
    assert branches["idle"]["failed"] == []
    (line,) = branches["idle"]["warnings"]
    assert line.startswith("rule without_volume on session_facts.us_daily_prices")


def test_on_a_half_day_they_are_not(branches: dict[str, Any]) -> None:
    half_day = branches["half_day"]
    assert half_day["failed"] == []
    assert [line for line in half_day["warnings"] if "expected" in line] == []
    assert "without_volume" not in {line["rule"] for line in half_day["report"]["facts"]}
    assert {line["rule"]: line["kept"] for line in half_day["report"]["facts"]}["row_count"] is True


@pytest.mark.parametrize(
    ("case", "rules"),
    [
        ("thin", {"row_count", "coverage"}),
        ("jump", {"jump"}),
        ("held", {"jumping"}),  # one symbol of thirty is more than one in a hundred
        ("stale", {"stale"}),
        ("yesterdays", {"repeating"}),
        ("bad_row", {"price_positive"}),
        ("rubbish", {"quarantined"}),
    ],
)
def test_what_is_wrong_fails_by_the_name_of_its_rule(branches: dict[str, Any], case: str, rules: set[str]) -> None:
    assert rules <= {line.split(" ")[1] for line in branches[case]["failed"]}
    assert branches[case]["report"]["passed"] is False


def test_duplicates_are_warned_of(branches: dict[str, Any]) -> None:
    assert branches["twice"]["failed"] == []
    assert [line.split(" ")[1] for line in branches["twice"]["warnings"]] == ["duplicates"]


def test_the_report_names_what_is_missing_held_and_stale(branches: dict[str, Any]) -> None:
    assert branches["thin"]["report"]["missing_symbols"] == {
        "us_daily_prices": [f"S{number}" for number in range(10, 30)]
    }
    assert [line["symbol"] for line in branches["held"]["report"]["jumps"]["held"]] == ["S00"]
    assert ("S29", 5) in {(line["symbol"], line["run"]) for line in branches["stale"]["report"]["stale"]["runs"]}


def test_a_branch_whose_base_has_moved_is_not_judged(branches: dict[str, Any]) -> None:
    assert branches["moved"].startswith("BaseMovedError: table market.bars")


def test_what_is_too_large_for_the_driver_is_judged_by_spark(seen: dict[str, Any]) -> None:
    assert "rule price_positive on market.bars: expected" in seen["large"]["failed"]


def test_new_rows_are_the_same_read_by_arrow_or_by_spark(seen: dict[str, Any]) -> None:
    assert (seen["large"]["rows"], seen["large"]["same"]) == (31, True)
