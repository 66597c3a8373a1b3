"""The one place where HTTP clients are made: their limits, and that there is no other."""

from __future__ import annotations

import ast
import gzip
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

import afterbell
from afterbell.stores.http import AnswerTooLargeError, http_pool, http_session, is_loopback
from afterbell.stores.retry import Timeouts

LIBRARY = Path(afterbell.__file__).parent
ROOT = LIBRARY.parents[1]
PROMPT = Timeouts(connect=5.0, read=5.0)
ELSEWHERE = {"airflow/run_dag.py": {"httpx.Client"}}
"""A client of Airflow's API within the same process: nothing of it comes to a network."""
_MAKERS = {
    "requests": {"Session", "session", "request", "get", "post", "put", "patch", "delete", "head", "options"},
    "urllib3": {
        "PoolManager",
        "ProxyManager",
        "HTTPConnectionPool",
        "HTTPSConnectionPool",
        "request",
        "proxy_from_url",
    },
    "httpx": {"Client", "AsyncClient", "get", "post", "put", "delete", "head", "request", "stream"},
    "http.client": {"HTTPConnection", "HTTPSConnection"},
    "urllib.request": {"urlopen", "build_opener", "urlretrieve"},
    "aiohttp": {"ClientSession", "request"},
}


@dataclass
class Server:
    """A server on this machine.

    Attributes:
        url: its address.
        heard: path and headers of what came in.
    """

    url: str
    heard: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    quiet: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def server() -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.heard.append((self.path, dict(self.headers)))
            if self.path == "/slow":
                made.quiet.wait(60)
                return
            body = b"x" * 1000
            packed = gzip.compress(body)
            leads = self.path == "/leads"
            self.send_response(302 if leads else 200)
            if leads:
                self.send_header("Location", "/led")
            if self.path == "/packed":
                self.send_header("Content-Encoding", "gzip")
            answer = packed if self.path == "/packed" else body
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        made = Server(f"http://127.0.0.1:{running.server_port}")
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield made
        made.quiet.set()
        running.shutdown()
        thread.join()


def test_a_session_follows_where_an_answer_leads_or_takes_it_as_it_is(server: Server) -> None:
    with http_session(PROMPT, proxies=False, redirects=True) as session:
        assert (session.get(f"{server.url}/leads").status_code, server.heard[-1][0]) == (200, "/led")
    server.heard.clear()
    with http_session(PROMPT, proxies=False, redirects=False) as session:
        assert session.get(f"{server.url}/leads").status_code == 302
    assert [path for path, _ in server.heard] == ["/leads"]


@pytest.mark.parametrize("path", ["/whole", "/packed", "/leads"])
def test_an_answer_that_is_too_long_is_refused(server: Server, path: str) -> None:
    short = http_session(PROMPT, proxies=False, redirects=True, most_bytes=999)
    with short as session, pytest.raises(AnswerTooLargeError, match="more than 999 bytes"):
        session.get(server.url + path)
    with http_session(PROMPT, proxies=False, redirects=True, most_bytes=1000) as session:
        assert session.get(server.url + path).text == "x" * 1000


def test_a_stream_is_its_readers(server: Server) -> None:
    with http_session(PROMPT, proxies=False, redirects=False, most_bytes=1) as session:
        answer = session.get(f"{server.url}/whole", stream=True)
        assert answer.raw.read(5) == b"xxxxx"
        answer.close()


def test_a_server_that_is_silent_is_left(server: Server) -> None:
    with (
        http_session(Timeouts(connect=5.0, read=0.2), proxies=False, redirects=False) as session,
        pytest.raises(requests.ReadTimeout),
    ):
        session.get(f"{server.url}/slow")


def test_only_a_session_that_may_goes_by_a_proxy(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server stands for the proxy: it is sent the whole address."""
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", server.url)
    with http_session(PROMPT, proxies=True, redirects=False) as session:
        assert session.get("http://far.invalid/page").status_code == 200
    assert server.heard[-1][0] == "http://far.invalid/page"
    with http_session(PROMPT, proxies=False, redirects=False) as session:
        assert session.get(f"{server.url}/near").status_code == 200
    assert server.heard[-1][0] == "/near"
    answer = http_pool("http://far.invalid", PROMPT).request("GET", "http://far.invalid/pool", retries=False)
    assert (answer.status, server.heard[-1][0]) == (200, "http://far.invalid/pool")
    http_pool(server.url, PROMPT).request("GET", f"{server.url}/pool", retries=False)
    assert server.heard[-1][0] == "/pool"


def test_every_client_says_who_it_is(server: Server) -> None:
    with http_session(PROMPT, proxies=False, redirects=False) as session:
        session.get(server.url)
    http_pool(server.url, PROMPT).request("GET", server.url, retries=False)
    assert [headers["User-Agent"] for _, headers in server.heard] == [f"afterbell/{afterbell.__version__}"] * 2


@pytest.mark.parametrize(
    ("host", "here"), [("127.0.0.1", True), ("localhost", True), ("::1", True), ("far.invalid", False), (None, False)]
)
def test_this_machine_is_known_by_its_names(host: str | None, here: bool) -> None:
    assert is_loopback(host) is here


def test_no_other_module_makes_a_client() -> None:
    made = {}
    for folder in ("include/afterbell", "dags", "plugins", "spark_jobs"):
        for path in (ROOT / folder).rglob("*.py"):
            makers = _makers(ast.parse(path.read_text(encoding="utf-8")))
            if makers and path != LIBRARY / "stores" / "http.py":
                made[path.relative_to(LIBRARY if "afterbell" in folder else ROOT).as_posix()] = makers
    assert made == ELSEWHERE


@pytest.mark.parametrize(
    ("code", "makers"),
    [
        ("import requests\nrequests.get('x')", {"requests.get"}),
        ("import requests as r\nwith r.Session() as s: pass", {"requests.Session"}),
        ("from urllib.request import urlopen\nurlopen('x')", {"urllib.request.urlopen"}),
        ("import urllib.request\nurllib.request.urlopen('x')", {"urllib.request.urlopen"}),
        ("import http.client\nhttp.client.HTTPConnection('x')", {"http.client.HTTPConnection"}),
        ("from http import client\nclient.HTTPConnection('x')", {"http.client.HTTPConnection"}),
        ("import requests\ndef f(x: requests.Session) -> None: x.get('y')", set()),
        ("from afterbell.cluster import requests\nrequests.request()", set()),
        ("def f(requests): requests.request()", set()),
    ],
)
def test_a_client_is_noticed_however_it_is_imported(code: str, makers: set[str]) -> None:
    assert _makers(ast.parse(code)) == makers


def _makers(tree: ast.Module) -> set[str]:
    """The calls of a module that make clients, by their whole names."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]  # what the statement binds without ``as``
                names[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    known = {f"{module}.{maker}" for module, makers in _MAKERS.items() for maker in makers}
    called = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            first, _, rest = ast.unparse(node.func).partition(".")
            called.add(f"{names.get(first, '')}.{rest}".rstrip("."))  # a local of such a name is no library
    return called & known
