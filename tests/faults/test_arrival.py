"""Rows 6, 10 and 16: uploads under way, objects replaced under the reader's hands, listings of many pages."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import boto3
import pytest

from afterbell.errors import ObjectChangedError, RetryableError
from afterbell.ingest.fetch import read_newest
from afterbell.sources.arrival import complete
from afterbell.sources.source import Source, load_source
from afterbell.stores.factory import drop_store
from afterbell.stores.protocols import DropStore, StoredObject, StoreKind
from tests.faults.conftest import SLOW_DOWN, Stage
from tests.faults.proxy import Answer, Pass

pytestmark = pytest.mark.services
both = pytest.mark.parametrize("kind", ["s3", "hdfs"])
FIRST, OTHER = b"first" * 1000, b"other" * 1000  # of one length
PART = 5 * 1024 * 1024  # the least that S3 takes for a part that is not the last
REPLACING = {"s3": "^GET .*/a([?]x-id|$)", "hdfs": "^GET .*namenoderpcaddress"}


def drops(stage: Stage, kind: StoreKind) -> DropStore:
    return stage.s3_drops() if kind == "s3" else stage.hdfs_drops()


def prices(**completion: object) -> Source:
    return Source.model_validate(load_source("us_daily_prices").model_dump() | {"completion": completion})


def s3_client(stage: Stage) -> Any:
    return boto3.client("s3", endpoint_url=stage.direct.s3.endpoint, region_name="us-east-1")


def test_row_06_a_multipart_upload_is_no_object_before_its_end(stage: Stage) -> None:
    store, client = stage.s3_drops(), s3_client(stage)
    place = {"Bucket": "faults-feed", "Key": f"{stage.prefix}20160630.csv.gz"}
    upload = client.create_multipart_upload(**place)["UploadId"]
    etags = [
        client.upload_part(**place, UploadId=upload, PartNumber=number, Body=body)["ETag"]
        for number, body in ((1, b"a" * PART), (2, b"b"))
    ]
    assert list(store.list(stage.prefix)) == []
    parts = [{"ETag": etag, "PartNumber": number} for number, etag in enumerate(etags, 1)]
    client.complete_multipart_upload(**place, UploadId=upload, MultipartUpload={"Parts": parts})
    (found,) = store.list(stage.prefix)
    assert (found.size, store.read(found)) == (PART + 1, b"a" * PART + b"b")


def test_row_06_a_file_that_hadoop_is_copying_is_no_drop_before_its_rename(stage: Stage) -> None:
    store = stage.hdfs_drops()
    path = f"{stage.prefix}20160630.csv.gz"
    stage.webhdfs("PUT", "CREATE", f"{path}._COPYING_")
    assert list(store.list(stage.prefix)) == []
    target = f"{stage.direct.hdfs.root}/{path}"
    stage.webhdfs("PUT", "RENAME", f"{path}._COPYING_", destination=target)
    assert [found.key for found in store.list(stage.prefix)] == [path]


@both
def test_row_06_a_drop_with_a_marker_is_complete_when_its_marker_is_there(stage: Stage, kind: StoreKind) -> None:
    store, source = drops(stage, kind), prices(rule="marker", suffix=".done")
    key = "prices/2016/20160630.csv.gz"

    def seen() -> list[str]:
        # Below the test's own prefix; the source knows its keys without it.
        listed = [
            StoredObject(found.store, found.key.removeprefix(stage.prefix), found.size, found.version, found.modified)
            for found in store.list(stage.prefix)
        ]
        newest = max((found.modified for found in listed if found.modified), default=None)
        assert newest is not None
        return [found.key for found in complete(source, listed, newest)]

    store.put(stage.prefix + key, FIRST)
    assert seen() == []
    store.put(f"{stage.prefix}{key}.done", b"")
    assert seen() == [key]


@both
def test_row_06_a_drop_without_a_marker_is_complete_when_it_has_settled(stage: Stage, kind: StoreKind) -> None:
    store, source = drops(stage, kind), prices(rule="settled", seconds=60)
    store.put(f"{stage.prefix}a", FIRST)
    (listed,) = store.list(stage.prefix)
    assert listed.modified is not None
    found = StoredObject(listed.store, "prices/2016/20160630.csv.gz", listed.size, listed.version, listed.modified)
    assert complete(source, [found], listed.modified + timedelta(seconds=59)) == []
    assert complete(source, [found], listed.modified + timedelta(seconds=60)) == [found]


def replaced(stage: Stage, kind: StoreKind, times: int) -> None:
    """The vendor delivers another body, of the same length, in the middle of each of the next reads."""
    bodies = iter([OTHER, FIRST] * times)
    proxy, key, vendor = (stage.s3 if kind == "s3" else stage.hdfs), f"{stage.prefix}a", drop_store(kind, stage.direct)

    def deliver() -> None:
        vendor.put(key, next(bodies))

    action = Pass(before=deliver) if kind == "s3" else Pass(after=deliver)
    proxy.on(REPLACING[kind], action, times=times)


@both
def test_row_10_an_object_replaced_while_it_is_read_is_noticed_and_never_mixed(stage: Stage, kind: StoreKind) -> None:
    store = drops(stage, kind)
    put = store.put(f"{stage.prefix}a", FIRST)
    replaced(stage, kind, 1)
    with pytest.raises(ObjectChangedError, match="was replaced since it was listed") as caught:
        store.read(put)
    assert isinstance(caught.value, RetryableError)


@both
def test_row_10_the_new_version_is_read_instead(stage: Stage, kind: StoreKind) -> None:
    store = drops(stage, kind)
    put = store.put(f"{stage.prefix}a", FIRST)
    replaced(stage, kind, 1)
    found, body = read_newest(store, put)
    assert body == OTHER
    assert [found] == list(store.list(stage.prefix))
    assert found.version != put.version


@both
def test_row_10_an_object_that_is_replaced_again_and_again_is_given_up(stage: Stage, kind: StoreKind) -> None:
    store = drops(stage, kind)
    put = store.put(f"{stage.prefix}a", FIRST)
    replaced(stage, kind, 9)
    with pytest.raises(ObjectChangedError):
        read_newest(store, put)


def test_row_16_a_listing_of_more_than_a_thousand_keys_has_all_of_them(stage: Stage) -> None:
    store = stage.s3_drops()
    keys = [f"{stage.prefix}{number:04}" for number in range(1003)]
    client = s3_client(stage)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: client.put_object(Bucket="faults-feed", Key=key, Body=b""), keys))
    # The second page is throttled: it alone is asked for again.
    stage.s3.on("continuation-token", Answer(503, SLOW_DOWN))
    assert [found.key for found in store.list(stage.prefix)] == keys
    assert [("continuation-token" in request) for request in stage.s3.script.matching("list-type=2")] == [
        False,
        True,
        True,
    ]


def test_row_16_a_folder_of_more_than_a_thousand_files_has_all_of_them(stage: Stage) -> None:
    # The NameNode gives a thousand names a page; folders are the cheapest thing to have many of.
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: stage.webhdfs("PUT", "MKDIRS", f"{stage.prefix}d{n:04}"), range(1001)))
    store = stage.hdfs_drops()
    store.put(f"{stage.prefix}d1000/last", b"x")
    stage.hdfs.on("LISTSTATUS_BATCH.*startAfter", Answer(503, SLOW_DOWN))
    assert [found.key for found in store.list(f"{stage.prefix}d1")] == [f"{stage.prefix}d1000/last"]
    assert len(stage.hdfs.script.matching("startAfter")) == 2
