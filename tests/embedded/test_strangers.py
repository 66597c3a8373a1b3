"""What another user of this machine, or a web page in a browser on it, gets from the ports of a home at work."""

from __future__ import annotations

import json
import os
import socket
import ssl
import stat
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from afterbell.cluster.connections import connection_environment
from afterbell.cluster.profile import ClusterProfile
from afterbell.cluster.submission import submission
from afterbell.embedded import stack
from afterbell.embedded.process import Supervisor
from afterbell.stores.artifacts import ArtifactStore
from afterbell.stores.factory import drop_store
from tests.clusters.programs import quick_java
from tests.embedded.strangers import CANARY, PATHS, Listener, attack, holes, listeners, table
from tests.patience import LONG

pytestmark = pytest.mark.services
PAGE = {"Origin": "http://evil.example", "User-Agent": "Mozilla/5.0 (X11; Linux x86_64)"}
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
"""How a client of gRPC begins, without TLS."""
SETTINGS = 4
"""The type of the frame that a server of HTTP/2 answers with."""


@pytest.fixture(scope="module")
def ports(services: Any) -> dict[str, int]:
    return Supervisor(services.folders.services).records()["s3"].ports


@pytest.fixture
def pointer(services: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, services.env[name])
    store = ArtifactStore(services.runtime.s3)
    store.put("strangers/champion.json", CANARY.encode())
    yield store
    assert store.get("strangers/champion.json") == CANARY.encode()
    assert [found.key for found in store.list("strangers/")] == ["strangers/champion.json"]


@pytest.mark.parametrize("part", ["filer", "volume", "master", "s3"])
@pytest.mark.parametrize("headers", [{}, PAGE], ids=["a user", "a page"])
def test_nothing_is_read_written_or_deleted_without_a_key(
    services: Any, ports: dict[str, int], pointer: Any, part: str, headers: dict[str, str]
) -> None:
    base = f"http://127.0.0.1:{ports[part]}"
    bucket = services.runtime.s3.artifact_bucket
    paths = [f"/buckets/{bucket}/strangers/champion.json", f"/{bucket}/strangers/champion.json", "/1,01637037d6"]
    for path in paths:
        for method in ("GET", "PUT", "POST", "DELETE"):
            answer = requests.request(method, base + path, data=b"forged", headers=headers, timeout=LONG)
            assert answer.status_code >= 400, (method, path, answer.text[:200])
            assert CANARY.encode() not in answer.content


@pytest.mark.parametrize(
    "path",
    ["/col/delete?collection={bucket}", "/dir/assign", "/dir/lookup?volumeId=1", "/vol/grow?count=1", "/dir/status"],
)
def test_the_master_does_nobodys_bidding(services: Any, ports: dict[str, int], pointer: Any, path: str) -> None:
    asked = path.format(bucket=services.runtime.s3.artifact_bucket)
    for method in ("GET", "POST"):
        answer = requests.request(method, f"http://127.0.0.1:{ports['master']}{asked}", headers=PAGE, timeout=LONG)
        assert answer.status_code == 404, answer.text[:200]


@pytest.mark.parametrize("part", ["master_grpc", "volume_grpc", "filer_grpc", "s3_grpc"])
def test_the_parts_speak_to_those_alone_who_have_their_certificate(ports: dict[str, int], part: str) -> None:
    with socket.create_connection(("127.0.0.1", ports[part]), timeout=LONG) as plain:
        plain.sendall(PREFACE)
        answer = plain.recv(9)
    assert len(answer) < 4 or answer[3] != SETTINGS, "it answers without TLS"
    with pytest.raises(ssl.SSLError, match="certificate"):
        over_tls(ports[part])


def over_tls(port: int) -> bytes:
    """What a server of gRPC answers to a client that speaks TLS and shows no certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    with (
        socket.create_connection(("127.0.0.1", port), timeout=LONG) as plain,
        context.wrap_socket(plain) as secured,
    ):
        secured.sendall(PREFACE)
        return secured.recv(9)


def test_a_page_cannot_write_to_hdfs_even_where_the_browser_has_the_cookie(services: Any) -> None:
    hdfs = services.runtime.hdfs
    url = f"{hdfs.url}/webhdfs/v1{hdfs.root}"
    for op in ("CONCAT&sources=/x", "TRUNCATE&newlength=0", "APPEND"):
        answer = requests.post(
            f"{url}?op={op}", headers=PAGE | {"Cookie": hdfs.cookie}, timeout=LONG, allow_redirects=False
        )
        assert answer.status_code == 400, answer.text[:200]
        assert "CSRF" in answer.text


@pytest.mark.parametrize("cookie", [lambda real: real[:-6] + "AAAAA=", lambda real: real.replace("u=ab", "u=ac"),
                                    lambda _: "hadoop.auth=u=root&p=root&t=simple&e=9999999999999&s=AAAA="],
                         ids=["another signature", "another user", "made up"])  # fmt: skip
def test_a_forged_cookie_opens_no_page_of_hdfs(services: Any, cookie: Any) -> None:
    hdfs = services.runtime.hdfs
    for path in ("/webhdfs/v1/?op=LISTSTATUS", "/imagetransfer?getimage=1&txid=0", "/dfshealth.html"):
        answer = requests.get(hdfs.url + path, headers={"Cookie": cookie(hdfs.cookie)}, timeout=LONG)
        assert answer.status_code in {401, 403}, answer.text[:200]


@pytest.mark.parametrize("user", ["root", "afterbell", "hdfs", "dr.who"])
def test_rpc_lets_no_other_user_name_in(services: Any, tmp_path: Path, user: str) -> None:
    """Hadoop's own client, as another user of the machine runs it: the port and a name is all that it needs."""
    folders, rpc = services.folders, Supervisor(services.folders.services).records()["hdfs"].ports["rpc"]
    (tmp_path / "core-site.xml").write_text("<configuration/>")
    jars = [tmp_path, *folders.hdfs_jars, folders.spark_home / "jars" / "*"]
    done = subprocess.run(
        [
            str(folders.java_home / "bin" / "java"), "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
            "-cp", ":".join(str(item) for item in jars), "org.apache.hadoop.fs.FsShell",
            "-ls", f"hdfs://127.0.0.1:{rpc}/",
        ],
        env={"PATH": os.environ["PATH"], "HADOOP_USER_NAME": user},
        check=False, capture_output=True, text=True, timeout=LONG,
    )  # fmt: skip
    assert done.returncode != 0
    assert "is not authorized for protocol" in done.stderr
    assert services.runtime.hdfs.user not in done.stdout + done.stderr


def test_the_secrets_of_hdfs_stand_in_no_argument_of_a_process(services: Any) -> None:
    hdfs = services.runtime.hdfs
    for process in psutil.process_iter(["cmdline"]):
        assert not any(hdfs.user in word or hdfs.cookie in word for word in process.info["cmdline"] or ())
    assert hdfs.user not in repr(services.endpoints)
    assert hdfs.cookie not in repr(services.endpoints) + repr(services.runtime)


def test_everything_below_the_home_is_its_owners_alone(services: Any) -> None:
    assert stat.S_IMODE(services.folders.home.stat().st_mode) == 0o700


DRIVER = """
import json, sys, time
from pathlib import Path
from pyspark.sql import SparkSession
context = SparkSession.builder.getOrCreate().sparkContext
assert context.parallelize(range(4), 2).map(lambda number: number + 1).sum() == 10
blocks = context._jvm.org.apache.spark.SparkEnv.get().blockManager().blockManagerId().port()
ports = {"driver": int(context.getConf().get("spark.driver.port")), "blocks": blocks,
         "py4j": context._gateway.gateway_parameters.port}
Path(sys.argv[1]).write_text(json.dumps(ports))
while Path(sys.argv[1]).exists():
    time.sleep(0.2)
"""


@pytest.fixture(scope="module")
def at_work(services: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, str]]:
    """What `make up` starts and a step's driver, at work at once; the names of the ports that were drawn."""
    folders, profile = services.folders, ClusterProfile(master="local[2]", driver_memory="1g", warm_seconds=30)
    folder = tmp_path_factory.mktemp("driver")
    script, told = folder / "driver.py", folder / "ports.json"
    script.write_text(DRIVER)
    found = submission(folders, profile.master)
    conf = [f"--conf={name}={value}" for name, value in (profile.spark_conf() | found.conf).items()]
    argv = [found.spark_binary, "--master", profile.master, *conf, str(script), str(told)]
    env = quick_java() | {"PATH": os.environ["PATH"], "AFTERBELL_WARM": "30"} | services.env | found.environment
    stack.start_airflow(folders, services.platform, connection_environment(services.env, "local", profile))
    try:
        with (folder / "driver.log").open("wb") as log, subprocess.Popen(argv, env=env, stdout=log, stderr=log) as job:
            while not told.exists() or not told.read_text():
                assert job.poll() is None, (folder / "driver.log").read_text(errors="replace")[-4000:]
                time.sleep(0.2)
            records = Supervisor(folders.services).records().values()
            names = {port: name for record in records for name, port in record.ports.items()}
            try:
                yield names | {port: name for name, port in json.loads(told.read_text()).items()}
            finally:
                told.unlink()
                job.wait(LONG)
    finally:
        stack.stop(folders, ("airflow",))


def name_of(listener: Listener, names: dict[int, str]) -> str:
    """The row of the table; what no service recorded is known by its program."""
    if listener.port in names:
        return names[listener.port]
    python = ("pyspark", "warm", "/spark_jobs/")  # what starts workers, the shared driver, and one of a step's own
    return "workers" if any(sign in listener.command for sign in python) else f"nothing: {listener}"


def test_every_port_of_a_home_at_work_stands_in_the_table_and_gives_strangers_nothing(
    services: Any, pointer: Any, at_work: dict[int, str]
) -> None:
    records = Supervisor(services.folders.services).records().values()
    rows, found = table(), listeners(services.folders.home, [part.pid for each in records for part in each.components])
    named = {name_of(each, at_work): each for each in found}
    assert {each.host for each in found} <= {"127.0.0.1", "::ffff:127.0.0.1"}
    assert set(named) - set(rows) == set(), "they listen, and docs/services.md does not name them"
    assert set(rows) - set(named) <= {"workers"}, "docs/services.md names them, and nobody listens"
    places = {"bucket": services.runtime.s3.artifact_bucket, "rpc": str(named["rpc"].port)}
    drops = drop_store("hdfs", services.runtime)
    drops.put("strangers", CANARY.encode())
    stored = [each.key for each in drops.list("")]
    got = []
    for name, listener in named.items():
        paths = [path.format(**places) for path in PATHS.get(name, "/").split()]
        got += holes(rows[name], attack(listener.port, paths))
    assert not got, "\n".join(got)
    assert drops.read(drops.status("strangers")) == CANARY.encode()
    assert [each.key for each in drops.list("")] == stored


def test_a_driver_obeys_nobody_without_its_secret(at_work: dict[int, str]) -> None:
    """A message of Spark's own protocol, as an executor or another driver sends it."""
    for port in (port for port, name in at_work.items() if name in {"driver", "blocks"}):
        body = bytes([3]) + struct.pack(">qi", 77, 5) + b"hello"
        with socket.create_connection(("127.0.0.1", port), timeout=LONG) as plain:
            plain.sendall(struct.pack(">q", 8 + len(body)) + body)
            answer = plain.recv(400)
        assert b"Expected SaslMessage" in answer or answer == b"", answer


def test_another_user_of_the_machine_reads_nothing_of_the_home(services: Any, at_work: dict[int, str]) -> None:
    for path in (services.folders.home, services.folders.home / "airflow"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    for path in Path(services.folders.services).glob("*.json"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0 or path.name == "state.json"
