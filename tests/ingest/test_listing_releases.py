"""A person's word about held bars of a symbol, on a real S3."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from afterbell.errors import ConfigError, DigestMismatchError, ObjectMissingError
from afterbell.ingest.listing_releases import hold_id, open_holds, read_releases, release_listing
from afterbell.stores.artifacts import ArtifactStore

BUCKET = "listing-release-tests"
DAY = date(2016, 6, 9)
HELD = {("NEE", DAY), ("BRK.B", date(2016, 6, 10))}


@pytest.fixture
def store(services: Any, monkeypatch: pytest.MonkeyPatch) -> ArtifactStore:
    for name, value in (services.env | {"AFTERBELL_ARTIFACT_BUCKET": BUCKET}).items():
        monkeypatch.setenv(name, value)
    found = ArtifactStore(replace(services.runtime.s3, artifact_bucket=BUCKET))
    found.ensure_bucket()
    for item in found.list(""):
        found.delete(item.key)
    return found


@pytest.mark.services
def test_a_release_is_read_back_and_the_first_one_stays(store: ArtifactStore) -> None:
    given, done = release_listing(store, HELD, "NEE", DAY, "ann@desk", "the company sold its main business")
    again, changed = release_listing(store, HELD, "NEE", DAY, "bob@desk", "me too, I say")
    assert (done, changed, again.by) == (True, False, "ann@desk")
    assert read_releases(store) == {("NEE", DAY): given.at}


@pytest.mark.services
@pytest.mark.parametrize("symbol", ["VNO", "../champion", ""])
def test_what_is_not_held_is_answered_with_what_is(store: ArtifactStore, symbol: str) -> None:
    with pytest.raises(ObjectMissingError, match=r"held symbols: BRK\.B from 2016-06-10, NEE from 2016-06-09"):
        release_listing(store, HELD, symbol, DAY, "ann", "it is right")
    assert read_releases(store) == {}


@pytest.mark.services
@pytest.mark.parametrize("reason", ["", "no", "two\nlines", "x" * 501])
def test_a_release_needs_a_reason_of_one_line(store: ArtifactStore, reason: str) -> None:
    with pytest.raises(ConfigError, match="nothing was released: reason"):
        release_listing(store, HELD, "NEE", DAY, "ann", reason)


@pytest.mark.services
def test_a_release_that_was_altered_or_moved_is_named_and_strangers_are_passed_over(store: ArtifactStore) -> None:
    store.put("listings/readme.txt", b"x")
    assert read_releases(store) == {}
    release_listing(store, HELD, "NEE", DAY, "ann", "it is right")
    key = f"listings/2016-06-09/{hold_id('NEE', DAY)}.json"
    body = store.get(key)
    store.put(f"listings/2016-06-09/{hold_id('VNO', DAY)}.json", body)
    with pytest.raises(DigestMismatchError, match="which belongs to"):
        read_releases(store)
    store.put(f"listings/2016-06-09/{hold_id('VNO', DAY)}.json", b"{}")
    with pytest.raises(DigestMismatchError, match="is not the release of a held listing"):
        read_releases(store)


def row(symbol: str, day: int, basis: str, known: int) -> dict[str, Any]:
    at = datetime(2016, 6, known, 20, tzinfo=UTC)
    return {"symbol": symbol, "ex_session": date(2016, 6, day), "basis": basis, "knowledge_time": at}


def test_open_are_the_holds_that_nothing_has_ended() -> None:
    rows = [
        row("A", 1, "held", 1), row("A", 3, "returned", 3),
        row("B", 2, "held", 2), row("B", 2, "released", 4),
        row("C", 2, "held", 2), row("C", 2, "explained", 5), row("C", 6, "held", 6),
        row("D", 1, "held", 7),
    ]  # fmt: skip
    assert [(one["symbol"], one["ex_session"].day) for one in open_holds(reversed(rows))] == [("D", 1), ("C", 6)]
