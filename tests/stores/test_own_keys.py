"""A bucket that has keys of its own is asked with those, and the others with the general ones; a wrong one is named."""

from __future__ import annotations

import pytest

from afterbell.config.runtime import Runtime
from afterbell.config.s3_keys import ARTIFACTS, FEED, GENERAL
from afterbell.errors import StoreConfigError
from afterbell.stores.artifacts import ArtifactStore
from afterbell.stores.preflight import check_stores
from afterbell.stores.s3 import S3DropStore

pytestmark = pytest.mark.services


@pytest.fixture
def good(runtime: Runtime, services, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """The keys that S3 takes; the buckets are there, and no variable holds a key yet."""
    S3DropStore(runtime.s3).ensure()
    ArtifactStore(runtime.s3).ensure_bucket()
    for name in GENERAL:
        monkeypatch.setenv(name, "canary-of-a-wrong-key")
    return services.env[GENERAL[0]], services.env[GENERAL[1]]


def give(monkeypatch: pytest.MonkeyPatch, pair: tuple[str, str], keys: tuple[str, str]) -> None:
    for name, value in zip(pair, keys, strict=True):
        monkeypatch.setenv(name, value)


def test_the_feed_is_read_with_its_own_keys(runtime, good, monkeypatch):
    with pytest.raises(StoreConfigError, match="AWS_ACCESS_KEY_ID"):
        list(S3DropStore(runtime.s3).list(""))
    give(monkeypatch, FEED, good)
    assert list(S3DropStore(runtime.s3).list("")) == []


def test_the_artifacts_are_written_with_their_own_keys(runtime, good, monkeypatch):
    give(monkeypatch, ARTIFACTS, good)
    store = ArtifactStore(runtime.s3)
    store.put("a.json", b"{}")
    assert store.get("a.json") == b"{}"


def test_the_check_before_a_step_asks_each_bucket_with_its_own(runtime, good, monkeypatch):
    give(monkeypatch, FEED, good)
    with pytest.raises(StoreConfigError, match=runtime.s3.artifact_bucket):
        check_stores(runtime)


@pytest.mark.parametrize("wrong", FEED)
def test_a_wrong_key_of_the_feed_is_named_by_its_own_variable(runtime, good, monkeypatch, wrong):
    give(monkeypatch, FEED, good)
    monkeypatch.setenv(wrong, "canary-of-a-key")
    with pytest.raises(StoreConfigError, match=wrong) as caught:
        list(S3DropStore(runtime.s3).list(""))
    assert "canary" not in str(caught.value)
