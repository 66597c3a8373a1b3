"""Invariant: of several writers of one pointer exactly one wins, and a lost answer is never taken for a lost race."""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.response import StreamingBody

from afterbell.config.runtime import Runtime
from afterbell.errors import (
    ConfigError,
    ObjectMissingError,
    ObjectTooLargeError,
    PreconditionFailedError,
    StoreConfigError,
    StoreUnavailableError,
    UnknownOutcomeError,
)
from afterbell.stores.artifacts import ArtifactStore
from afterbell.stores.retry import Retry
from afterbell.stores.s3_client import read_at_most
from tests.patience import LONG
from tests.stores.conftest import Scripted, s3_at

WRITERS = 8
CONFLICT = b"<Error><Code>PreconditionFailed</Code></Error>"


@pytest.fixture
def store(runtime: Runtime) -> ArtifactStore:
    found = ArtifactStore(runtime.s3, Retry(2, first_pause=0.01))
    found.ensure_bucket()
    found.ensure_bucket()  # again: nothing to do
    return found


def race(write: Callable[[int], str]) -> list[str | None]:
    """What each writer got when all wrote at the same moment: an ETag, or None for a lost race."""
    together = threading.Barrier(WRITERS)

    def one(number: int) -> str | None:
        together.wait(LONG)
        try:
            return write(number)
        except PreconditionFailedError:
            return None

    with ThreadPoolExecutor(WRITERS) as pool:
        return list(pool.map(one, range(WRITERS)))


@pytest.mark.services
def test_of_racing_writers_of_a_new_pointer_one_wins(store: ArtifactStore) -> None:
    found = race(lambda number: store.put_if_absent("champion.json", f"writer {number}".encode()))
    (winner,) = [number for number, etag in enumerate(found) if etag]
    assert store.get_with_etag("champion.json") == (f"writer {winner}".encode(), found[winner])


@pytest.mark.services
def test_of_racing_writers_that_move_a_pointer_one_wins(store: ArtifactStore) -> None:
    before = store.put("champion.json", b"old")
    found = race(lambda number: store.put_if_match("champion.json", f"writer {number}".encode(), before))
    (winner,) = [number for number, etag in enumerate(found) if etag]
    assert store.get("champion.json") == f"writer {winner}".encode()


@pytest.mark.services
def test_a_pointer_that_is_not_there_cannot_be_moved(store: ArtifactStore) -> None:
    with pytest.raises(PreconditionFailedError, match=r"/champion.json"):
        store.put_if_match("champion.json", b"", "0" * 32)
    assert not store.exists("champion.json")


@pytest.mark.services
def test_artifacts_are_written_listed_copied_and_digested(store: ArtifactStore) -> None:
    body = bytes(range(256)) * 10_000  # more than one piece of a digest
    etag = store.put("releases/r1/model.txt", body)
    assert store.get("releases/r1/model.txt") == body
    assert store.digest("releases/r1/model.txt") == hashlib.sha256(body).hexdigest()
    store.copy("releases/r1/model.txt", "releases/r2/model.txt")
    assert store.digest("releases/r2/model.txt") == hashlib.sha256(body).hexdigest()
    listed = store.list("releases/")
    assert [item.key for item in listed] == ["releases/r1/model.txt", "releases/r2/model.txt"]
    assert (listed[0].size, listed[0].version) == (len(body), etag)


@pytest.mark.services
def test_a_report_is_stored_as_what_a_browser_opens(store: ArtifactStore, runtime: Runtime) -> None:
    store.put("reports/a.html", b"<p>")
    store.put("reports/b", b"?", content_type="text/plain")
    client = boto3.client("s3", endpoint_url=runtime.s3.endpoint, region_name=runtime.s3.region)
    types = [client.head_object(Bucket=store.bucket, Key=key)["ContentType"] for key in ("reports/a.html", "reports/b")]
    assert types == ["text/html", "text/plain"]


@pytest.mark.services
@pytest.mark.parametrize("method", ["get", "get_with_etag", "digest"])
def test_an_artifact_that_is_gone_is_missing(store: ArtifactStore, method: str) -> None:
    with pytest.raises(ObjectMissingError, match=r"gone at .*: the object does not exist"):
        getattr(store, method)("gone")
    with pytest.raises(ObjectMissingError):
        store.copy("gone", "target")


@pytest.mark.services
@pytest.mark.parametrize("method", ["get", "exists", "digest", "list"])
def test_a_wrong_bucket_is_named(runtime: Runtime, method: str) -> None:
    store = ArtifactStore(replace(runtime.s3, artifact_bucket="no-such-bucket"))
    with pytest.raises(StoreConfigError, match=r"s3://no-such-bucket/.*does not exist"):
        getattr(store, method)("a")
    with pytest.raises(StoreConfigError, match=r"s3://no-such-bucket/.*does not exist"):
        store.put_if_absent("a", b"")


@pytest.mark.services
def test_keys_that_climb_are_refused_everywhere(store: ArtifactStore) -> None:
    uses: list[Callable[[], object]] = [
        lambda: store.get("../a"),
        lambda: store.put("/a", b""),
        lambda: store.put_if_absent("a//b", b""),
        lambda: store.copy("a/../b", "c"),
        lambda: store.copy("c", "a\\b"),
        lambda: store.list("../"),
    ]
    for use in uses:
        with pytest.raises(ConfigError, match="not allowed"):
            use()


@pytest.mark.parametrize("answer", [(0, b""), (500, b""), (503, b"")])
def test_a_conditional_write_without_an_answer_is_unknown_and_sent_once(
    scripted: Callable[..., Scripted], answer: tuple[int, bytes]
) -> None:
    server = scripted((200, b""), answer)
    store = ArtifactStore(s3_at(server.url))
    with pytest.raises(UnknownOutcomeError, match="read it again, delete nothing"):
        store.put_if_match("champion.json", b"new", "e")
    assert [request.split("?")[0] for request in server.requests] == [
        "HEAD /artifacts",
        "PUT /artifacts/champion.json",
    ]


def test_a_conditional_write_that_never_left_is_retryable(scripted: Callable[..., Scripted]) -> None:
    with pytest.raises(StoreUnavailableError, match="no connection"):
        ArtifactStore(s3_at("http://127.0.0.1:9"), Retry(1, first_pause=0.01)).put_if_absent("champion.json", b"new")


@pytest.mark.parametrize("status", [409, 412])
def test_a_conflict_is_a_lost_race(scripted: Callable[..., Scripted], status: int) -> None:
    body = CONFLICT if status == 412 else CONFLICT.replace(b"PreconditionFailed", b"ConditionalRequestConflict")
    store = ArtifactStore(s3_at(scripted((200, b""), (status, body)).url))
    with pytest.raises(PreconditionFailedError, match="read it again and decide again"):
        store.put_if_absent("champion.json", b"new")


def test_a_body_that_breaks_off_is_read_again(scripted: Callable[..., Scripted]) -> None:
    server = scripted((200, b""), (200, b"whole"))
    server.cut = "GET"
    store = ArtifactStore(s3_at(server.url), Retry(2, first_pause=0.01))
    assert store.get("a") == b"whole"


def test_a_document_is_read_up_to_its_limit_and_no_further(scripted: Callable[..., Scripted]) -> None:
    store = ArtifactStore(s3_at(scripted((200, b"0123456789")).url), Retry(1))
    assert store.get("releases/r/manifest.json", 10) == b"0123456789"
    with pytest.raises(
        ObjectTooLargeError, match=r"artifacts/releases/r/manifest\.json: expected at most 9 bytes, found 10"
    ):
        store.get("releases/r/manifest.json", 9)
    with pytest.raises(ObjectTooLargeError, match="remove it"):
        store.get_with_etag("champion.json", 9)


def test_a_document_of_no_stated_length_is_read_up_to_its_limit_too() -> None:
    def answer(*pieces: bytes) -> dict[str, Any]:
        return {"Body": StreamingBody(io.BytesIO(b"".join(pieces)), None)}

    assert read_at_most(answer(b"x" * 10), 10) == b"x" * 10
    assert read_at_most(answer(b"x" * 11), 10) is None
    assert read_at_most(answer(bytes(3_000_000)), 3_000_000) == bytes(3_000_000)
    assert read_at_most(answer(bytes(3_000_000)), 2_999_999) is None


def test_the_stores_clock_is_its_own_answers_date(store: ArtifactStore) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    assert before < store.clock() < datetime.now(UTC) + timedelta(seconds=1)
