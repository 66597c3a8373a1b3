"""Daily runs leave a mark while they are at work; nothing hangs on it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from afterbell.errors import StoreUnavailableError
from afterbell.run.active import COUNTS_FOR, active, at_work
from afterbell.stores.artifacts import ArtifactStore
from tests.clusters.programs import until
from tests.patience import LONG

pytestmark = pytest.mark.services


@pytest.fixture
def store(services: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[ArtifactStore]:
    for name, value in services.env.items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    monkeypatch.setattr("afterbell.run.active._PATIENCE", LONG)  # the mark may take its time
    found = ArtifactStore(services.runtime.s3)
    found.ensure_bucket()
    for each in found.list("active/"):  # of runs of other tests, which died
        found.delete(each.key)
    yield found
    for each in found.list("active/"):
        found.delete(each.key)


def now() -> datetime:
    return datetime.now(UTC)


def work(store: ArtifactStore, step: str) -> None:
    """A step that lasts until its mark is made, which happens beside it."""
    with at_work(step, "night", lambda: store):
        until("the mark is made", lambda: active(store, now()))


def test_a_run_is_marked_from_its_first_step_to_the_end_of_its_last(store: ArtifactStore) -> None:
    seen = []
    for step in ("ingest", "validate", "score"):
        work(store, step)
        seen.append(active(store, now()))
    assert seen == [["night"], ["night"], []]


def test_a_run_whose_step_failed_is_not_at_work(store: ArtifactStore) -> None:
    work(store, "ingest")
    with pytest.raises(ZeroDivisionError), at_work("validate", "night", lambda: store):
        raise ZeroDivisionError
    assert active(store, now()) == []


def test_steps_of_a_backfill_leave_no_mark(store: ArtifactStore) -> None:
    before = set(threading.enumerate())
    for step in ("backfill_ingest", "maintain"):
        with at_work(step, "night", lambda: store):
            assert set(threading.enumerate()) <= before, "a mark is made by a thread, which may come late"
    assert active(store, now()) == []


def test_the_mark_of_a_run_that_died_counts_for_half_an_hour(store: ArtifactStore) -> None:
    store.put("active/night.json", b"{}")
    assert active(store, now() + COUNTS_FOR - timedelta(minutes=1)) == ["night"]
    assert active(store, now() + COUNTS_FOR + timedelta(minutes=1)) == []


def test_a_step_does_not_fail_with_the_store_that_its_mark_goes_to() -> None:
    def away() -> ArtifactStore:
        raise StoreUnavailableError("s3 is away")

    with at_work("score", "night", away):
        pass


def test_an_experiment_is_no_daily_run_though_its_steps_have_the_same_names(store: ArtifactStore) -> None:
    with at_work("features", "experiment_manual_e", lambda: store):
        pass
    work(store, "ingest")  # a mark that is made after it
    assert active(store, now()) == ["night"]
