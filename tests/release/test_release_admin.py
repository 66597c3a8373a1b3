"""The DAG `release_admin` as Airflow runs it, on a real S3; what a person answers in the page is answered here."""

from __future__ import annotations

import json

import pytest

from afterbell.cli.airflow_run import run_dag
from afterbell.cli.context import Opened
from afterbell.errors import StepFailedError
from afterbell.release.audit import moves
from afterbell.release.catalog import read_champion
from tests.release.conftest import add_candidate
from tests.release.test_promotion import IDS, A, B, C, daily

pytestmark = pytest.mark.services


@pytest.fixture
def opened(services, store, monkeypatch):
    """The tests' services, with the bucket of these tests."""
    for number, one in enumerate(IDS):
        add_candidate(store, one, intercept=float(number))
        daily(store, number)
    env = services.env | {"AFTERBELL_ARTIFACT_BUCKET": store.bucket}
    return Opened(services.folders, services.platform, services.runtime, env)


def admin(opened, answer="Reject", **conf):
    return run_dag(opened, "release_admin", conf, "local", None, answer=answer)


def test_an_approved_rollback_moves_the_champion_and_names_both_people(opened, store):
    done = admin(opened, "Approve", action="rollback", reason="upside; down $(id) {{ ds }}")
    assert list(done.seconds) == ["open_release_admin", "check_release", "ask", "move_champion"]
    champion, _ = read_champion(store)
    assert champion.release_id == B
    entry = next(moves(store, champion))
    assert (entry.action, entry.reason, entry.run_id) == ("rollback", "upside; down $(id) {{ ds }}", done.run_id)
    assert entry.by.startswith("dag_test, agreed to by ")
    key = next(found.key for found in store.list("runs/") if found.key.endswith("/move_champion.json"))
    assert json.loads(store.get(key))["moved"] is True


def test_what_nobody_agrees_to_is_not_done_and_the_run_is_a_success(opened, store):
    done = admin(opened, "Reject", action="promote", release_id=A, reason="the old one is sound")
    assert "move_champion" not in done.seconds
    assert read_champion(store)[0].release_id == C


def test_verifying_asks_nobody(opened, store):
    before = {found.key for found in store.list("") if not found.key.startswith("runs/")}
    done = admin(opened, action="verify")
    assert list(done.seconds)[:2] == ["open_release_admin", "check_release"]
    assert "move_champion" not in done.seconds
    assert {found.key for found in store.list("") if not found.key.startswith("runs/")} == before


def test_a_broken_release_fails_before_anybody_is_asked(opened, store):
    store.put(f"releases/{B}/models/ridge-h1.json", b"{}")
    with pytest.raises(StepFailedError, match="DigestMismatchError"):
        admin(opened, "Approve", action="rollback", reason="upside down")
    assert read_champion(store)[0].release_id == C
