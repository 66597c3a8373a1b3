"""What libraries say of a store that is away or full is known, and nothing else is taken for it.

The texts are those of real failures: a store behind a closed port, a stopped NameNode, a tmpfs of a few megabytes.
"""

from __future__ import annotations

import errno
import os

import pytest

from afterbell.errors import StoreFullError, StoreUnavailableError
from afterbell.lake.outage import outage_of, room

S3A = (
    "An error occurred while calling o71.load.\n: org.apache.hadoop.fs.s3a.AWSClientIOException: getFileStatus on "
    "s3a://lake/x: com.amazonaws.SdkClientException: Unable to execute HTTP request: Connect to 127.0.0.1:8333 "
    "[/127.0.0.1] failed: Connection refused"
)
ARROW = (
    "When reading information for key 'x' in bucket 'lake': AWS Error NETWORK_CONNECTION during HeadObject operation: "
    "curlCode: 7, Couldn't connect to server"
)
HDFS = (
    "java.net.ConnectException: Call From node1/10.0.0.1 to namenode:8020 failed on connection exception: "
    "java.net.ConnectException: Connection refused"
)
CATALOG = "org.postgresql.util.PSQLException: Connection to db:5432 refused. Check that the hostname is correct"
TASK = (
    'Job aborted due to stage failure: Task 0.3\nTraceback (most recent call last):\n  File "x.py"\n'
    "afterbell.errors.StoreUnavailableError: s3://feed/prices at http://s3: no connection (tried 6 times)\n\tat org.x"
)


@pytest.mark.parametrize(
    ("text", "store"),
    [
        (S3A, "S3"),
        ("AWSStatus500Exception: PUT 0-byte object on x: Status Code: 503; Error Code: SlowDown", "S3"),
        (ARROW, "S3"),
        (HDFS, "HDFS"),
        ("org.apache.hadoop.hdfs.server.namenode.SafeModeException: Cannot create file", "HDFS"),
        (CATALOG, "the lake's catalog"),
    ],
)
def test_a_store_that_is_away_is_named_with_what_was_said(text, store):
    found = outage_of(RuntimeError(text))
    assert type(found) is StoreUnavailableError
    assert str(found).startswith(f"{store} did not answer (")
    assert "./afterbell doctor" in str(found)


def test_the_message_of_a_task_on_an_executor_is_kept():
    found = outage_of(RuntimeError(TASK))
    assert type(found) is StoreUnavailableError
    assert str(found) == "s3://feed/prices at http://s3: no connection (tried 6 times)"


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)),
        RuntimeError("Job aborted due to stage failure: java.io.IOException: No space left on device\n\tat java.base"),
        RuntimeError("[SQLITE_FULL] Insertion failed because the database is full (database or disk is full)"),
        OSError("[Errno 28] Error writing bytes to file. Detail: [errno 28] No space left on device"),
    ],
)
def test_a_full_disk_is_told_with_its_free_bytes_and_what_to_do(error, tmp_path, monkeypatch):
    monkeypatch.setenv("AFTERBELL_LAKE_WAREHOUSE", f"file:{tmp_path}/warehouse")
    found = outage_of(error)
    assert type(found) is StoreFullError
    assert "bytes are free" in str(found)
    assert str(tmp_path) in str(found)
    assert "Free space there" in str(found)


def test_a_full_disk_is_known_behind_another_error():
    behind = RuntimeError("could not write")
    behind.__cause__ = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/lake/x.parquet")
    assert type(outage_of(behind)) is StoreFullError


@pytest.mark.parametrize(
    "text",
    [
        "org.apache.hadoop.hdfs.protocol.DSQuotaExceededException: The DiskSpace quota of /lake is exceeded",
        "File /lake/x could only be written to 0 of the 1 minReplication nodes",
        "AWSServiceIOException: upload part: InsufficientStorage (Service: Amazon S3; Status Code: 507)",
    ],
)
def test_a_store_without_room_is_full_and_not_away(text):
    found = outage_of(RuntimeError(text))
    assert type(found) is StoreFullError
    assert "a store is full" in str(found)


@pytest.mark.parametrize(
    "text",
    [
        "Unable to load AWS credentials from any provider in the chain",
        "AccessDenied (Service: Amazon S3; Status Code: 403; Error Code: AccessDenied)",
        "AWS Error ACCESS_DENIED during PutObject operation",
        "java.io.IOException: Failed to connect to /127.0.0.1:45123",  # an executor, no store
        "PSQLException: ERROR: relation iceberg_tables does not exist",
        "java.lang.OutOfMemoryError: Java heap space",
        "Errno 280 of something",
    ],
)
def test_another_failure_is_no_outage(text):
    assert outage_of(RuntimeError(text)) is None


def test_the_room_of_each_disk_is_told_once_with_the_fullest_first(tmp_path, monkeypatch):
    monkeypatch.setenv("AFTERBELL_LAKE_WAREHOUSE", f"file:{tmp_path}/warehouse")
    monkeypatch.setenv("AFTERBELL_HOME", str(tmp_path))
    monkeypatch.setenv("AFTERBELL_LAKE_CATALOG", f"jdbc:sqlite:{tmp_path}/catalog.db")
    free = [int(part.split(": ")[1].split(" ")[0]) for part in room().split("; ")]
    assert free == sorted(free)
    assert room().count(str(tmp_path)) == 1
