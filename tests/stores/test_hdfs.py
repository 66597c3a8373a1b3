"""Invariant: a file on HDFS is seen whole or not at all, and read at the version that was listed."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from afterbell.config.runtime import HdfsLocation, Runtime
from afterbell.errors import (
    ConfigError,
    ObjectChangedError,
    ObjectMissingError,
    ObjectRefusedError,
    StoreConfigError,
    StoreUnavailableError,
)
from afterbell.stores.hdfs import HdfsDropStore
from afterbell.stores.protocols import StoredObject
from afterbell.stores.retry import Retry
from tests.patience import LONG
from tests.stores.conftest import Scripted, hdfs_at

HASTY = Retry(attempts=3, first_pause=0.01)
SAFE_MODE = json.dumps(
    {
        "RemoteException": {
            "exception": "RetriableException",
            "javaClassName": "org.apache.hadoop.ipc.RetriableException",
            "message": "org.apache.hadoop.hdfs.server.namenode.SafeModeException: Name node is in safe mode.",
        }
    }
).encode()
LISTING = json.dumps(
    {
        "DirectoryListing": {
            "partialListing": {
                "FileStatuses": {
                    "FileStatus": [{"pathSuffix": "a", "type": "FILE", "length": 3, "modificationTime": 17}]
                }
            },
            "remainingEntries": 0,
        }
    }
).encode()


@pytest.fixture
def store(runtime: Runtime) -> HdfsDropStore:
    found = HdfsDropStore(runtime.hdfs, HASTY)
    found.ensure_root()
    return found


def ask(location: HdfsLocation, method: str, op: str, path: str, **params: str) -> dict[str, Any]:
    """WebHDFS without the code under test."""
    address = f"{location.url}/webhdfs/v1{location.root}{path}"
    given = {"op": op, "user.name": location.user, **params}
    answer = requests.request(method, address, params=given, headers={"Cookie": location.cookie}, timeout=LONG)
    answer.raise_for_status()
    found: dict[str, Any] = answer.json() if answer.content else {}
    return found


@pytest.mark.services
def test_what_is_put_is_listed_and_read_back(store: HdfsDropStore, runtime: Runtime) -> None:
    put = store.put("reports/2026/20260630.csv.gz", b"some bytes")
    status = ask(runtime.hdfs, "GET", "GETFILESTATUS", "/reports/2026/20260630.csv.gz")["FileStatus"]
    assert put == StoredObject("hdfs", "reports/2026/20260630.csv.gz", 10, f"10-{status['modificationTime']}")
    assert list(store.list("reports/")) == [put]
    assert store.read(put) == b"some bytes"
    assert put.modified == datetime.fromtimestamp(status["modificationTime"] / 1000, UTC)


@pytest.mark.services
def test_a_listing_comes_in_the_order_of_keys_and_below_its_prefix(store: HdfsDropStore) -> None:
    for key in ("a/b", "a.txt", "b", "a0", "c d/é+&?#"):
        store.put(key, b"x")
    assert [item.key for item in store.list("")] == ["a.txt", "a/b", "a0", "b", "c d/é+&?#"]
    assert [item.key for item in store.list("a")] == ["a.txt", "a/b", "a0"]
    assert [item.key for item in store.list("a/")] == ["a/b"]
    assert list(store.list("nothing/")) == []
    assert [store.read(item) for item in store.list("c d/")] == [b"x"]


@pytest.mark.services
def test_a_listing_goes_on_past_a_thousand_entries(store: HdfsDropStore, runtime: Runtime) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: ask(runtime.hdfs, "PUT", "MKDIRS", f"/d{n:04}"), range(1005)))
    store.put("z/last", b"x")
    assert [item.key for item in store.list("z")] == ["z/last"]


@pytest.mark.services
def test_until_the_rename_readers_see_what_was_there(
    store: HdfsDropStore, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = HdfsDropStore(runtime.hdfs, HASTY)
    first = store.put("a/drop", b"first")
    seen: list[tuple[list[StoredObject], bytes]] = []
    names: list[str] = []
    call = store._hdfs.call

    def watched(method: str, op: str, path: str, **params: str) -> dict[str, Any]:
        if op == "RENAME":
            seen.append((list(reader.list("")), reader.read(first)))
            statuses = ask(runtime.hdfs, "GET", "LISTSTATUS", "/a")["FileStatuses"]["FileStatus"]
            names.extend(item["pathSuffix"] for item in statuses)
        return call(method, op, path, **params)

    monkeypatch.setattr(store._hdfs, "call", watched)
    second = store.put("a/drop", b"second one")
    assert seen == [([first], b"first")]
    assert len(names) == 2  # the new bytes were there, under a name that no listing shows
    assert list(reader.list("")) == [second]
    assert reader.read(second) == b"second one"
    assert [
        item["pathSuffix"] for item in ask(runtime.hdfs, "GET", "LISTSTATUS", "/a")["FileStatuses"]["FileStatus"]
    ] == ["drop"]


@pytest.mark.services
def test_files_that_are_being_written_are_not_listed(store: HdfsDropStore, runtime: Runtime) -> None:
    for name in ("x.gz._COPYING_", ".x.gz", "_temporary"):
        ask(runtime.hdfs, "PUT", "CREATE", f"/a/{name}")
    assert list(store.list("")) == []
    with pytest.raises(ConfigError, match="no segment starts with"):
        store.put("a/_hidden", b"")


@pytest.mark.services
def test_a_file_that_was_replaced_since_is_not_read(store: HdfsDropStore) -> None:
    listed = store.put("a", b"first")
    store.put("a", b"other")
    with pytest.raises(ObjectChangedError, match="/a was replaced since it was listed: expected version 5-"):
        store.read(listed)


@pytest.mark.services
def test_a_file_that_is_replaced_while_it_is_read_is_not_returned(
    store: HdfsDropStore, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = store.put("a", b"first")
    writer = HdfsDropStore(runtime.hdfs, HASTY)
    opened = store._hdfs.open

    def replaced_meanwhile(path: str, most: int) -> bytes:
        body = opened(path, most)
        writer.put("a", b"other")
        return body

    monkeypatch.setattr(store._hdfs, "open", replaced_meanwhile)
    with pytest.raises(ObjectChangedError, match="was replaced"):
        store.read(listed)


@pytest.mark.services
def test_a_file_that_is_gone_is_missing(store: HdfsDropStore) -> None:
    with pytest.raises(ObjectMissingError, match=r"gone at .*: it does not exist"):
        store.read(StoredObject("hdfs", "gone", 1, "1-1"))


@pytest.mark.services
def test_it_is_known_whether_a_file_holds_some_bytes(store: HdfsDropStore) -> None:
    put = store.put("a", b"first")
    assert store.holds(put, b"first")
    assert not store.holds(put, b"firs!")
    assert not store.holds(put, b"longer")


@pytest.mark.services
def test_a_root_that_is_not_there_is_named(runtime: Runtime) -> None:
    with pytest.raises(StoreConfigError, match=f"root folder {runtime.hdfs.root} is not on HDFS.*check hdfs.root"):
        list(HdfsDropStore(runtime.hdfs, HASTY).list("reports/"))


@pytest.mark.services
def test_a_user_who_may_not_write_is_told_so(store: HdfsDropStore, runtime: Runtime) -> None:
    stranger = HdfsDropStore(replace(runtime.hdfs, user="stranger"), HASTY)
    with pytest.raises(StoreConfigError, match=r"access is denied.*User stranger .* is not authorized"):
        stranger.put("a", b"")


@pytest.mark.services
def test_a_used_up_quota_leaves_nothing_half_written(store: HdfsDropStore, runtime: Runtime) -> None:
    store.put("a", b"first")
    ask(runtime.hdfs, "PUT", "SETQUOTA", "", namespacequota="2", storagespacequota=str(2**40))
    with pytest.raises(StoreUnavailableError, match=r"quota of names is used up.*tried 3 times"):
        store.put("b", b"second")
    statuses = ask(runtime.hdfs, "GET", "LISTSTATUS", "")["FileStatuses"]["FileStatus"]
    assert [item["pathSuffix"] for item in statuses] == ["a"]


@pytest.mark.services
@pytest.mark.parametrize("key", ["../a", "/a", "a//b", "a\\b", "a:b", "a/../../b"])
def test_keys_that_climb_are_refused(store: HdfsDropStore, key: str) -> None:
    with pytest.raises(ConfigError, match="not allowed"):
        store.put(key, b"")


@pytest.mark.services
def test_a_folder_with_a_percent_sign_stands_for_its_files_and_the_others_are_listed(
    store: HdfsDropStore, runtime: Runtime
) -> None:
    good = store.put("prices/2016/b.gz", b"x")
    ask(runtime.hdfs, "PUT", "MKDIRS", "/prices/2015%2520old/deeper")
    odd, listed = store.list("prices/")
    assert (odd.key, listed) == ("prices/2015%20old/", good)
    assert "holds a backslash, a percent sign or a control character; rename it" in odd.refusal
    assert store.read(listed) == b"x"


@pytest.mark.services
def test_a_folder_that_may_not_be_listed_stands_for_its_files_and_a_file_that_may_not_be_read_is_refused(
    store: HdfsDropStore, runtime: Runtime
) -> None:
    store.put("prices/2015/a.gz", b"x")
    store.put("prices/2016/b.gz", b"x")
    ask(runtime.hdfs, "PUT", "SETPERMISSION", "/prices/2015", permission="700")
    ask(runtime.hdfs, "PUT", "SETPERMISSION", "/prices/2016/b.gz", permission="600")
    stranger = HdfsDropStore(replace(runtime.hdfs, user="stranger"), HASTY)
    closed, listed = stranger.list("prices/")
    assert (closed.key, listed.key) == ("prices/2015/", "prices/2016/b.gz")
    assert "the folder was not looked at: access is denied" in closed.refusal
    with pytest.raises(ObjectRefusedError, match=r"prices/2016/b\.gz at .*access is denied"):
        stranger.read(listed)


def listing(*entries: tuple[str, str]) -> bytes:
    statuses = [{"pathSuffix": name, "type": kind, "length": 3, "modificationTime": 17} for name, kind in entries]
    found = {"partialListing": {"FileStatuses": {"FileStatus": statuses}}, "remainingEntries": 0}
    return json.dumps({"DirectoryListing": found}).encode()


def remote(name: str) -> bytes:
    return json.dumps({"RemoteException": {"exception": name, "message": "told by the script"}}).encode()


@pytest.mark.parametrize("name", ["2015%20old", "20\\15", "20\t15", "a" * 1100])
def test_a_folder_that_no_key_can_name_is_never_asked_for(scripted: Callable[..., Scripted], name: str) -> None:
    server = scripted((200, listing((name, "DIRECTORY"), ("b", "FILE"))))
    keys = {item.key: item.refusal for item in HdfsDropStore(hdfs_at(server.url), HASTY).list("")}
    assert set(keys) == {f"{name}/", "b"}
    assert "rename it" in keys[f"{name}/"]
    assert len(server.requests) == 1


def test_a_folder_that_is_removed_while_the_listing_goes_on_ends_nothing(scripted: Callable[..., Scripted]) -> None:
    server = scripted(
        (200, listing(("a", "DIRECTORY"), ("b", "DIRECTORY"))),
        (404, remote("FileNotFoundException")),
        (200, listing(("c", "FILE"))),
    )
    assert [item.key for item in HdfsDropStore(hdfs_at(server.url), HASTY).list("")] == ["b/c"]


def test_a_folder_whose_pages_repeat_is_an_error(scripted: Callable[..., Scripted]) -> None:
    again = listing(("a", "FILE")).replace(b'"remainingEntries": 0', b'"remainingEntries": 7')
    server = scripted((200, again))
    with pytest.raises(StoreConfigError, match=r"hdfs /feed at .*repeats its"):
        list(HdfsDropStore(hdfs_at(server.url), HASTY).list(""))
    assert len(server.requests) == 2


@pytest.mark.services
def test_a_file_that_has_grown_since_it_was_listed_is_not_read_whole(store: HdfsDropStore) -> None:
    listed = store.put("a", b"first")
    store.put("a", bytes(100_000))
    assert store._hdfs.open("/" + store._root + "/a", listed.size + 1) == bytes(6)
    with pytest.raises(ObjectChangedError, match="was replaced"):
        store.read(listed)


def test_a_refusal_of_the_user_is_no_refusal_of_a_folder(scripted: Callable[..., Scripted]) -> None:
    server = scripted((200, listing(("a", "DIRECTORY"))), (401, remote("SecurityException")))
    with pytest.raises(StoreConfigError, match=r"check hdfs\.user"):
        list(HdfsDropStore(hdfs_at(server.url), HASTY).list(""))


def test_safe_mode_is_waited_for(scripted: Callable[..., Scripted]) -> None:
    server = scripted((403, SAFE_MODE), (403, SAFE_MODE), (200, LISTING))
    assert list(HdfsDropStore(hdfs_at(server.url), HASTY).list("")) == [StoredObject("hdfs", "a", 3, "3-17")]


def test_safe_mode_for_ever_ends_after_the_attempts(scripted: Callable[..., Scripted]) -> None:
    server = scripted((403, SAFE_MODE))
    with pytest.raises(StoreUnavailableError, match=r"Name node is in safe mode.*tried 3 times"):
        list(HdfsDropStore(hdfs_at(server.url), HASTY).list(""))
    assert len(server.requests) == 3


def test_a_namenode_that_is_down_is_retryable() -> None:
    with pytest.raises(StoreUnavailableError, match=r"hdfs /feed at http://127.0.0.1:9: no answer"):
        list(HdfsDropStore(hdfs_at("http://127.0.0.1:9"), HASTY).list(""))


def test_an_answer_of_something_else_is_a_wrong_address(scripted: Callable[..., Scripted]) -> None:
    server = scripted((200, b"<html>Welcome</html>"))
    with pytest.raises(StoreConfigError, match="is not WebHDFS's: '<html>Welcome"):
        list(HdfsDropStore(hdfs_at(server.url), HASTY).list(""))


@pytest.mark.parametrize("url", ["namenode:9870", "hdfs://namenode:8020", "http://"])
def test_an_address_that_is_not_webhdfs_is_refused(url: str) -> None:
    with pytest.raises(StoreConfigError, match="write it like http://namenode:9870"):
        HdfsDropStore(hdfs_at(url))


@pytest.mark.parametrize("root", ["feed", "/feed/../etc", "/"])
def test_a_root_that_is_no_folder_is_refused(root: str) -> None:
    with pytest.raises((StoreConfigError, ConfigError), match=r"absolute path|not allowed"):
        HdfsDropStore(replace(hdfs_at("http://namenode:9870"), root=root))
