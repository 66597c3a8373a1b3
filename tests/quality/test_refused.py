"""A session that breaks a rule about whole sessions stays out, night after night, and stops no other session."""

from __future__ import annotations

from typing import Any

import pytest

from tests.spark_run import run_scenario

pytestmark = pytest.mark.services
BAD, NEXT, LAST = "2026-06-26", "2026-06-29", "2026-06-30"
DROP = "prices/2026/20260626.csv.gz"
WHOLE, THIN = 39, 13
"""Symbols of a session, and of the one whose drop has a third of its lines."""


@pytest.fixture(scope="module")
def seen(services: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return run_scenario("tests/quality/scenario_refused.py", tmp_path_factory.mktemp("refused"), services.env)


def test_on_its_own_night_the_run_fails_and_says_how_to_let_the_drop_in(seen: dict[str, Any]) -> None:
    found = seen["laundered"]
    for night in ("own", "again"):
        assert found[night]["error"].startswith("ValidationFailedError"), found[night]
        assert "rule coverage: symbol_coverage is 0.3333, expected at least 0.9" in found[night]["error"]
        assert f"./afterbell drops release {found['id']} --reason" in found[night]["error"]
        assert BAD not in found[night]["symbols"]


def test_the_next_night_leaves_it_out_and_names_it(seen: dict[str, Any]) -> None:
    found = seen["laundered"]["next"]
    assert found["error"] == ""
    assert [drop["key"] for drop in found["refused"]] == [DROP]
    assert (BAD in found["symbols"], found["symbols"][NEXT]) == (False, WHOLE)


def test_a_session_that_was_refused_does_not_blind_the_rules_of_the_next(seen: dict[str, Any]) -> None:
    assert not [warning for warning in seen["laundered"]["next"]["warnings"] if "not checked" in warning]


def test_a_person_lets_it_in_and_the_run_says_so(seen: dict[str, Any]) -> None:
    found = seen["laundered"]["released"]
    assert (found["error"], found["symbols"][BAD], found["symbols"][LAST]) == ("", THIN, WHOLE)
    let_in = [warning for warning in found["warnings"] if "was released by a person" in warning]
    assert len(let_in) == 2
    assert any("symbol_coverage is 0.3333" in warning for warning in let_in)


def test_a_drop_that_came_too_late_for_its_own_night_is_judged_by_the_next(seen: dict[str, Any]) -> None:
    found = seen["late"]["next"]
    assert (found["error"], BAD in found["symbols"], found["symbols"][NEXT]) == ("", False, WHOLE)
    assert any(f"drop {DROP} of session {BAD} was refused" in warning for warning in found["warnings"])


def test_another_delivery_needs_no_release(seen: dict[str, Any]) -> None:
    found = seen["late"]["redelivered"]
    assert (found["error"], found["symbols"][BAD], found["symbols"][LAST]) == ("", WHOLE, WHOLE)


def test_a_drop_over_its_budget_of_lines_set_aside_stops_its_own_night_and_no_other(seen: dict[str, Any]) -> None:
    own, following = seen["rubbish"]["own"], seen["rubbish"]["next"]
    assert own["error"].startswith("ValidationFailedError"), own
    assert "lines broke a rule" in own["error"]
    assert (following["error"], BAD in following["symbols"], following["symbols"][NEXT]) == ("", False, WHOLE)
    assert [drop["key"] for drop in following["refused"]] == [DROP]


def test_a_first_run_over_all_history_names_the_bad_session(seen: dict[str, Any]) -> None:
    found = seen["filled"]
    assert (found["bulk"]["error"], found["refused"], found["bulk"]["symbols"][BAD]) == ("", [], THIN)
    said = f"session {BAD} of us_daily_prices came with 29 others and was published nevertheless: rule coverage"
    assert any(warning.startswith(said) for warning in found["bulk"]["warnings"]), found["bulk"]["warnings"]


def test_a_range_that_is_filled_leaves_the_bad_session_out(seen: dict[str, Any]) -> None:
    found = seen["filled"]
    assert found["kept"] == [DROP]
    assert (BAD in found["range"], found["range"][LAST]) == (False, WHOLE)


def test_a_thin_session_whose_bars_the_next_drop_brings_is_named_by_a_first_run(seen: dict[str, Any]) -> None:
    found = seen["carried"]["bulk"]
    assert (found["error"], found["symbols"][BAD]) == ("", WHOLE)
    said = f"session {BAD} of us_daily_prices came with 29 others and was published nevertheless: rule coverage"
    assert any(warning.startswith(said) for warning in found["warnings"]), found["warnings"]


def test_a_range_refuses_it_and_leaves_the_same_bars_as_its_night(seen: dict[str, Any]) -> None:
    found = seen["carried"]
    assert found["kept"] == [DROP]
    assert len(found["range"]) > 3 * WHOLE
    assert found["range"] == found["nights"]


def test_a_first_session_without_half_its_symbols_is_named_beside_what_came_after(seen: dict[str, Any]) -> None:
    days, warnings = seen["days"], seen["carried"]["early"]["warnings"]
    said = f"session {days[0]} of us_daily_prices: its own drops have "
    assert [line for line in warnings if line.startswith(said) and "before and after it have" in line], warnings


def test_a_session_whose_bars_come_only_with_the_next_drop_is_named(seen: dict[str, Any]) -> None:
    days, warnings = seen["days"], seen["carried"]["early"]["warnings"]
    said = f"session {days[12]} of us_daily_prices: it has no usable drop of its own; later drops brought bars of "
    assert [line for line in warnings if line.startswith(said)], warnings
