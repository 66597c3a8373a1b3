"""Real stores with a bucket and a folder for each test, and a server that answers by script."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pytest

from afterbell.config.runtime import HdfsLocation, Runtime, S3Location
from tests.conftest import Services

_NUMBERS = itertools.count()


@pytest.fixture
def runtime(services: Services, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runtime]:
    """Names of buckets and of a root folder that nothing else uses; none of them is there yet."""
    for name, value in services.env.items():
        monkeypatch.setenv(name, value)
    number = next(_NUMBERS)
    found = services.runtime
    s3 = replace(found.s3, feed_bucket=f"feed-{number}", artifact_bucket=f"artifacts-{number}")
    yield replace(found, s3=s3, hdfs=replace(found.hdfs, root=f"{found.hdfs.root}/test-{number}"))
    # Every bucket takes volumes of its own from SeaweedFS: without this they run out after a few tests.
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", services.env["AWS_ACCESS_KEY_ID"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", services.env["AWS_SECRET_ACCESS_KEY"])
    _drop_buckets(s3)


def _drop_buckets(s3: S3Location) -> None:
    client = boto3.session.Session().client("s3", endpoint_url=s3.endpoint, region_name=s3.region)
    there = {item["Name"] for item in client.list_buckets()["Buckets"]}
    for bucket in there & {s3.feed_bucket, s3.artifact_bucket}:
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            keys = [{"Key": item["Key"]} for item in page.get("Contents", [])]
            if keys:
                client.delete_objects(Bucket=bucket, Delete={"Objects": keys})
        client.delete_bucket(Bucket=bucket)


@dataclass
class Scripted:
    """A server on this machine that gives one answer after another, the last one for ever.

    Attributes:
        url: its address.
        answers: (status, body) each; a status of 0 closes the connection without an answer.
        requests: method and path of what came in.
        cut: the method whose first answer breaks off in the middle of its body.
    """

    url: str
    answers: list[tuple[int, bytes]]
    requests: list[str] = field(default_factory=list)
    cut: str = ""


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Scripted]]:
    """Start a `Scripted` server with the answers given; the keys it is asked with are not checked."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "anyone")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-secret")
    running: list[ThreadingHTTPServer] = []

    def start(*answers: tuple[int, bytes]) -> Scripted:
        found = Scripted("", list(answers))

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                found.requests.append(f"{self.command} {self.path}")
                status, body = found.answers[0] if len(found.answers) == 1 else found.answers.pop(0)
                self.close_connection = True
                if status == 0:
                    return
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Connection", "close")
                self.end_headers()
                if self.command == found.cut:
                    found.cut = ""
                    self.wfile.write(body[: len(body) // 2])
                elif self.command != "HEAD":
                    self.wfile.write(body)

            do_GET = do_PUT = do_HEAD = do_POST = answer  # noqa: N815 - http.server's names

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002, ARG002 - its signature
                return

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        found.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        running.append(server)
        return found

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


def s3_at(url: str) -> S3Location:
    return S3Location(url, "us-east-1", "feed", "artifacts")


def hdfs_at(url: str) -> HdfsLocation:
    return HdfsLocation(url, "afterbell", "/feed")
