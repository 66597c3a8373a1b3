"""Reading past runs: by session, newest runs only, on a store that counts what it is asked."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from afterbell.sla.history import read_runs
from afterbell.stores.protocols import StoredObject

START = datetime(2016, 6, 30, 20, 30, tzinfo=UTC)
LAST, BEFORE = date(2016, 6, 30), date(2016, 6, 29)


class Counting:
    """Documents by key, and every request that was made for them."""

    def __init__(self):
        self.documents, self.asked = {}, []

    def add(self, session, run, step, seconds, start=START, **more):
        body = {
            "started_at": start.isoformat(),
            "finished_at": (start + timedelta(seconds=seconds)).isoformat(),
            **more,
        }
        self.documents[f"runs/{session}/{run}/{step}.json"] = (json.dumps(body).encode(), start)

    def list(self, prefix):
        self.asked.append(prefix)
        return [
            StoredObject("s3", key, len(body), "v", at)
            for key, (body, at) in sorted(self.documents.items())
            if key.startswith(prefix)
        ]

    def get(self, key):
        self.asked.append(key)
        return self.documents[key][0]


def test_the_results_of_a_run_become_its_timings():
    store = Counting()
    store.add(LAST, "manual_1", "ingest", 20)
    store.add(LAST, "manual_1", "train", 7, noop=True)
    (run,) = read_runs(store, [LAST])
    assert {step: (timing.seconds, timing.noop) for step, timing in run.items()} == {
        "ingest": (20.0, False), "train": (7.0, True),
    }  # fmt: skip
    assert run["ingest"].started == START


@pytest.mark.parametrize("less", [{"held": "no time"}, {"left_out": ["family ridge"]}, {"noop": True}])
def test_a_step_that_did_less_than_its_work_is_marked(less):
    store = Counting()
    store.add(LAST, "manual_1", "train", 7, **({"left_out": [], "noop": False} | less))
    store.add(LAST, "manual_2", "train", 7, left_out=[], noop=False)
    assert sorted(run["train"].noop for run in read_runs(store, [LAST])) == [False, True]


def test_what_older_sessions_left_behind_costs_nothing():
    store = Counting()
    for back in range(500):
        store.add(LAST - timedelta(days=back), "scheduled_1", "ingest", 20)
    assert len(read_runs(store, [LAST, BEFORE])) == 2
    assert len(store.asked) == 4


def test_backfills_and_other_documents_do_not_count():
    store = Counting()
    store.add(LAST, "backfill_2016_06_30", "ingest", 5)
    store.add(LAST, "scheduled_1", "forecast", 5)
    store.add(LAST, "scheduled_1", "maintain", 5)
    store.documents[f"runs/{LAST}/scheduled_1/deep/ingest.json"] = (b"{}", START)
    assert read_runs(store, [LAST]) == []


def test_of_many_runs_of_one_session_the_newest_three_count():
    store = Counting()
    for number in range(50):
        store.add(LAST, f"manual_{number:02d}", "ingest", number, START + timedelta(minutes=number))
    assert sorted(run["ingest"].seconds for run in read_runs(store, [LAST])) == [47, 48, 49]


def test_a_document_that_does_not_tell_is_passed_over():
    store = Counting()
    store.add(LAST, "manual_1", "ingest", 20)
    for step, body in {"train": b"{", "score": b"[]", "publish": b'{"started_at": "x", "finished_at": "y"}'}.items():
        store.documents[f"runs/{LAST}/manual_1/{step}.json"] = (body, START)
    (run,) = read_runs(store, [LAST])
    assert list(run) == ["ingest"]
