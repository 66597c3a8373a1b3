"""Another security's bars under a symbol: in the lake as delivered, out of features, the same in bulk and by night."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ingest.scenario_listings import LATER, RELEASED, UNSEEN, WRONG
from tests.spark_run import run_scenario

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def seen(services: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return run_scenario("tests/ingest/scenario_listings.py", tmp_path_factory.mktemp("listings"), services.env)


def test_one_run_and_several_nights_hold_the_same(seen: dict[str, Any]) -> None:
    assert [night["error"] for night in (seen["bulk"], *seen["nights"], seen["released"])] == [""] * 5
    assert seen["bulk_rows"] == seen["night_rows"]
    (held,) = seen["bulk_rows"]
    assert held[:3] == [seen["symbol"], seen["days"][WRONG], "held"]
    assert held[5] == pytest.approx(held[4] / 5, rel=0.3)


def test_the_bars_stay_as_delivered_and_have_no_features(seen: dict[str, Any]) -> None:
    assert seen["bars"] == seen["days"][: LATER + 1]
    assert seen["features"] == seen["days"][:WRONG]


def test_the_quality_report_names_it_on_its_night(seen: dict[str, Any]) -> None:
    before, on, _ = seen["nights"]
    assert before["held"] == []
    assert [(line["symbol"], line["session"], line["basis"]) for line in on["held"]] == [
        (seen["symbol"], seen["days"][WRONG], "held")
    ]


def test_files_without_such_a_row_are_not_opened(seen: dict[str, Any]) -> None:
    assert seen["files"]["named"] == 1
    assert seen["files"]["all"] > 1


def test_a_training_knows_the_session_without_evidence(seen: dict[str, Any]) -> None:
    assert seen["unseen"] == [seen["days"][UNSEEN]]


def test_a_person_lets_it_go(seen: dict[str, Any]) -> None:
    released = [row for row in seen["released_rows"] if row[2] == "released"]
    assert [row[:2] for row in released] == [[seen["symbol"], seen["days"][WRONG]]]
    assert [line["basis"] for line in seen["released"]["held"]] == ["released"]
    assert seen["open"] == 0
    assert seen["days"][RELEASED] > seen["days"][LATER]
