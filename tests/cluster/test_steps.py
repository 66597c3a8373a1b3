"""Each step is handed the ids of those before it, and nothing is guessed where one is missing."""

import pytest

from afterbell.cluster.steps import STEPS, inputs_of
from afterbell.errors import StaleInputError


def test_a_step_is_handed_what_it_needs_and_no_more():
    found = inputs_of(
        "features", [{"bars_snapshot": 1, "data_docs": "x"}, {"actions_snapshot": 2, "filings_snapshot": 3, "rows": 9}]
    )
    assert found == {"bars_snapshot": 1, "actions_snapshot": 2, "filings_snapshot": 3}


def test_the_later_result_wins():
    found = inputs_of(
        "features", [{"bars_snapshot": 1, "actions_snapshot": 2, "filings_snapshot": 4}, {"bars_snapshot": 3}]
    )
    assert found["bars_snapshot"] == 3


def test_a_missing_id_asks_for_the_steps_before():
    with pytest.raises(StaleInputError, match=r"'score' was not handed \['release_id'\]"):
        inputs_of("score", [{"bars_snapshot": 1, "features_snapshots": {"core": 2}}])


def test_a_step_of_no_session_is_not_among_those_of_a_run():
    assert inputs_of("maintain", [{"now": "2026-07-05T10:00:00+00:00", "dry_run": True, "run_id": "x"}]) == {
        "now": "2026-07-05T10:00:00+00:00",
        "dry_run": True,
    }
    assert "maintain" not in STEPS
