"""Real stores behind fault-injecting proxies."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import pytest
import requests

from afterbell.config.runtime import Runtime
from afterbell.stores.artifacts import ArtifactStore
from afterbell.stores.hdfs import HdfsDropStore
from afterbell.stores.retry import Retry, Timeouts
from afterbell.stores.s3 import S3DropStore
from tests.conftest import Services
from tests.faults.proxy import Proxy
from tests.patience import LONG

_NUMBERS = itertools.count()
HASTY = Timeouts(connect=2.0, read=0.5)
"""For answers that never come. Anything else may take its time on a busy machine."""
CALM = Timeouts(connect=LONG, read=LONG)
SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"


def patient(seconds: float = LONG, now: datetime | None = None) -> Retry:
    """Tries again at short pauses, up to a cut-off that is ``seconds`` away."""
    return Retry(first_pause=0.02, longest_pause=0.05, until=(now or datetime.now(UTC)) + timedelta(seconds=seconds))


class Clock:
    """The time of tries: it stands still but for their pauses, which take none of ours.

    Attributes:
        instant: now.
        pauses: in seconds, in order.
    """

    def __init__(self) -> None:
        self.instant = datetime(2016, 6, 30, 21, tzinfo=UTC)
        self.pauses: list[float] = []

    def now(self, _: tzinfo) -> datetime:
        return self.instant

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.instant += timedelta(seconds=seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock that tries go by, in place of the machine's."""
    found = Clock()
    for name in ("datetime", "time"):
        monkeypatch.setattr(f"afterbell.stores.retry.{name}", found)
    return found


def exception(name: str, message: str = "told by the script") -> bytes:
    """An error as WebHDFS tells it."""
    return json.dumps({"RemoteException": {"exception": name, "javaClassName": name, "message": message}}).encode()


@dataclass
class Stage:
    """Real stores, the proxies before them, and keys that no other test uses.

    Attributes:
        direct: the stores' own addresses.
        s3: the proxy before S3.
        hdfs: the proxy before the NameNode (and, behind it, before the DataNodes).
        prefix: below which this test's keys lie, with a slash at its end.
    """

    direct: Runtime
    s3: Proxy
    hdfs: Proxy
    prefix: str
    through: Runtime = field(init=False)

    def __post_init__(self) -> None:
        self.through = replace(
            self.direct,
            s3=replace(self.direct.s3, endpoint=self.s3.url),
            hdfs=replace(self.direct.hdfs, url=self.hdfs.url),
        )

    def s3_drops(self, retry: Retry | None = None, timeouts: Timeouts = CALM) -> S3DropStore:
        return S3DropStore(self.through.s3, retry or patient(), timeouts)

    def hdfs_drops(self, retry: Retry | None = None, timeouts: Timeouts = CALM) -> HdfsDropStore:
        return HdfsDropStore(self.through.hdfs, retry or patient(), timeouts)

    def artifacts(self, timeouts: Timeouts = CALM) -> ArtifactStore:
        return ArtifactStore(self.through.s3, patient(), timeouts=timeouts)

    def webhdfs(self, method: str, op: str, path: str, **params: str) -> dict[str, Any]:
        """WebHDFS without the code under test, past the proxy; ``path`` is below the feed's root."""
        hdfs = self.direct.hdfs
        address = f"{hdfs.url}/webhdfs/v1{hdfs.root}/{path}".rstrip("/")
        given = {"op": op, "user.name": hdfs.user, **params}
        answer = requests.request(method, address, params=given, headers={"Cookie": hdfs.cookie}, timeout=LONG)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json() if answer.content else {}
        return found

    def names(self, folder: str) -> list[str]:
        """What HDFS really has in a folder, hidden files too."""
        statuses = self.webhdfs("GET", "LISTSTATUS", folder)["FileStatuses"]["FileStatus"]
        return sorted(item["pathSuffix"] for item in statuses)


@pytest.fixture(scope="session")
def places(services: Services) -> Runtime:
    """Buckets and a root folder for all tests of this room. (A bucket a test would use up the server's volumes.)"""
    found = services.runtime
    runtime = replace(
        found,
        s3=replace(found.s3, feed_bucket="faults-feed", artifact_bucket="faults-artifacts"),
        hdfs=replace(found.hdfs, root=f"{found.hdfs.root}/faults"),
    )
    with pytest.MonkeyPatch.context() as patch:
        for name, value in services.env.items():
            patch.setenv(name, value)
        S3DropStore(runtime.s3).ensure()
        ArtifactStore(runtime.s3).ensure_bucket()
        HdfsDropStore(runtime.hdfs).ensure()
    return runtime


@pytest.fixture
def stage(places: Runtime, services: Services, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """Both stores behind proxies that pass everything on until the test adds a rule."""
    for name, value in services.env.items():
        monkeypatch.setenv(name, value)
    with Proxy(places.s3.endpoint or "") as s3, Proxy(places.hdfs.url) as hdfs:
        yield Stage(places, s3, hdfs, f"t{next(_NUMBERS)}/")


def dfsadmin(services: Services, *argv: str) -> None:
    """Hadoop's own tool, against the NameNode itself."""
    folders = services.folders
    conf = folders.services / "hdfs" / "conf"
    path = [conf, *folders.hdfs_jars, folders.spark_home / "jars" / "*"]
    done = subprocess.run(
        [
            str(folders.java_home / "bin" / "java"),
            *("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", f"-Dlog4j2.configurationFile={conf}/log4j2.properties"),
            *("-cp", ":".join(str(item) for item in path), "org.apache.hadoop.hdfs.tools.DFSAdmin", *argv),
        ],
        env={"PATH": os.environ["PATH"], "HADOOP_USER_NAME": services.runtime.hdfs.user},
        check=False,
        capture_output=True,
        text=True,
        timeout=LONG,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
