"""Refusals of drops and their releases, on a real S3."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from afterbell.errors import ConfigError, DigestMismatchError, ObjectMissingError
from afterbell.ingest.refusals import Refusal, listed, read_refusals, refuse, release
from afterbell.ingest.release_drop import main
from afterbell.stores.artifacts import ArtifactStore
from tests.steps import step_args

pytestmark = pytest.mark.services
BUCKET = "refusal-tests"


@pytest.fixture
def store(services, monkeypatch):
    for name, value in (services.env | {"AFTERBELL_ARTIFACT_BUCKET": BUCKET}).items():
        monkeypatch.setenv(name, value)
    found = ArtifactStore(replace(services.runtime.s3, artifact_bucket=BUCKET))
    found.ensure_bucket()
    for item in found.list(""):
        found._bucket.client.delete_object(Bucket=BUCKET, Key=item.key)
    return found


def refusal(version="v1", key="prices/2016/20160629.csv.gz", reasons=("rule coverage: symbol_coverage is 0.3",)):
    return Refusal(
        source="us", store="s3", key=key, version=version, session=date(2016, 6, 29), reasons=reasons, run_id="night",
        at=datetime(2016, 6, 29, 21, tzinfo=UTC),
    )  # fmt: skip


def test_a_refusal_is_read_back_and_the_first_one_of_a_drop_stays(store):
    refuse(store, [refusal(), refusal("v2")])
    refuse(store, [refusal(reasons=("another reason",))])
    held = {each.refusal.version: each for each in read_refusals(store)}
    assert held["v1"].refusal == refusal()
    assert held["v1"].release is None
    assert held["v2"].refusal.id != held["v1"].refusal.id


def test_a_release_is_of_one_version_and_says_who_and_why(store):
    refuse(store, [refusal(), refusal("v2")])
    held, done = release(store, refusal().id, "ann@desk", "a half day that the calendar does not know")
    assert (held.refusal, held.release.by, done) == (refusal(), "ann@desk", True)
    again, changed = release(store, refusal().id, "bob@desk", "me too, I say")
    assert (again.release.by, changed) == ("ann@desk", False)
    refused, released = listed(store)
    assert (len(refused), released) == (2, {refusal().id})


@pytest.mark.parametrize("reason", ["", "no", "two\nlines", "nul\0", "x" * 501])
def test_a_release_needs_a_reason_of_one_line(store, reason):
    refuse(store, [refusal()])
    with pytest.raises(ConfigError, match="nothing was released: reason"):
        release(store, refusal().id, "ann", reason)
    assert listed(store)[1] == frozenset()


@pytest.mark.parametrize("wanted", ["0000000000000000", "../champion", "", "2016-06-29"])
def test_an_unknown_refusal_is_answered_with_those_that_are_held(store, wanted):
    refuse(store, [refusal()])
    with pytest.raises(ObjectMissingError, match=f"refused drops: {refusal().id}"):
        release(store, wanted, "ann", "it is right")


def test_strange_objects_in_the_folder_are_nobodys_refusals(store):
    store.put("refusals/2016-06-29/readme.txt", b"x")
    store.put("refusals/0123456789abcdef.json", b"x")
    assert listed(store) == ({}, frozenset())


def test_a_refusal_that_was_altered_is_named(store):
    store.put("refusals/2016-06-29/0123456789abcdef.json", b"{}")
    with pytest.raises(DigestMismatchError, match=r"refusals/2016-06-29/0123456789abcdef\.json is not the refusal"):
        read_refusals(store)


def test_the_step_of_the_form_releases_in_the_name_of_who_asked(store):
    refuse(store, [refusal()])
    told = {"refusal_id": refusal().id, "reason": "the vendor confirmed it", "by": "ann"}
    args = step_args("release_drop", date(2016, 6, 30), "manual__1", datetime(2190, 1, 1, tzinfo=UTC), told)
    assert main(args).changed is True
    assert main(args).changed is False
    (held,) = read_refusals(store)
    assert (held.release.by, held.release.run_id) == ("ann", "manual__1")
