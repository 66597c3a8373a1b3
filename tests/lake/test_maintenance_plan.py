"""What may go is decided from a table's metadata alone, as Iceberg writes it; the cases are written by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from afterbell.errors import ConfigError
from afterbell.lake.maintenance_plan import (
    Keep,
    abandoned,
    commits_to_remember,
    expirable,
    load_keep,
    version_before,
)

NOW = datetime(2026, 7, 5, 10, tzinfo=UTC)
KEEP = {
    "longest_run_hours": 24,
    "keep_snapshots_days": 7,
    "keep_runs_days": 30,
    "orphan_days": 3,
    "compaction": {"min_files": 5, "target_mb": 128},
}


def _ms(**ago: float) -> int:
    return int((NOW - timedelta(**ago)).timestamp() * 1000)


def _table(ages: list[float], **more: Any) -> dict[str, Any]:
    """A line of snapshots 1, 2, 3...; ``ages`` in days, oldest first; the last is the head of ``main``."""
    snapshots = [
        {
            "snapshot-id": index,
            "parent-snapshot-id": index - 1 or None,
            "timestamp-ms": _ms(days=age),
            "summary": {"afterbell.commit-id": f"c{index}"},
        }
        for index, age in enumerate(ages, start=1)
    ]
    log = [{"timestamp-ms": each["timestamp-ms"], "snapshot-id": each["snapshot-id"]} for each in snapshots]
    refs = {"main": {"snapshot-id": len(ages), "type": "branch"}}
    return {"snapshots": snapshots, "snapshot-log": log, "refs": refs, "last-updated-ms": _ms(days=ages[-1]), **more}


def test_what_nobody_names_goes_oldest_first() -> None:
    assert expirable(_table([40, 30, 20, 1]), set(), NOW - timedelta(days=7)) == [1, 2]


def test_the_snapshot_that_was_the_head_when_the_time_began_stays_however_old_it_is() -> None:
    # The third was made 20 days ago, but a job of the day before yesterday could still start from it.
    assert 3 not in expirable(_table([40, 30, 20, 1]), set(), NOW - timedelta(days=7))


def test_what_a_release_names_stays() -> None:
    assert expirable(_table([40, 30, 20, 1]), {1, 99}, NOW - timedelta(days=7)) == [2]


@pytest.mark.parametrize("kind", ["branch", "tag"])
def test_heads_of_branches_and_tags_stay(kind: str) -> None:
    table = _table([40, 30, 20, 1])
    table["refs"]["other"] = {"snapshot-id": 2, "type": kind}
    assert expirable(table, set(), NOW - timedelta(days=7)) == [1]


def test_a_table_without_a_commit_has_nothing_to_expire() -> None:
    assert expirable({"snapshots": [], "refs": {}, "last-updated-ms": 0}, set(), NOW) == []


def test_commits_below_the_first_expired_one_are_remembered_with_those_of_earlier_rounds() -> None:
    table = _table([40, 30, 20, 1], properties={"afterbell.expired-commits": '{"c0": 77}'})
    assert commits_to_remember(table, {2}) == {"c0": 77, "c1": 1, "c2": 2}


def test_a_commit_of_an_abandoned_branch_is_not_remembered() -> None:
    table = _table([40, 30, 20, 1])
    table["snapshots"].append(
        {"snapshot-id": 9, "parent-snapshot-id": 3, "timestamp-ms": 0, "summary": {"afterbell.commit-id": "lost"}}
    )
    assert "lost" not in commits_to_remember(table, {9, 1})


def test_a_branch_that_was_there_before_and_has_not_moved_since_is_abandoned() -> None:
    table = _table([40, 30, 20, 1])
    table["refs"] |= {name: {"snapshot-id": 2, "type": "branch"} for name in ("audit_old", "audit_new", "other")}
    earlier = {"refs": {"main": {}, "audit_old": {}, "other": {}}}
    # audit_new starts at an old snapshot as well, but was opened since: a run holds it.
    assert abandoned(table, earlier, NOW - timedelta(hours=24)) == ["audit_old"]


def test_a_branch_that_was_written_to_lately_is_not_abandoned() -> None:
    table = _table([40, 30, 20, 0.5])
    table["refs"]["audit_old"] = {"snapshot-id": 4, "type": "branch"}
    assert abandoned(table, {"refs": {"audit_old": {}}}, NOW - timedelta(hours=24)) == []


def test_without_a_version_from_before_every_branch_stays() -> None:
    table = _table([40, 30, 20, 1], **{"metadata-log": [{"timestamp-ms": _ms(hours=2), "metadata-file": "young"}]})
    table["last-updated-ms"] = _ms(hours=1)
    table["refs"]["audit_old"] = {"snapshot-id": 1, "type": "branch"}
    assert version_before(table, NOW - timedelta(hours=24)) is None
    assert abandoned(table, None, NOW - timedelta(hours=24)) == []


def test_the_newest_version_from_before_is_asked() -> None:
    log = [{"timestamp-ms": _ms(hours=hours), "metadata-file": f"{hours} h"} for hours in (50, 30, 2)]
    table = _table([40, 0.01], **{"metadata-log": log})
    assert version_before(table, NOW - timedelta(hours=24)) == "30 h"
    assert version_before(_table([40, 30]), NOW - timedelta(hours=24)) == ""


def test_orphans_are_never_younger_than_the_longest_run() -> None:
    assert Keep.model_validate(KEEP).orphans_before(NOW) == NOW - timedelta(days=3)
    longest = KEEP | {"longest_run_hours": 100}
    assert Keep.model_validate(longest).orphans_before(NOW) == NOW - timedelta(hours=100)


@pytest.mark.parametrize(
    "wrong",
    [
        {"keep_snapshots_days": 1, "longest_run_hours": 25},
        {"keep_runs_days": 0},
        {"orphan_days": 0},
        {"longest_run_hours": 0},
        {"surplus": 1},
    ],
)
def test_settings_that_could_reach_a_running_job_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        Keep.model_validate(KEEP | wrong)


def test_the_settings_of_the_project_are_these() -> None:
    assert load_keep() == Keep.model_validate(KEEP)


def test_settings_that_are_not_there_are_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("AFTERBELL_CONFIG", str(tmp_path))
    with pytest.raises(ConfigError, match=r"maintenance\.yaml: cannot be read"):
        load_keep()
