"""Invariant: what is read from S3 is the version that was listed; what cannot be read says what to check."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import boto3
import pytest

from afterbell.config.runtime import Runtime
from afterbell.errors import (
    ConfigError,
    ObjectChangedError,
    ObjectMissingError,
    ObjectRefusedError,
    StoreConfigError,
    StoreUnavailableError,
)
from afterbell.stores.protocols import StoredObject
from afterbell.stores.retry import Retry
from afterbell.stores.s3 import S3DropStore
from tests.stores.conftest import Scripted, s3_at

SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
LISTING = b"""<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a</Key><Size>1</Size>
<ETag>"e"</ETag></Contents></ListBucketResult>"""


@pytest.fixture
def store(runtime: Runtime) -> S3DropStore:
    found = S3DropStore(runtime.s3, Retry(2, first_pause=0.01))
    found.ensure_bucket()
    return found


@pytest.mark.services
def test_what_is_put_is_listed_and_read_back(store: S3DropStore) -> None:
    put = store.put("prices/2026/20260630.csv.gz", b"some bytes")
    assert list(store.list("prices/")) == [put]
    # md5sum of "some bytes"
    assert put == StoredObject("s3", "prices/2026/20260630.csv.gz", 10, "9d0568469d206c1aedf1b71f12f474bc")
    assert store.read(put) == b"some bytes"


@pytest.mark.services
def test_a_listing_says_when_an_object_was_written(store: S3DropStore) -> None:
    before = datetime.now(UTC)
    store.put("a", b"x")
    (listed,) = store.list("")
    assert listed.modified is not None
    # S3 tells whole seconds.
    assert before - timedelta(seconds=1) <= listed.modified <= datetime.now(UTC) + timedelta(seconds=1)
    assert listed.modified.utcoffset() == timedelta(0)


@pytest.mark.services
def test_an_empty_object_is_an_object(store: S3DropStore) -> None:
    assert store.read(store.put("empty", b"")) == b""


@pytest.mark.services
def test_a_listing_comes_in_the_order_of_keys_and_below_its_prefix(store: S3DropStore) -> None:
    for key in ("a/b", "a.txt", "a/b/c", "b", "a0"):
        store.put(key, b"x")
    assert [item.key for item in store.list("a")] == ["a.txt", "a/b", "a/b/c", "a0"]
    assert [item.key for item in store.list("a/")] == ["a/b", "a/b/c"]
    assert list(store.list("nothing/")) == []


@pytest.mark.services
def test_a_listing_goes_on_past_a_thousand_keys(store: S3DropStore) -> None:
    keys = [f"k/{number:04}" for number in range(1005)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: store.put(key, b""), keys))
    assert [item.key for item in store.list("k/")] == keys


@pytest.mark.services
def test_an_object_that_was_replaced_since_is_not_read(store: S3DropStore) -> None:
    listed = store.put("a", b"first")
    store.put("a", b"other")
    with pytest.raises(ObjectChangedError, match=r"/a was replaced since it was listed"):
        store.read(listed)


@pytest.mark.services
def test_an_object_that_is_gone_is_missing(store: S3DropStore) -> None:
    with pytest.raises(ObjectMissingError, match=r"/gone at .* does not exist"):
        store.read(StoredObject("s3", "gone", 1, "0" * 32))


@pytest.mark.services
def test_it_is_known_whether_an_object_holds_some_bytes(store: S3DropStore) -> None:
    put = store.put("a", b"first")
    assert store.holds(put, b"first")
    assert not store.holds(put, b"firs!")


@pytest.mark.services
def test_a_key_that_climbs_is_not_written(store: S3DropStore) -> None:
    with pytest.raises(ConfigError, match="not allowed"):
        store.put("../a", b"")


@pytest.mark.services
@pytest.mark.parametrize(
    "use", [lambda s: list(s.list("")), lambda s: s.put("a", b""), lambda s: s.read(StoredObject("s3", "a", 1, "e"))]
)
def test_a_wrong_bucket_is_named_and_never_made(runtime: Runtime, use: Callable[[S3DropStore], object]) -> None:
    location = replace(runtime.s3, feed_bucket="no-such-bucket")
    with pytest.raises(StoreConfigError, match=r"s3://no-such-bucket/.*does not exist: check s3.feed_bucket"):
        use(S3DropStore(location))
    buckets = boto3.client("s3", endpoint_url=location.endpoint, region_name=location.region).list_buckets()
    assert "no-such-bucket" not in {item["Name"] for item in buckets["Buckets"]}


@pytest.mark.services
@pytest.mark.parametrize(
    ("variable", "named"), [("AWS_SECRET_ACCESS_KEY", "the secret key is wrong"), ("AWS_ACCESS_KEY_ID", "not known")]
)
def test_a_wrong_key_says_which_and_not_what(
    store: S3DropStore, runtime: Runtime, monkeypatch: pytest.MonkeyPatch, variable: str, named: str
) -> None:
    monkeypatch.setenv(variable, "canary-of-a-key")
    with pytest.raises(StoreConfigError, match=f"{named}.*{variable}") as caught:
        list(S3DropStore(runtime.s3).list(""))
    assert "canary" not in str(caught.value)


def test_missing_keys_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for variable in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(variable, "/nonexistent")
    with pytest.raises(StoreConfigError, match="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"):
        list(S3DropStore(s3_at("http://127.0.0.1:9")).list(""))


def test_an_address_that_is_none_is_refused(scripted: Callable[..., Scripted]) -> None:
    with pytest.raises(StoreConfigError, match=r"127.0.0.1:9"):
        S3DropStore(s3_at("127.0.0.1:9"))


def test_a_store_that_is_down_is_retryable(scripted: Callable[..., Scripted]) -> None:
    with pytest.raises(StoreUnavailableError, match=r"s3://feed/ at http://127.0.0.1:9: no connection"):
        list(S3DropStore(s3_at("http://127.0.0.1:9"), Retry(2, first_pause=0.01)).list(""))


def test_slow_down_is_tried_again(scripted: Callable[..., Scripted]) -> None:
    server = scripted((503, SLOW_DOWN), (0, b""), (200, LISTING))
    assert [item.key for item in S3DropStore(s3_at(server.url)).list("")] == ["a"]
    assert len(server.requests) == 3


def test_slow_down_for_ever_ends_after_the_attempts(scripted: Callable[..., Scripted]) -> None:
    server = scripted((503, SLOW_DOWN))
    with pytest.raises(StoreUnavailableError, match=r"SlowDown \(HTTP 503\)"):
        list(S3DropStore(s3_at(server.url), Retry(2, first_pause=0.01)).list(""))
    assert len(server.requests) == 2


def test_a_body_that_breaks_off_is_read_again(scripted: Callable[..., Scripted]) -> None:
    server = scripted((200, b"whole"))
    server.cut = "GET"
    assert S3DropStore(s3_at(server.url)).read(StoredObject("s3", "a", 5, "e")) == b"whole"
    assert [request.split()[0] for request in server.requests] == ["GET", "GET"]


def refused(code: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>told by the script</Message></Error>".encode()


@pytest.mark.parametrize(
    ("status", "code", "advice"),
    [
        (403, "InvalidObjectState", "the object is archived (InvalidObjectState): restore it"),
        (403, "AccessDenied", "access is denied to this object (AccessDenied)"),
        (400, "KMS.DisabledException", "refused this object (KMS.DisabledException: told by the script)"),
        (405, "MethodNotAllowed", "refused this object (MethodNotAllowed: told by the script)"),
    ],
)
def test_a_refusal_of_one_object_is_not_the_stores(
    scripted: Callable[..., Scripted], status: int, code: str, advice: str
) -> None:
    server = scripted((status, refused(code)))
    with pytest.raises(ObjectRefusedError) as caught:
        S3DropStore(s3_at(server.url)).read(StoredObject("s3", "prices/a", 5, "e"))
    assert caught.value.reason.startswith(advice) or advice in caught.value.reason
    assert "s3://feed/prices/a at" in str(caught.value)
    assert len(server.requests) == 1


@pytest.mark.parametrize("code", ["InvalidAccessKeyId", "SignatureDoesNotMatch", "NoSuchBucket", "AllAccessDisabled"])
def test_a_refusal_of_whoever_asks_or_of_the_bucket_is_the_stores(scripted: Callable[..., Scripted], code: str) -> None:
    server = scripted((403, refused(code)))
    with pytest.raises(StoreConfigError) as caught:
        S3DropStore(s3_at(server.url)).read(StoredObject("s3", "prices/a", 5, "e"))
    assert not isinstance(caught.value, ObjectRefusedError)


def test_a_listing_that_is_denied_is_the_stores_refusal(scripted: Callable[..., Scripted]) -> None:
    with pytest.raises(StoreConfigError, match="check what the key may do with this bucket") as caught:
        list(S3DropStore(s3_at(scripted((403, refused("AccessDenied"))).url)).list("prices/"))
    assert not isinstance(caught.value, ObjectRefusedError)


def page(key: str, token: str = "", *, more: bool = True) -> tuple[int, bytes]:
    entry = f'<Contents><Key>{key}</Key><Size>1</Size><ETag>"e"</ETag></Contents>' if key else ""
    going = f"<NextContinuationToken>{token}</NextContinuationToken>" if token else ""
    truncated = str(more).lower()
    return 200, f"<ListBucketResult><IsTruncated>{truncated}</IsTruncated>{entry}{going}</ListBucketResult>".encode()


def test_pages_are_followed_to_the_last_one_empty_ones_among_them(scripted: Callable[..., Scripted]) -> None:
    server = scripted(page("a", "1"), page("", "2"), page("", "3"), page("b", more=False))
    assert [item.key for item in S3DropStore(s3_at(server.url)).list("")] == ["a", "b"]
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    ("pages", "told"),
    [
        ([page("a", "1"), page("b", "1")], "repeats its continuation token '1' after 1 pages"),
        ([page("a", "1"), page("b", "2"), page("c", "1")], "repeats its continuation token '1' after 2 pages"),
        ([page("a", "1"), page("a", "2")], "repeats its page, beginning with 'a'"),
        ([page("a")], "says that there is more, and gives no continuation token"),
    ],
)
def test_a_listing_that_leads_to_no_end_is_an_error(
    scripted: Callable[..., Scripted], pages: list[tuple[int, bytes]], told: str
) -> None:
    server = scripted(*pages)
    with pytest.raises(StoreConfigError, match=told) as caught:
        list(S3DropStore(s3_at(server.url)).list("prices/"))
    assert "s3://feed/prices/ at http://127.0.0.1" in str(caught.value)
    assert len(server.requests) == len(pages)


@pytest.mark.parametrize("body", [b"longer", b"shor"])
def test_an_object_of_another_size_than_listed_is_not_taken(scripted: Callable[..., Scripted], body: bytes) -> None:
    with pytest.raises(StoreUnavailableError, match="expected 5 bytes, found"):
        S3DropStore(s3_at(scripted((200, body)).url), Retry(1)).read(StoredObject("s3", "a", 5, "e"))


@pytest.mark.parametrize(
    ("answers", "requests"),
    [([(200, b"")], ["HEAD /feed"]), ([(404, b""), (200, b"")], ["HEAD /feed", "PUT /feed"])],
)
def test_a_bucket_that_is_there_needs_no_key_that_may_make_one(
    scripted: Callable[..., Scripted], answers: list[tuple[int, bytes]], requests: list[str]
) -> None:
    server = scripted(*answers)
    S3DropStore(s3_at(server.url)).ensure()
    assert server.requests == requests


def test_a_bucket_that_the_key_may_not_use_is_not_made_anew(scripted: Callable[..., Scripted]) -> None:
    server = scripted((403, b""))
    with pytest.raises(StoreConfigError, match="access is denied"):
        S3DropStore(s3_at(server.url)).ensure()
    assert server.requests == ["HEAD /feed"]
