"""What can't be done is refused before anything starts: what, where, what to do; exit status not 0."""

from __future__ import annotations

import socket

import psutil
import pytest

pytestmark = pytest.mark.services


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (
            ("run", "--session", "2016-07-04"),
            "2016-07-04 (Monday) is not a session of XNYS; the sessions beside it are",
        ),
        (("run", "--session", "2016-07-02"), "2016-07-02 (Saturday) is not a session"),
        (("run", "--session", "2190-01-02"), "lies outside the XNYS calendar"),
        (("run", "--session", "2016-06-30", "--profile", "moon"), "clusters 'moon' is not known"),
        (("run", "--session", "2016-06-30", "--profile", "../../etc/passwd"), "is not known"),
        (("demo", "--session", "30.06.2016"), "SESSION is '30.06.2016': give a day like 2026-06-30"),
        (("demo", "--drops", "/nowhere/at/all", "--session", "2016-06-30"), "/nowhere/at/all"),
        (("demo", "--drops", "."), "DROPS needs SESSION as well"),
        (("up", "--profile", "moon"), "clusters 'moon' is not known"),
        (("release", "rollback", "../champion", "--reason", "upside down"), "the champion was not touched: release_id"),
        (("release", "promote", "2026-06-30-0123456789ab", "--reason", "two\nlines"), "reason is one line"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_bad_request_is_refused_with_what_to_do(afterbell, args, says):
    answer = afterbell(*args)
    assert answer.status != 0
    assert says in answer.err
    assert answer.err.splitlines()[-1].startswith("What to do: ")
    assert "Traceback" not in answer.err
    assert not (afterbell.home / "services" / "s3").exists(), "something was started"


def test_a_folder_without_drops_is_refused_and_nothing_is_uploaded(afterbell, tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    answer = afterbell("demo", "--drops", str(folder), "--session", "2016-06-30")
    assert answer.status != 0
    assert "MissingDropsError" in answer.err
    assert str(folder) in answer.err
    assert not (afterbell.home / "services" / "s3").exists()


@pytest.mark.parametrize("variable", ["AFTERBELL_S3_PORT", "AFTERBELL_HDFS_PORT"])
def test_an_occupied_port_is_named_with_what_to_do_and_nothing_stays_running(afterbell, variable):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        answer = afterbell("simulate", "--symbols", "10", "--sessions", "30", **{variable: str(port)})
    assert answer.status != 0
    assert f"port {port} on 127.0.0.1" in answer.err
    assert f"{variable} to another port" in answer.err
    assert _processes_of(afterbell.home) == []


def _processes_of(home):
    return [found.pid for found in psutil.process_iter() if str(home) in " ".join(_argv(found))]


def _argv(process):
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_a_query_can_only_read_the_lake(afterbell):
    for sql in (
        "DROP TABLE market.bars",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT 1; SELECT 2",
        "COPY x TO 'y'",
    ):
        answer = afterbell("query", sql)
        assert answer.status != 0, sql
        assert "Traceback" not in answer.err
