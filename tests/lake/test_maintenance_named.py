"""What documents in the artifact store name is kept; only folders that none of them needs are listed for removal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from afterbell.errors import PermanentError
from afterbell.lake.maintenance_named import old_signals, read_named, unfinished, unfinished_fits, unneeded
from afterbell.stores.artifacts import ArtifactStore
from tests.conftest import Services

pytestmark = pytest.mark.services
SNAPSHOT = 7_314_982_648_112_345_678  # wider than a double holds
NOW = datetime.now(UTC)
PAST, FUTURE = NOW - timedelta(days=30), NOW + timedelta(days=30)


@pytest.fixture
def store(services: Services, monkeypatch: pytest.MonkeyPatch) -> Iterator[ArtifactStore]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, services.env[name])
    found = ArtifactStore(replace(services.runtime.s3, artifact_bucket="maintenance-named"))
    found.ensure_bucket()
    yield found
    for each in found.list(""):
        found.delete(each.key)


def _put(store: ArtifactStore, key: str, **body: object) -> None:
    store.put(key, json.dumps(body).encode())


def test_numbers_are_found_however_deep_and_as_wide_as_they_are(store: ArtifactStore) -> None:
    _put(
        store, "releases/r/manifest.json", inputs={"tables": [{"snapshot": SNAPSHOT}, {"snapshot": str(SNAPSHOT + 1)}]}
    )
    _put(store, "runs/2026-06-30/x/train.json", candidate_id="c1", oos_snapshot=SNAPSHOT + 2)
    found = read_named(store, PAST)
    assert {SNAPSHOT, SNAPSHOT + 1, SNAPSHOT + 2} <= found.numbers
    assert (found.documents, found.releases) == (2, {"r"})


def test_an_old_run_protects_nothing_and_a_release_of_any_age_does(store: ArtifactStore) -> None:
    _put(store, "releases/r/manifest.json", inputs={"bars_snapshot": SNAPSHOT})
    _put(store, "runs/2026-06-30/x/train.json", oos_snapshot=SNAPSHOT + 2)
    assert read_named(store, FUTURE).numbers == {SNAPSHOT}


@pytest.mark.parametrize(
    "key", ["releases/r/manifest.json", "runs/2026-06-30/x/train.json", "candidates/c/candidate.json"]
)
def test_a_document_that_cannot_be_read_stops_it_all(store: ArtifactStore, key: str) -> None:
    store.put(key, b"\xff{")
    with pytest.raises(PermanentError, match=f"maintenance-named/{key} is not JSON"):
        read_named(store, PAST)


def test_only_old_folders_that_no_release_names_are_unneeded(store: ArtifactStore) -> None:
    _put(store, "releases/r1/manifest.json", candidate_id="served")
    for candidate in ("served", "lost"):
        _put(store, f"candidates/{candidate}/candidate.json", candidate_id=candidate)
        store.put(f"candidates/{candidate}/models/a.txt", b"x")
    for run, release in (("published", "r1"), ("kept", None)):
        _put(store, f"runs/2026-06-30/{run}/publish.json", release_id=release)
        store.put(f"runs/2026-06-30/{run}/report.html", b"x")
    assert unneeded(store, read_named(store, FUTURE), FUTURE) == {
        "candidates/lost": ["candidates/lost/candidate.json", "candidates/lost/models/a.txt"],
        "runs/2026-06-30/kept": ["runs/2026-06-30/kept/publish.json", "runs/2026-06-30/kept/report.html"],
    }
    assert unneeded(store, read_named(store, PAST), PAST) == {}


def test_an_experiment_counts_as_a_whole_and_goes_as_a_whole_after_its_own_time(store: ArtifactStore) -> None:
    _put(store, "experiments/e1/metrics.json", inputs={"bars_snapshot": SNAPSHOT})
    store.put("experiments/e1/report.html", b"x")
    # Runs are kept for less long: what only they name is let go while the experiment still counts.
    _put(store, "runs/2026-06-30/x/train.json", oos_snapshot=SNAPSHOT + 1)
    named = read_named(store, FUTURE, PAST)
    assert named.numbers == {SNAPSHOT}
    assert set(unneeded(store, named, FUTURE, PAST)) == {"runs/2026-06-30/x"}
    later = read_named(store, PAST, FUTURE)
    assert later.numbers == {SNAPSHOT + 1}
    assert unneeded(store, later, PAST, FUTURE) == {
        "experiments/e1": ["experiments/e1/metrics.json", "experiments/e1/report.html"]
    }


def test_what_was_promoted_of_an_experiment_stays_when_it_goes(store: ArtifactStore) -> None:
    _put(store, "releases/r1/manifest.json", candidate_id="c1", inputs={"bars_snapshot": SNAPSHOT})
    _put(store, "experiments/e1/candidates/c1/candidate.json", candidate_id="c1")
    named = read_named(store, FUTURE)
    assert SNAPSHOT in named.numbers
    assert list(unneeded(store, named, FUTURE)) == ["experiments/e1"]


def test_the_audit_trail_of_releases_is_never_taken_away(store: ArtifactStore) -> None:
    _put(store, "audit/20260630T210000.000000Z-0123456789abcdef.json", action="rollback")
    assert unneeded(store, read_named(store, FUTURE), FUTURE) == {}


def test_a_release_that_never_got_its_manifest_goes_when_no_run_can_still_write_it(store: ArtifactStore) -> None:
    _put(store, "releases/2026-06-29-whole/manifest.json", candidate_id="c")
    store.put("releases/2026-06-29-whole/models/a.txt", b"x")
    store.put("releases/2026-06-30-half/models/a.txt", b"x")
    found = unfinished(store, read_named(store, FUTURE), FUTURE)
    assert found == {"releases/2026-06-30-half": ["releases/2026-06-30-half/models/a.txt"]}
    assert unfinished(store, read_named(store, PAST), PAST) == {}  # a publish may be at work on it


def test_results_of_fits_go_when_their_run_can_no_longer_come_back_for_them(store: ArtifactStore) -> None:
    for name in ("a", "b"):
        store.put(f"fits/0123456789abcdef/{name}.fits", b"x")
    keys = [f"fits/0123456789abcdef/{name}.fits" for name in ("a", "b")]
    assert unfinished_fits(store, FUTURE) == {"fits/0123456789abcdef": keys}
    assert unfinished_fits(store, PAST) == {}
    # They are no documents, and no candidate: nothing else of the maintenance looks at them.
    named = read_named(store, FUTURE)
    assert named.documents == 0
    assert unneeded(store, named, FUTURE) == {}


@pytest.mark.parametrize(
    ("key", "body"),
    [
        ("champion.json", {"release_id": "2026-06-30-lost"}),
        ("champion.json", {"release_id": "x", "previous": "2026-06-30-lost"}),
        ("audit/20260630T210000.000000Z-0123456789abcdef.json", {"target": {"release_id": "2026-06-30-lost"}}),
    ],
    ids=["it serves", "it served before", "it served once"],
)
def test_a_release_that_has_lost_its_manifest_keeps_its_files(
    store: ArtifactStore, key: str, body: dict[str, object]
) -> None:
    store.put("releases/2026-06-30-lost/models/a.txt", b"x")
    _put(store, key, **body)
    assert unfinished(store, read_named(store, FUTURE), FUTURE) == {}


def test_an_audit_trail_that_cannot_be_read_keeps_every_release(store: ArtifactStore) -> None:
    store.put("releases/2026-06-30-half/models/a.txt", b"x")
    store.put("audit/20260630T210000.000000Z-0123456789abcdef.json", b"\xff{")
    with pytest.raises(PermanentError, match="is not JSON"):
        unfinished(store, read_named(store, FUTURE), FUTURE)


def test_exported_signals_go_by_their_age_alone_and_whole_sessions_at_a_time(store: ArtifactStore) -> None:
    keys = [f"signals/2026-06-30/r1.{kind}" for kind in ("csv", "parquet")]
    for key in keys:
        store.put(key, b"x")
    assert old_signals(store, FUTURE) == {"signals/2026-06-30": keys}
    assert old_signals(store, PAST) == {}
    assert unneeded(store, read_named(store, FUTURE), FUTURE) == {}
