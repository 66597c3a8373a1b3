"""How far a step is, in words; and the thread that shows it, driven by reports written by hand."""

from __future__ import annotations

import queue
from datetime import UTC, datetime
from typing import ClassVar

import pytest

from afterbell.cli import step_progress
from afterbell.cli.airflow_run import session_of
from afterbell.cli.step_progress import Running, describe_progress, newest_report, shown
from afterbell.stores import artifacts
from afterbell.stores.protocols import StoredObject


def told(done: int, of: int, seconds: int = 60) -> dict[str, object]:
    at = f"2026-06-30T20:{seconds // 60:02d}:{seconds % 60:02d}+00:00"
    return {"what": "fits", "done": done, "of": of, "began": "2026-06-30T20:00:00+00:00", "at": at}


@pytest.mark.parametrize(
    ("report", "words"),
    [
        (told(12, 40), "12 of 40 fits, about 2 min 20 s left"),
        (told(2, 40), "2 of 40 fits"),
        (told(0, 40, 0), "0 of 40 fits"),
        (told(40, 40), "40 of 40 fits"),
        (told(1500, 3000), "1,500 of 3,000 fits, about 1 min 00 s left"),
        ({"what": "fits"}, ""),
        ({"what": "fits", "done": None, "of": 3, "began": "", "at": ""}, ""),
    ],
)
def test_a_report_is_said_with_what_is_left(report, words):
    assert describe_progress(report) == words


class Store:
    """Documents by key."""

    documents: ClassVar[dict[str, str]] = {}

    def __init__(self, location: object) -> None:
        pass

    def list(self, prefix: str) -> list[StoredObject]:
        return [StoredObject("s3", key, 1, "v") for key in self.documents if key.startswith(prefix)]

    def get(self, key: str) -> bytes:
        return self.documents[key].encode()


def test_the_newest_report_of_this_run_counts_and_older_runs_of_the_session_do_not(monkeypatch):
    def document(done: int, second: int) -> str:
        return (f'{{"what": "tasks", "done": {done}, "of": 9, "began": "2026-06-30T20:00:00+00:00", '
                f'"at": "2026-06-30T20:00:{second:02d}+00:00"}}')  # fmt: skip

    monkeypatch.setattr(artifacts, "ArtifactStore", Store)
    monkeypatch.setattr(Store, "documents", {
        "runs/2026-06-30/old/ingest.progress.json": document(8, 10),
        "runs/2026-06-30/new/ingest.progress.json": document(1, 50),
        "runs/2026-06-30/new/train.progress.json": document(7, 59),
        "runs/2026-06-29/new/ingest.progress.json": document(6, 59),
    })  # fmt: skip
    since = 1782849600.0 + 30  # 2026-06-30T20:00:30Z
    assert newest_report(None, "2026-06-30", "ingest", since) == "1 of 9 tasks"
    assert newest_report(None, "2026-06-30", "validate", since) == ""
    monkeypatch.setattr(Store, "documents", {"runs/2026-06-30/new/ingest.progress.json": "[1]"})
    assert newest_report(None, "2026-06-30", "ingest", since) == ""


def test_a_running_step_is_shown_and_said_until_it_ends(monkeypatch):
    for name in ("_TICK", "_LOOK", "_SAY"):
        monkeypatch.setattr(step_progress, name, 0.001)
    running, updates, lines = Running(), queue.Queue(), queue.Queue()
    with shown(running, lambda step, _since: f"3 of 9 {step}s", updates.put, lines.put):
        running.begin("fit", 2)
        first = lines.get(timeout=60)
        running.end("fit")
    assert first.startswith("fit is running, try 2, ")
    assert first.endswith(": 3 of 9 fits")
    assert updates.get(timeout=60).startswith("fit is running, try 2")
    assert running.now()[0] == ""


@pytest.mark.parametrize(
    ("conf", "session"),
    [
        ({"session": "2026-06-30"}, "2026-06-30"),
        ({"name": "more-trees", "first": "2024-01-02", "last": "2026-06-29"}, "2026-06-29"),
        ({"first": "2015-03-23", "last": "2015-12-31", "steps": ["ingest"]}, "2026-07-01"),
        ({"action": "rollback"}, "2026-07-01"),
    ],
)
def test_steps_of_a_run_are_looked_for_where_they_keep_their_documents(conf, session):
    assert session_of(conf, datetime(2026, 7, 1, 0, 30, tzinfo=UTC)) == session


def test_another_step_that_ends_leaves_the_running_one_alone():
    running = Running()
    running.begin("train", 1)
    running.end("ingest")
    assert running.now()[:2] == ("train", 1)
