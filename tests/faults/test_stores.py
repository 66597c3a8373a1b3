"""Rows 39, 40, 43 and 44: stores that are slow, away, full or closed to us. Real S3 and HDFS behind a proxy."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from afterbell.errors import (
    CredentialsExpiredError,
    ObjectMissingError,
    PermanentError,
    StoreConfigError,
    StoreUnavailableError,
)
from afterbell.stores.hdfs import HdfsDropStore
from afterbell.stores.preflight import check_stores
from afterbell.stores.protocols import DropStore
from afterbell.stores.retry import Retry, Timeouts
from afterbell.stores.s3 import S3DropStore
from tests.conftest import Services
from tests.faults.conftest import CALM, HASTY, SLOW_DOWN, Clock, Stage, dfsadmin, exception, patient
from tests.faults.proxy import FOR_EVER, Action, Answer, Cut, Pass, Proxy, Reset, Stall
from tests.patience import LONG

pytestmark = pytest.mark.services
BODY = bytes(range(256)) * 400  # 100 kB: more than one piece on the wire
AT_ONCE = 8
EXPIRED = b"<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>"
Kind = str
both = pytest.mark.parametrize("kind", ["s3", "hdfs"])
PASSING: dict[str, Action] = {
    "reset": Reset(),
    "no answer in time": Stall(),
    "broken off": Cut(1000),
    "short": Cut(1000, honest=True),
}


def drops(stage: Stage, kind: Kind, retry: Retry | None = None, timeouts: Timeouts = CALM) -> DropStore:
    return stage.s3_drops(retry, timeouts) if kind == "s3" else stage.hdfs_drops(retry, timeouts)


def script(stage: Stage, kind: Kind) -> Proxy:
    return stage.s3 if kind == "s3" else stage.hdfs


def test_row_39_slow_down_is_tried_again_until_the_store_has_recovered(stage: Stage) -> None:
    store = stage.s3_drops()
    put = store.put(f"{stage.prefix}a", BODY)
    stage.s3.on("^GET .*/a", Answer(503, SLOW_DOWN), times=5)
    assert store.read(put) == BODY
    assert len(stage.s3.script.matching("^GET .*/a")) == 6


def test_row_39_pauses_grow_and_keep_the_time_that_the_store_asks_for(stage: Stage, clock: Clock) -> None:
    store = stage.s3_drops(Retry(first_pause=0.01))
    put = store.put(f"{stage.prefix}a", BODY)
    stage.s3.on("^GET .*/a", Answer(503, SLOW_DOWN, (("Retry-After", "1"),)), times=3)
    assert store.read(put) == BODY
    assert [1.0 <= pause <= most for pause, most in zip(clock.pauses, (1.01, 1.02, 1.04), strict=True)] == [True] * 3


@both
@pytest.mark.parametrize("fault", PASSING)
def test_row_39_a_read_that_breaks_is_tried_again_from_the_start(stage: Stage, kind: Kind, fault: str) -> None:
    put = drops(stage, kind).put(f"{stage.prefix}a", BODY)
    store = drops(stage, kind, timeouts=HASTY if fault == "no answer in time" else CALM)
    # On HDFS the bytes come from a DataNode, whose address names the NameNode.
    script(stage, kind).on("^GET .*/a([?].*namenoderpcaddress|$|[?]x-id)", PASSING[fault], times=2)
    assert store.read(put) == BODY


@both
@pytest.mark.parametrize("fault", ["reset", "no answer in time"])
def test_row_39_a_write_whose_answer_is_lost_is_written_again_whole(stage: Stage, kind: Kind, fault: str) -> None:
    lost = Reset(landed=True) if fault == "reset" else Stall(landed=True)
    pattern = "^PUT .*/a$" if kind == "s3" else "^PUT .*RENAME"
    script(stage, kind).on(pattern, lost)
    store = drops(stage, kind, timeouts=CALM if fault == "reset" else HASTY)
    put = store.put(f"{stage.prefix}a", BODY)
    assert [found.key for found in store.list(stage.prefix)] == [f"{stage.prefix}a"]
    assert store.read(put) == BODY


@both
def test_row_39_a_throttled_listing_goes_on(stage: Stage, kind: Kind) -> None:
    store = drops(stage, kind)
    put = store.put(f"{stage.prefix}a", b"x")
    pattern = "^GET .*list-type=2" if kind == "s3" else "^GET .*LISTSTATUS_BATCH"
    proxy = script(stage, kind)
    proxy.on(pattern, Answer(503, SLOW_DOWN), times=2)
    proxy.on(pattern, Reset())
    assert list(store.list(stage.prefix)) == [put]


@both
def test_row_39_tries_end_before_the_deadline_and_say_how_often(stage: Stage, kind: Kind, clock: Clock) -> None:
    script(stage, kind).on("^GET ", Answer(503, SLOW_DOWN), times=FOR_EVER)
    began = clock.instant
    with pytest.raises(StoreUnavailableError, match=r"tried \d+ times, the cut-off is 2016-06-30 21:00:01") as caught:
        list(drops(stage, kind, patient(1.0, began)).list(stage.prefix))
    # No pause is longer than 0.05 s, and only one that would pass the cut-off is not made.
    assert timedelta(seconds=0.95) <= clock.instant - began < timedelta(seconds=1)
    tries = len(script(stage, kind).script.requests)
    assert tries == len(clock.pauses) + 1 >= 20
    assert f"tried {tries} times" in str(caught.value)


@both
def test_row_39_past_the_deadline_nothing_is_tried_twice(stage: Stage, kind: Kind) -> None:
    script(stage, kind).on("^GET ", Answer(503, SLOW_DOWN), times=FOR_EVER)
    with pytest.raises(StoreUnavailableError, match="tried once"):
        list(drops(stage, kind, patient(-1)).list(stage.prefix))
    assert len(script(stage, kind).script.requests) == 1


@both
def test_row_39_many_readers_stay_within_the_bound_of_requests_at_once(stage: Stage, kind: Kind) -> None:
    store = drops(stage, kind)
    put = store.put(f"{stage.prefix}a", BODY)
    proxy = script(stage, kind)
    two = threading.Barrier(2)
    proxy.on("^GET ", Pass(before=lambda: two.wait(LONG)), times=2)  # the first waits for another beside it
    proxy.on("^GET ", Answer(503, SLOW_DOWN), times=12)
    together = threading.Barrier(24)

    def read(_: int) -> bool:
        together.wait(LONG)
        return store.read(put) == BODY

    with ThreadPoolExecutor(24) as pool:
        assert all(pool.map(read, range(24)))
    # HDFS: as many to the NameNode, and as many to the one DataNode.
    assert 1 < proxy.script.most_at_once <= (AT_ONCE if kind == "s3" else 2 * AT_ONCE)


@both
def test_row_40_a_listed_drop_that_is_gone_is_data_loss_and_not_tried_again(stage: Stage, kind: Kind) -> None:
    store = drops(stage, kind)
    put = store.put(f"{stage.prefix}a", BODY)
    if kind == "s3":
        S3DropStore(stage.direct.s3)._bucket.client.delete_object(Bucket="faults-feed", Key=put.key)
    else:
        stage.webhdfs("DELETE", "DELETE", put.key)
    with pytest.raises(ObjectMissingError, match=f"{put.key}.*does not exist") as caught:
        store.read(put)
    assert isinstance(caught.value, PermanentError)
    assert len(script(stage, kind).script.matching("^GET .*/a([?].*OPEN|$|[?]x-id)")) == 1


@pytest.fixture
def keys_file(services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Credentials from a shared file, as a person's or a machine's agent renews them."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    path = tmp_path / "credentials"
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(path))

    def write(access: str, secret: str) -> None:
        path.write_text(f"[default]\naws_access_key_id = {access}\naws_secret_access_key = {secret}\n")

    return write


def test_row_43_expired_credentials_are_renewed_once_and_the_request_goes_on(
    stage: Stage, services: Services, keys_file: Callable[[str, str], None]
) -> None:
    keys_file("OLDKEY", "old-secret")
    store = stage.s3_drops()
    stage.s3.on("", Answer(400, EXPIRED), header="OLDKEY", times=FOR_EVER)
    keys_file(services.endpoints.access_key, services.endpoints.secret_key)
    put = store.put(f"{stage.prefix}a", BODY)
    assert store.read(put) == BODY
    assert len(stage.s3.script.requests) == 4  # the refused one, that again, the write, the read


def test_row_43_credentials_that_stay_expired_fail_after_one_renewal(
    stage: Stage, keys_file: Callable[[str, str], None]
) -> None:
    keys_file("OLDKEY", "canary-secret")
    stage.s3.on("", Answer(400, EXPIRED), times=FOR_EVER)
    with pytest.raises(CredentialsExpiredError, match=r"have expired.*renew them") as caught:
        list(stage.s3_drops().list(""))
    assert len(stage.s3.script.requests) == 2
    assert isinstance(caught.value, PermanentError)
    assert "canary" not in str(caught.value)


def test_row_43_access_denied_fails_at_once(stage: Stage) -> None:
    denied = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
    stage.s3.on("list-type", Answer(403, denied), times=FOR_EVER)
    with pytest.raises(StoreConfigError, match=r"s3://faults-feed/.*access is denied"):
        list(stage.s3_drops().list(""))
    assert len(stage.s3.script.requests) == 1
    stranger = HdfsDropStore(replace(stage.through.hdfs, user="stranger"), patient(), CALM)
    with pytest.raises(StoreConfigError, match=r"access is denied.*User stranger .* is not authorized"):
        stranger.put(f"{stage.prefix}a", b"")
    assert len(stage.hdfs.script.matching("noredirect")) == 1


def test_row_43_a_key_that_s3_does_not_know_fails_at_once(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "canary-key")
    with pytest.raises(StoreConfigError, match="check AWS_ACCESS_KEY_ID") as caught:
        list(stage.s3_drops().list(""))
    assert len(stage.s3.script.requests) == 1
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("setting", ["s3.feed_bucket", "s3.artifact_bucket", "hdfs.root"])
def test_row_43_a_wrong_place_is_found_before_the_work_and_names_its_setting(stage: Stage, setting: str) -> None:
    check_stores(stage.through)
    right = stage.through
    wrong = {
        "s3.feed_bucket": replace(right, s3=replace(right.s3, feed_bucket="no-such-bucket")),
        "s3.artifact_bucket": replace(right, s3=replace(right.s3, artifact_bucket="no-such-bucket")),
        "hdfs.root": replace(right, hdfs=replace(right.hdfs, root="/no/such/folder")),
    }[setting]
    before = len(stage.s3.script.requests)
    with pytest.raises(StoreConfigError, match=f"no.such.*check {setting} in include/config/platform.yaml"):
        check_stores(wrong)
    assert all(request.startswith("HEAD ") for request in stage.s3.script.requests[before:])  # nothing is made


def test_row_44_safe_mode_is_waited_out_and_the_write_goes_on(stage: Stage, services: Services) -> None:
    store = stage.hdfs_drops()
    store.put(f"{stage.prefix}old", b"old")
    dfsadmin(services, "-safemode", "enter")
    try:
        left = threading.Thread(target=dfsadmin, args=(services, "-safemode", "leave"))
        # The second refusal starts the operator.
        stage.hdfs.on("CREATE", Pass(after=left.start), skip=1)
        put = store.put(f"{stage.prefix}a", BODY)
        left.join()
    finally:
        dfsadmin(services, "-safemode", "leave")
    assert store.read(put) == BODY
    assert stage.names(stage.prefix) == ["a", "old"]


def test_row_44_a_namenode_that_stays_away_fails_at_the_cut_off_and_is_named(stage: Stage) -> None:
    address = stage.hdfs.url
    stage.hdfs.__exit__()
    with pytest.raises(StoreUnavailableError, match=rf"at {address}: no answer .*tried .*, the cut-off is"):
        list(stage.hdfs_drops(patient(0.5)).list(stage.prefix))


def test_row_44_a_namenode_that_comes_back_is_found_again(stage: Stage) -> None:
    store = stage.hdfs_drops()
    put = store.put(f"{stage.prefix}a", BODY)
    stage.hdfs.on("GETFILESTATUS|OPEN", Reset(), times=2)
    stage.hdfs.on("OPEN", Answer(403, exception("StandbyException")), times=2)
    assert store.read(put) == BODY


@pytest.mark.parametrize("quota", ["names", "space"])
def test_row_44_a_used_up_quota_is_waited_for_until_an_operator_raises_it(stage: Stage, quota: str) -> None:
    store = stage.hdfs_drops()
    store.put(f"{stage.prefix}old", b"old")
    limit(stage, quota)
    stage.hdfs.on("^DELETE", Pass(after=lambda: limit(stage, "none")), skip=1)
    put = store.put(f"{stage.prefix}a", BODY)
    assert store.read(put) == BODY
    assert stage.names(stage.prefix) == ["a", "old"]


@pytest.mark.parametrize("quota", ["names", "space"])
def test_row_44_a_quota_that_stays_used_up_fails_with_nothing_half_written(stage: Stage, quota: str) -> None:
    store = stage.hdfs_drops()
    old = store.put(f"{stage.prefix}old", b"old")
    limit(stage, quota)
    with pytest.raises(StoreUnavailableError, match=rf"quota of {quota} is used up.*tried .*, the cut-off is"):
        stage.hdfs_drops(patient(1.0)).put(old.key, BODY)
    assert stage.names(stage.prefix) == ["old"]
    assert store.read(old) == b"old"


def test_row_44_no_room_on_any_datanode_fails_with_nothing_half_written(stage: Stage) -> None:
    full = exception("IOException", "could only be written to 0 of the 1 minReplication nodes")
    stage.hdfs.on("^PUT .*namenoderpcaddress", Answer(403, full), times=FOR_EVER)
    store = stage.hdfs_drops(patient(0.5))
    stage.webhdfs("PUT", "MKDIRS", stage.prefix)
    with pytest.raises(StoreUnavailableError, match="could only be written to 0 of the 1"):
        store.put(f"{stage.prefix}a", BODY)
    assert stage.names(stage.prefix) == []


def limit(stage: Stage, quota: str) -> None:
    names, space = {"none": ("-1", "-1"), "names": ("2", "-1"), "space": ("-1", "1000")}[quota]
    stage.webhdfs("PUT", "SETQUOTA", stage.prefix, namespacequota=names, storagespacequota=space)
