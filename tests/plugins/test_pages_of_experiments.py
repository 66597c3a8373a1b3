"""The page of experiments: where each is in words that a person understands, why it failed, who agreed."""

from __future__ import annotations

import html
import re
from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from tests.plugins.conftest import CLOSE, add_run, create, put

EXPERIMENT = "0123456789abcdef"
TRAINING = "running: experiment_train (step 4 of 7)"
DONE = ("open_experiment", "experiment_resolve", "features", "experiment_train", "experiment_evaluate")
REQUEST = {"name": "small-caps", "first": "2015-01-02", "last": "2016-06-30", "horizons": [1, 5]}
OPENED = {
    "experiment": EXPERIMENT, "request": REQUEST, "by": "carol", "note": "try", "promote": True,
    "session": "2016-06-30", "run_id": "experiment_manual__e",
}  # fmt: skip
ENDED = CLOSE + timedelta(minutes=1)


def _add(database, state, tasks, opened=OPENED, **more):
    rows = [(name, state, CLOSE, ENDED) for name, state in tasks.items()]
    add_run(
        database, "manual__e", state=state, tasks=rows, opened=opened, opener="open_experiment", dag="experiment",
        conf={"name": "small-caps", "promote": True}, triggering_user_name="carol", **more,
    )  # fmt: skip


def _ask(database, by=None, options=None, answer=None):
    """The question of the run, and what came of it."""
    from airflow.models.dagrun import DagRun  # noqa: PLC0415
    from airflow.models.hitl import HITLDetail  # noqa: PLC0415
    from airflow.models.taskinstance import TaskInstance  # noqa: PLC0415
    from airflow.models.xcom import XComModel  # noqa: PLC0415

    with create(database) as db:
        number = db.scalar(select(DagRun.id).where(DagRun.run_id == "manual__e"))
        task = db.scalar(select(TaskInstance.id).where(TaskInstance.task_id == "ask"))
        db.execute(insert(HITLDetail.__table__).values(
            ti_id=task, options=["Approve", "Reject"], subject="?", created_at=CLOSE, params={}, params_input={},
            responded_at=CLOSE if options else None, responded_by={"id": by, "name": by} if by else None,
            chosen_options=options,
        ))  # fmt: skip
        if answer is not None:
            db.execute(insert(XComModel.__table__).values(
                dag_run_id=number, task_id="ask", map_index=-1, key="return_value", dag_id="experiment",
                run_id="manual__e", value=answer, timestamp=CLOSE,
            ))  # fmt: skip


def _shown(client):
    (found,) = client.json("/experiments")["experiments"]
    return found, html.unescape(re.sub(r"<[^>]+>", " ", client("/experiments").text)), client("/experiments").text


@pytest.mark.parametrize(
    ("tasks", "word"),
    [
        ({}, "waiting for its turn"),
        ({"open_experiment": "queued"}, "waiting for its turn: open_experiment (step 1 of 7)"),
        ({"open_experiment": "success", "experiment_resolve": "running"}, "running: experiment_resolve (step 2 of 7)"),
        (dict.fromkeys(DONE[:3], "success") | {"experiment_train": "running"}, TRAINING),
        (dict.fromkeys(DONE[:3], "success") | {"experiment_train": "deferred"}, TRAINING),
        (dict.fromkeys(DONE[:2], "success") | {"features": "up_for_retry"},
         "failed, will be retried: features (step 3 of 7)"),
    ],
)  # fmt: skip
def test_the_step_that_an_experiment_is_at_is_named(client, database, tasks, word):
    _add(database, "running" if tasks else "queued", tasks, opened=OPENED if "open_experiment" in tasks else None)
    found, text, _ = _shown(client)
    assert found["standing"]["word"] == word
    assert word in text
    assert found["request"]["name"] == "small-caps", "by the form, before the first task has run"
    assert found["by"] == "carol"


def test_what_waits_for_approval_leads_to_the_place_to_answer(client, database):
    _add(database, "running", dict.fromkeys(DONE, "success") | {"ask": "awaiting_input"})
    _ask(database)
    found, text, page = _shown(client)
    assert found["standing"]["word"] == "waiting for approval"
    assert 'href="/dags/experiment/runs/manual__e/tasks/ask/required_actions"' in page
    assert "no answer within a day counts as a rejection" in text


def test_how_far_a_step_is_comes_from_its_own_word(client, database, store):
    _add(database, "running", dict.fromkeys(DONE[:3], "success") | {"experiment_train": "running"})
    began, at = CLOSE.isoformat(), (CLOSE + timedelta(minutes=10)).isoformat()
    told = {"what": "fits", "done": 12, "of": 40, "began": began, "at": at}
    put(store, "runs/2016-06-30/experiment_manual_e/experiment_train.progress.json", told)
    assert "12 of 40 fits" in _shown(client)[1]


def test_a_failure_tells_what_its_task_left_and_leads_to_its_log(client, database):
    from airflow.models.dagrun import DagRun  # noqa: PLC0415
    from airflow.models.xcom import XComModel  # noqa: PLC0415

    _add(database, "failed", dict.fromkeys(DONE[:2], "success") | {"features": "failed", "experiment_train":
                                                                   "upstream_failed"})  # fmt: skip
    told = {"task": "features", "kind": "ConfigError", "what": "no <bars> of it", "where": "there", "do": "deliver it"}
    with create(database) as db:
        number = db.scalar(select(DagRun.id).where(DagRun.run_id == "manual__e"))
        db.execute(insert(XComModel.__table__).values(
            dag_run_id=number, task_id="features", map_index=-1, key="failure", dag_id="experiment",
            run_id="manual__e", value=told, timestamp=CLOSE,
        ))  # fmt: skip
    found, text, page = _shown(client)
    assert found["standing"]["word"] == "failed: features"
    assert "no <bars> of it" in text
    assert "deliver it" in text
    assert "<bars>" not in page
    assert 'href="/dags/experiment/runs/manual__e/tasks/features"' in page


def test_a_driver_that_told_the_store_alone_is_heard(client, database, store):
    _add(database, "failed", dict.fromkeys(DONE[:3], "success") | {"experiment_train": "failed"})
    told = {"kind": "StaleInputError", "message": "nothing to train on", "permanent": True}
    put(store, "runs/2016-06-30/experiment_manual_e/experiment_train.failure.json", told)
    assert "nothing to train on" in _shown(client)[1]


def test_a_failure_without_a_word_leads_to_the_log(client, database):
    _add(database, "failed", {"open_experiment": "failed"}, opened=None)
    found, text, page = _shown(client)
    assert found["standing"]["word"] == "failed: open_experiment"
    assert "Read its log" in text
    assert 'href="/dags/experiment/runs/manual__e/tasks/open_experiment"' in page


@pytest.mark.parametrize(
    ("asked", "answer", "promoted", "word"),
    [
        (None, {"approved_by": None}, False, "done"),
        ({"by": "bob", "options": ["Approve"]}, {"approved_by": "bob"}, True, "promoted by bob"),
        ({"by": "bob", "options": ["Reject"]}, {"approved_by": None}, False, "rejected by bob"),
        ({"options": ["Reject"]}, {"approved_by": None}, False, "done: nobody answered in time, not promoted"),
        ({"by": "carol", "options": ["Approve"]}, {"approved_by": None, "barred": "carol"}, False,
         "not promoted: carol requested it and may not approve it"),
    ],
)  # fmt: skip
def test_the_end_says_who_agreed_and_who_did_not(client, database, asked, answer, promoted, word):
    last = {"ask": "success", "experiment_promote": "success" if promoted else "skipped"}
    _add(database, "success", dict.fromkeys(DONE, "success") | last)
    if asked is not None:
        _ask(database, answer=answer, **asked)
    assert _shown(client)[0]["standing"]["word"] == word


def test_the_run_that_was_just_started_is_marked(client, database):
    _add(database, "queued", {}, opened=None)
    page = client("/experiments?started=manual__e").text
    assert '<tr id="started" class="mine">' in page
    assert client("/experiments?started=%3Cscript%3E").status_code == 400


def test_without_a_store_the_states_are_told_all_the_same(client, database, monkeypatch):
    from afterbell.airflow.pages import route_work  # noqa: PLC0415
    from afterbell.errors import StoreUnavailableError  # noqa: PLC0415

    def away():
        raise StoreUnavailableError("s3://somewhere gave no answer")

    monkeypatch.setattr(route_work, "open_documents", away)
    _add(database, "running", {"open_experiment": "success", "experiment_resolve": "running"})
    _, text, _ = _shown(client)
    assert "s3://somewhere gave no answer" in text
    assert "running: experiment_resolve" in text
