"""What another user of this machine, or a web page in a browser on it, gets from the ports of the embedded stores."""

from __future__ import annotations

import socket
import ssl
import stat
from typing import Any

import pytest
import requests

from afterbell.embedded.process import Supervisor
from afterbell.stores.artifacts import ArtifactStore
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
    store.put("strangers/champion.json", b"the real one")
    yield store
    assert store.get("strangers/champion.json") == b"the real one"
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
            assert b"the real one" not in answer.content


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


def test_a_page_cannot_write_to_hdfs(services: Any) -> None:
    hdfs = services.runtime.hdfs
    url = f"{hdfs.url}/webhdfs/v1{hdfs.root}"
    for op in ("CONCAT&sources=/x", "TRUNCATE&newlength=0", "APPEND"):
        answer = requests.post(
            f"{url}?op={op}&user.name={hdfs.user}", headers=PAGE, timeout=LONG, allow_redirects=False
        )
        assert answer.status_code == 400, answer.text[:200]
        assert "CSRF" in answer.text


def test_everything_below_the_home_is_its_owners_alone(services: Any) -> None:
    assert stat.S_IMODE(services.folders.home.stat().st_mode) == 0o700
