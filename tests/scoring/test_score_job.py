"""The score step against a real S3 and a real lake, in one Spark driver."""

from __future__ import annotations

from typing import Any

import pytest

from tests.spark_run import run_scenario

pytestmark = pytest.mark.services

GOOD = "2016-06-30-000000000001"


@pytest.fixture(scope="module")
def seen(services: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    stores = services.env | {"AFTERBELL_ARTIFACT_BUCKET": "score-tests"}
    return run_scenario("tests/scoring/scenario_score.py", tmp_path_factory.mktemp("lake"), stores)


def test_signals_are_for_the_next_session_over_weekend_and_holiday(seen: dict[str, Any]) -> None:
    assert seen["good"]["session"] == "2016-07-05"
    assert {tuple(row[1:3]) for row in seen["rows"]} == {("2016-07-05", "2016-07-01")}


def test_scores_and_ranks_are_the_models_and_symbols_without_factors_or_a_row_in_each_set_are_left_out(
    seen: dict[str, Any],
) -> None:
    found = {row[0]: row[5:7] for row in seen["rows"] if row[3:5] == [5, "ridge"]}
    assert found == {
        "S0": pytest.approx([1.0, 1 / 3]),
        "S1": pytest.approx([2.0, 2 / 3]),
        "S2": pytest.approx([10.5, 1.0]),
    }


def test_what_was_too_cheap_at_the_cut_off_is_outside_the_universe_and_has_no_rank_in_it(seen: dict[str, Any]) -> None:
    # Late revisions of S1 and S2 say the opposite.
    assert seen["universe"] == {"S0": [True, 0.5], "S1": [False, None], "S2": [True, 1.0]}


def test_each_horizon_has_its_families_and_a_blend_of_one_release(seen: dict[str, Any]) -> None:
    assert {(row[3], row[4]) for row in seen["rows"]} == {(1, "ridge"), (1, "blend"), (5, "ridge"), (5, "blend")}
    assert len(seen["rows"]) == seen["good"]["rows"] == 12
    assert {row[7] for row in seen["rows"]} == {GOOD}


def test_the_same_run_again_changes_nothing(seen: dict[str, Any]) -> None:
    assert seen["again"]["noop"] is True
    assert seen["again"]["signals_snapshot"] == seen["good"]["signals_snapshot"]


def test_the_signals_are_exported_once_and_made_again_with_the_same_bytes_where_a_crash_lost_them(
    seen: dict[str, Any],
) -> None:
    files = seen["files"]
    assert (
        files["keys"] == seen["good"]["exports"] == [f"signals/2016-07-05/{GOOD}.{kind}" for kind in ("parquet", "csv")]
    )
    assert (files["untouched"], files["made again"]) == (True, True)
    assert (files["rows"], files["lines"]) == (12, 13)
    assert files["cut-off"].startswith("2016-07-01 22:00:00")  # two hours after the close


def test_the_signals_of_a_session_are_found_and_a_wrong_one_names_what_there_is(seen: dict[str, Any]) -> None:
    assert seen["files"]["newest"] == ["2016-07-05", GOOD]
    assert seen["files"]["errors"] == [
        "there are no signals for session 2016-07-06; the newest are for 2016-07-05",
        f"release 'x' made no signals for session 2016-07-05; those of {GOOD} exist",
    ]


@pytest.mark.parametrize(
    ("name", "error", "says"),
    [
        ("tampered", "DigestMismatchError", "it was not opened"),
        (
            "other definition",
            "StaleInputError",
            "of definition trained-on-another, the rows of session 2016-07-01 have",
        ),
        ("other set", "StaleInputError", "takes features.three, the step `features` of this run made one, two"),
        ("overflowing", "PermanentError", "model ridge of horizon 1: 1 of 3 predictions are not finite"),
        ("other order", "StaleInputError", "the same 2 features in another order"),
        ("no rows", "ValidationFailedError", "features.one has no row of session 2016-06-30"),
        ("no universe", "StaleInputError", "spec.universe of its manifest is not the filter of a universe"),
        ("no bars", "PermanentError", "no bar of the run's sessions was known at its cut-off"),
        ("no such release", "ObjectMissingError", "release '../champion' does not exist"),
        ("rolled back", "StaleInputError", "(./afterbell release history): clear the task 'publish' and all"),
        ("no champion", "StaleInputError", "but now it is none"),
    ],
)
def test_what_cannot_be_scored_fails_and_writes_nothing(seen: dict[str, Any], name: str, error: str, says: str) -> None:
    assert seen[name]["error"] == error
    assert says in seen[name]["message"]


@pytest.mark.parametrize("name", ["a backfill's", "the champion", "overtaken"])
def test_what_served_is_scored_and_so_is_the_release_of_a_backfill(seen: dict[str, Any], name: str) -> None:
    assert seen[name]["noop"] is True  # its signals have been written


def test_the_approved_release_is_scored_beside_the_champion_and_kept_apart(seen: dict[str, Any]) -> None:
    other = "2016-06-30-000000000007"
    assert seen["beside"]["shadow"] == seen["beside again"]["shadow"] == other
    # 10 A + B: S1 20, S0 10, S2 6.
    ranks = {"S0": 2 / 3, "S1": 1.0, "S2": 1 / 3}
    assert sorted(seen["shadow rows"]) == [
        [symbol, "2016-07-01", horizon, "blend", pytest.approx(ranks[symbol]), other]
        for symbol in ranks
        for horizon in (1, 5)
    ]


@pytest.mark.parametrize("name", ["beside what fails", "beside what is gone"])
def test_a_session_has_its_signals_where_the_approved_release_cannot_be_scored(seen: dict[str, Any], name: str) -> None:
    assert (seen[name]["release_id"], seen[name]["shadow"]) == (GOOD, None)


def test_signals_of_a_provisional_release_say_so(seen: dict[str, Any]) -> None:
    assert seen["provisional"]["provisional"] is True
    assert seen["provisional rows"] == ["2016-06-30-000000000007"]


def test_the_live_record_of_a_release_is_its_blend_on_earlier_sessions(seen: dict[str, Any]) -> None:
    ranks = {"S0": 1 / 3, "S1": 2 / 3, "S2": 1.0}
    assert seen["live"] == [
        [symbol, "2016-07-01", horizon, pytest.approx(ranks[symbol])] for symbol in ranks for horizon in (1, 5)
    ]
    assert seen["live before"] == []
    # Its session is after the one that it scored again: its models have seen what came of it.
    assert seen["live of a later release"] == []


def test_releases_that_served_are_in_the_audit_trail_the_last_one_first(seen: dict[str, Any]) -> None:
    # Published: 1, then 6; back to 5, and 1 again.
    every = [f"2016-06-30-{number:012x}" for number in (1, 5, 6)]
    assert seen["served"] == [every, [GOOD]]
