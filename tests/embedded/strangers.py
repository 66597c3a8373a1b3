"""Attacks on the ports of a home: as another user of the machine, and as a web page of another origin.

The table of ``docs/services.md`` says which ports there are and which paths anybody may read.
"""

from __future__ import annotations

import http.client
import json
import multiprocessing
import os
import pwd
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import psutil

from tests.conftest import ROOT

CANARY = "canary-of-the-owner"
QUIET = 5
"""Seconds after which no answer is none; what was written all the same shows when the owner looks."""
PAGE = {"Origin": "http://evil.example", "User-Agent": "Mozilla/5.0 (X11; Linux x86_64)"}
PATHS = {
    "s3": """
        / /{bucket} /{bucket}/?list-type=2 /{bucket}/strangers/champion.json /{bucket}?cors /healthz /status
        /metrics
        """,
    "master": """
        / /ui/index.html /dir/status /dir/assign /dir/lookup?volumeId=1 /col/delete?collection={bucket}
        /vol/grow?count=1 /vol/status /vol/vacuum /cluster/status /cluster/healthz /stats/counter /stats/memory
        /metrics /debug/pprof/ /submit /{bucket}/strangers/champion.json
        """,
    "volume": """
        / /ui/index.html /status /healthz /stats/counter /stats/memory /stats/disk /metrics /1,01637037d6
        /3,01637037d6 /debug/pprof/
        """,
    "filer": """
        / /healthz /buckets/ /buckets/{bucket}/strangers/champion.json /buckets/{bucket}/?recursive=true /metrics
        /debug/pprof/ /?proxyChunkId=1,01637037d6
        """,
    "hdfs": """
        / /index.html /dfshealth.html /explorer.html /jmx /conf /stacks /logs/ /logLevel?log=a /prom /metrics
        /fsck?path=/ /imagetransfer?getimage=1&txid=0 /startupProgress /topology /isActive /static/hadoop.css
        /webhdfs/v1/?op=LISTSTATUS /webhdfs/v1/?op=GETFILESTATUS /webhdfs/v1/feed?op=LISTSTATUS&user.name=root
        /webhdfs/v1/feed?op=LISTSTATUS&user.name=afterbell
        /webhdfs/v1/feed?op=GETDELEGATIONTOKEN&user.name=afterbell
        /webhdfs/v1/feed/forged?op=MKDIRS&user.name=afterbell
        /webhdfs/v1/feed?op=DELETE&recursive=true&user.name=root
        /webhdfs/v1/feed/strangers?op=TRUNCATE&newlength=0&user.name=afterbell
        """,
    "datanode_http": """
        / /jmx
        /webhdfs/v1/feed/strangers?op=OPEN&user.name=afterbell&namenoderpcaddress=127.0.0.1:{rpc}&offset=0
        /webhdfs/v1/feed/strangers?op=CREATE&overwrite=true&user.name=root&namenoderpcaddress=127.0.0.1:{rpc}
        /webhdfs/v1/feed/strangers?op=APPEND&user.name=root&namenoderpcaddress=127.0.0.1:{rpc}
        """,
    "datanode_pages": """
        / /index.html /datanode.html /jmx /conf /stacks /logs/ /blockScannerReport /metrics
        """,
    "ui": """
        / /api/v2/monitor/health /api/v2/version /api/v2/dags /api/v2/connections /api/v2/variables
        /api/v2/dags/daily_retraining/dagRuns /auth/token /auth/users /execution/health /afterbell/tonight
        /execution/connections/afterbell_s3 /execution/variables/x /afterbell/releases /docs /openapi.json
        """,
}
"""What strangers ask for, beside ``/`` of the ports that are not among them; braces hold what the services drew."""
METHODS = ("GET", "PUT", "POST", "DELETE", "OPTIONS")


@dataclass(frozen=True)
class Row:
    """One port of the table, the paths that anybody may read there, and whether its refusals go to every origin."""

    port: str
    public: frozenset[str]
    names_origins: bool = False


def table() -> dict[str, Row]:
    """The ports of ``docs/services.md`` by name."""
    found = {}
    for line in (ROOT / "docs" / "services.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and (name := re.fullmatch(r"`([a-z0-9_]+)`", cells[0])):
            public = frozenset(re.findall(r"`(/[^`]*)`", cells[2]))
            found[name[1]] = Row(name[1], public, "Access-Control-Allow-Origin" in cells[3])
    return found


@dataclass(frozen=True)
class Listener:
    """A process of the home and an address that it listens on."""

    pid: int
    command: str
    host: str
    port: int


def listeners(home: Path, guards: Iterable[int]) -> list[Listener]:
    """Every TCP socket that a process of ``home`` listens on.

    Its environment names the home, or it descends from a guard of the services: some write their title over it.
    """
    below = {each.pid for guard in guards for each in psutil.Process(guard).children(recursive=True)}
    found = []
    for process in psutil.process_iter():
        try:
            named = process.pid in below or any(str(home) in value for value in process.environ().values())
            if process.pid == os.getpid() or not named:
                continue
            found += [
                Listener(process.pid, " ".join(process.cmdline()), item.laddr.ip, item.laddr.port)
                for item in process.net_connections("tcp")
                if item.status == psutil.CONN_LISTEN
            ]
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return found


@dataclass(frozen=True)
class Answer:
    """What one request got; ``status`` is 0 where the other side spoke no HTTP, or closed."""

    method: str
    path: str
    origin: bool
    status: int
    allowed: str
    body: str


def attack(port: int, paths: Iterable[str]) -> list[Answer]:
    """Each path by each method, with and without a foreign Origin, from a process of another user."""
    here, there = multiprocessing.Pipe(duplex=False)
    child = multiprocessing.get_context("fork").Process(target=_as_stranger, args=(port, list(paths), there))
    child.start()
    there.close()
    try:
        answers = [Answer(*each) for each in json.loads(here.recv_bytes())]
    finally:
        child.join()
    assert child.exitcode == 0
    return answers


def _as_stranger(port: int, paths: list[str], there: Connection) -> None:
    if os.getuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.setgroups([])
        os.setgid(nobody.pw_gid)
        os.setuid(nobody.pw_uid)
    found = [
        [method, path, bool(headers), *_ask(port, method, path, headers)]
        for path in paths
        for method in METHODS
        for headers in ({}, PAGE)
    ]
    there.send_bytes(json.dumps(found).encode())
    there.close()


def _ask(port: int, method: str, path: str, headers: dict[str, str]) -> tuple[int, str, str]:
    preflight = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "x-any"}
    sent = headers | (preflight if method == "OPTIONS" and headers else {})
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=QUIET)
    try:
        connection.request(method, path, body=b"forged" if method in {"PUT", "POST"} else None, headers=sent)
        answer = connection.getresponse()
        return (
            answer.status,
            answer.getheader("Access-Control-Allow-Origin") or "",
            answer.read(1 << 20).decode("latin-1"),
        )
    except (OSError, http.client.HTTPException):
        return 0, "", ""
    finally:
        connection.close()


def holes(row: Row, answers: Sequence[Answer]) -> list[str]:
    """What an attack on one port got that it must not get."""
    found = []
    pages = {each.path: each.body[:60] for each in answers if each.method == "GET"}
    for each in answers:
        said = f"{row.port}: {each.method} {each.path}{' of a page' if each.origin else ''} got {each.status}"
        harmless = each.status >= 400 or each.method == "OPTIONS" or each.path in row.public
        if each.allowed and not (row.names_origins and each.allowed == "*" and harmless):
            found.append(f"{said} and Access-Control-Allow-Origin: {each.allowed}")
        if CANARY in each.body:
            found.append(f"{said} and the owner's data")
        opened = 0 < each.status < 300 and each.method != "OPTIONS"
        if opened and not (each.path in row.public and each.body[:60] == pages[each.path]):
            found.append(f"{said}: {each.body[:120]!r}")
    return found
