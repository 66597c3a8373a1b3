"""Each step is handed the ids of those before it, and nothing is guessed where one is missing."""

import pytest

from afterbell.errors import StaleInputError
from afterbell.run.steps import FEATURES, MAINTAIN, SCORE, STEPS, inputs_of, step_named

SCORED = {"bars_snapshot": 1, "actions_snapshot": 4}


def test_a_step_is_handed_what_it_needs_and_no_more():
    found = inputs_of(
        FEATURES, [{"bars_snapshot": 1, "data_docs": "x"}, {"actions_snapshot": 2, "filings_snapshot": 3, "rows": 9}]
    )
    assert found.to_json() == {"bars_snapshot": 1, "actions_snapshot": 2, "filings_snapshot": 3}


def test_the_later_result_wins():
    found = inputs_of(
        FEATURES, [{"bars_snapshot": 1, "actions_snapshot": 2, "filings_snapshot": 4}, {"bars_snapshot": 3}]
    )
    assert found.bars_snapshot == 3


@pytest.mark.parametrize(
    ("step", "given", "missing", "cleared"),
    [
        ("score", {**SCORED, "features_snapshots": {"core": 2}}, r"\['release_id'\]", "publish"),
        ("validate", {}, r"\['branch'\]", "ingest"),
        ("train", {"features_snapshots": {}, "definition_hashes": {}}, r"\['bars.*'actions.*\]", "validate"),
        ("publish", {"candidate_id": "c", "origin": "manual"}, r"\['champion_.*'verdict'.*\]", "evaluate"),
        ("publish", {}, r"\['candidate_id'.*'origin'\]", "open_run"),
    ],
)
def test_a_missing_id_names_the_earliest_task_to_clear(step, given, missing, cleared):
    named = rf"'{step}' lacks its input {missing}: clear the task '{cleared}' and all"
    with pytest.raises(StaleInputError, match=named):
        inputs_of(step_named(step), [given])


def test_score_is_told_whether_its_release_is_the_champion():
    given = {**SCORED, "features_snapshots": {"core": 2}, "release_id": "r"}
    assert inputs_of(SCORE, [given | {"serves": True}]).serves is True
    assert "serves" not in inputs_of(SCORE, [given]).to_json()  # a result of an older version


def test_a_step_of_no_session_is_not_among_those_of_a_run():
    found = inputs_of(MAINTAIN, [{"now": "2026-07-05T10:00:00+00:00", "dry_run": True, "run_id": "x"}])
    assert found.to_json() == {"now": "2026-07-05T10:00:00+00:00", "dry_run": True}
    assert "maintain" not in STEPS
