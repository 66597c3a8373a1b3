"""A store whose process dies is back by itself: on the same address, with everything that it had acknowledged."""

from __future__ import annotations

import itertools
import threading
from typing import Any

import boto3
import psutil
import pytest
import requests

from afterbell.embedded import stack
from afterbell.embedded.process import Supervisor
from tests.patience import LONG

pytestmark = pytest.mark.services
_PAUSE = threading.Event()  # never set: waiting on it is a pause between questions


def program_of(services: Any, service: str, component: str) -> psutil.Process:
    """The program itself, below its guard, once it runs."""
    record = Supervisor(services.folders.services).records()[service]
    (guard,) = [item for item in record.components if item.name == component]
    for _ in range(10 * int(LONG)):
        if found := psutil.Process(guard.pid).children():
            return found[0]
        _PAUSE.wait(0.1)
    raise AssertionError(f"{component} was not started again")


def eventually(action: Any) -> Any:
    for attempt in itertools.count():
        try:
            return action()
        except Exception:
            if attempt > 5 * LONG:
                raise
            _PAUSE.wait(0.2)
    return None


def test_s3_is_back_on_its_address_with_its_objects(services: Any) -> None:
    client = boto3.client(
        "s3", endpoint_url=services.endpoints.s3_url, region_name="us-east-1",
        aws_access_key_id=services.endpoints.access_key, aws_secret_access_key=services.endpoints.secret_key,
    )  # fmt: skip
    bucket = services.runtime.s3.artifact_bucket
    client.put_object(Bucket=bucket, Key="kept/by/restart", Body=b"every byte")
    before = program_of(services, "s3", "weed")
    before.kill()
    before.wait(LONG)
    found = eventually(lambda: client.get_object(Bucket=bucket, Key="kept/by/restart"))
    assert found["Body"].read() == b"every byte"
    eventually(lambda: client.put_object(Bucket=bucket, Key="after/restart", Body=b"new"))
    assert program_of(services, "s3", "weed").pid != before.pid
    assert all(status.healthy for status in stack.status(services.folders))


@pytest.mark.parametrize("component", ["namenode", "datanode"])
def test_hdfs_is_back_on_its_address_with_its_files(services: Any, component: str) -> None:
    hdfs = services.runtime.hdfs
    path, asked = f"{hdfs.root}/kept-{component}", {"user.name": hdfs.user}
    url, head = f"{hdfs.url}/webhdfs/v1{path}", {"Cookie": hdfs.cookie}

    def write(body: bytes) -> None:
        told = requests.put(
            url, params=asked | {"op": "CREATE", "overwrite": "true"}, headers=head, data=body, timeout=LONG
        )
        told.raise_for_status()

    def read() -> bytes:
        told = requests.get(url, params=asked | {"op": "OPEN"}, headers=head, timeout=LONG)
        told.raise_for_status()
        return told.content

    write(b"every byte")
    before = program_of(services, "hdfs", component)
    before.kill()
    before.wait(LONG)
    assert program_of(services, "hdfs", component).pid != before.pid
    assert eventually(read) == b"every byte"
    eventually(lambda: write(b"after"))
    assert read() == b"after"
