"""The services together: started once, stopped whole, and never started where the user has stores of their own."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
import requests

from afterbell.config.platform import Folders, HdfsSettings, Platform, Ports, S3Settings
from afterbell.embedded import stack
from afterbell.embedded.endpoints import Endpoints
from afterbell.embedded.ports import free_port
from afterbell.embedded.process import Supervisor
from afterbell.embedded.seaweedfs import SeaweedFS
from afterbell.errors import ConfigError, PortInUseError, ServiceError
from tests.airflow_api import sign_in
from tests.patience import LONG

ROOT = Path(__file__).resolve().parents[2]
STARTS_AND_WAITS = """
import signal
from afterbell.config.platform import Folders, Platform
from afterbell.embedded import stack
with stack.running(Folders.from_env(), Platform(), ("s3",)):
    print("up", flush=True)
    signal.pause()
"""
ANSWERS = stack._answers
OWN_STORES = Platform(
    s3=S3Settings(endpoint="https://s3.example.com"), hdfs=HdfsSettings(url="http://namenode.example.com:9870")
)


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    set_up = Folders.from_env()
    return Folders(root=set_up.root, home=tmp_path / "home", env=set_up.env)


def child(folders: Folders) -> subprocess.Popen[str]:
    env = dict(os.environ) | {"PYTHONPATH": str(ROOT / "include"), "AFTERBELL_HOME": str(folders.home)}
    return subprocess.Popen([sys.executable, "-c", STARTS_AND_WAITS], stdout=subprocess.PIPE, text=True, env=env)


def s3_of(endpoints: stack.Endpoints) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=endpoints.s3_url,
        region_name="us-east-1",
        aws_access_key_id=endpoints.access_key,
        aws_secret_access_key=endpoints.secret_key,
    )


def processes_of(folders: Folders) -> list[psutil.Process]:
    supervisor = Supervisor(folders.services)
    guards = [psutil.Process(item.pid) for record in supervisor.records().values() for item in record.components]
    return guards + [item for guard in guards for item in guard.children(recursive=True)]


def all_gone(processes: list[psutil.Process]) -> bool:
    _, left = psutil.wait_procs(processes, timeout=LONG)
    return not left


@pytest.mark.services
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_command_that_is_interrupted_or_killed_leaves_no_process(folders: Folders, number: signal.Signals) -> None:
    with child(folders) as command:
        assert command.stdout is not None
        assert command.stdout.readline() == "up\n"
        processes = processes_of(folders)
        assert len(processes) == 2  # guard and server
        command.send_signal(number)
        command.wait(timeout=LONG)
    assert all_gone(processes)
    assert Supervisor(folders.services).marked("s3") == []


@pytest.mark.services
def test_two_commands_at_once_start_one_server_and_the_last_one_stops_it(folders: Folders) -> None:
    with child(folders) as one, child(folders) as other:
        for command in (one, other):
            assert command.stdout is not None
            assert command.stdout.readline() == "up\n"
        assert [item.name for item in stack.status(folders)] == ["s3"]
        processes = processes_of(folders)
        assert len(processes) == 2
        one.send_signal(signal.SIGTERM)
        one.wait(timeout=LONG)
        assert [item.healthy for item in stack.status(folders)] == [True]
        other.send_signal(signal.SIGTERM)
        other.wait(timeout=LONG)
    assert all_gone(processes)


@pytest.mark.services
def test_what_was_started_to_stay_outlives_the_commands_that_use_it_until_it_is_stopped(folders: Folders) -> None:
    platform = Platform(ports=Ports(s3=free_port()))
    try:
        endpoints = stack.start(folders, platform, ("s3",), attached=False)
        assert endpoints.s3_url == f"http://127.0.0.1:{platform.ports.s3}"
        processes = processes_of(folders)
        with stack.running(folders, platform, ("s3",)), stack.running(folders, platform, ("s3",)) as again:
            assert again.s3_url == endpoints.s3_url
        assert [(item.name, item.healthy, item.port) for item in stack.status(folders)] == [
            ("s3", True, platform.ports.s3)
        ]
        assert endpoints.secret_key not in repr(endpoints)
    finally:
        stopped = stack.stop(folders)
    assert stopped == ["s3"]
    assert all_gone(processes)
    assert stack.status(folders) == []
    assert stack.stop(folders) == []


@pytest.mark.services
def test_both_stores_keep_what_they_acknowledged_over_a_stop_and_new_ports(folders: Folders) -> None:
    with stack.running(folders, Platform()) as first:
        s3_of(first).put_object(Bucket="afterbell-feed", Key="kept", Body=b"bytes")
        url = f"{first.hdfs_url}/webhdfs/v1/feed/kept?op=CREATE&user.name={first.hdfs_user}"
        owner = {"Cookie": first.hdfs_cookie}
        assert requests.put(url, data=b"bytes", headers=owner, timeout=LONG).status_code == 201
    assert stack.status(folders) == []
    with stack.running(folders, Platform()) as second:
        assert second.s3_url != first.s3_url
        assert second.hdfs_url != first.hdfs_url
        assert s3_of(second).get_object(Bucket="afterbell-feed", Key="kept")["Body"].read() == b"bytes"
        url = f"{second.hdfs_url}/webhdfs/v1/feed/kept?op=OPEN&user.name={second.hdfs_user}"
        owner = {"Cookie": second.hdfs_cookie}
        assert requests.get(url, headers=owner, timeout=LONG).content == b"bytes"


@pytest.mark.services
def test_a_block_inside_a_block_leaves_the_service_to_the_outer_one(folders: Folders) -> None:
    with stack.running(folders, Platform(), ("s3",)):
        with stack.running(folders, Platform(), ("s3",)):
            pass
        assert [item.healthy for item in stack.status(folders)] == [True]
    assert stack.status(folders) == []


@pytest.fixture
def used(folders: Folders) -> Iterator[psutil.Process]:
    """The S3 server, which another command uses."""
    with child(folders) as command:
        assert command.stdout is not None
        assert command.stdout.readline() == "up\n"
        _, server = processes_of(folders)
        yield server
        server.resume()
        assert server.is_running(), "the other command's store was stopped"
        assert [item.healthy for item in stack.status(folders)] == [True]
        command.terminate()
        command.wait(timeout=LONG)


@pytest.mark.services
def test_aws_settings_of_the_shell_are_about_other_stores(
    folders: Folders, used: psutil.Process, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "config"
    elsewhere.write_text("[default]\nretry_mode = nonsense\n", encoding="utf-8")
    shell = {
        "AWS_PROFILE": "nosuch", "AWS_SESSION_TOKEN": "x", "AWS_RETRY_MODE": "nonsense", "AWS_MAX_ATTEMPTS": "many",
        "AWS_USE_FIPS_ENDPOINT": "true", "AWS_ENDPOINT_URL": "http://a.invalid", "AWS_CONFIG_FILE": str(elsewhere),
    }  # fmt: skip
    command = [str(ROOT / "afterbell"), "release", "list", "--json"]
    env = os.environ | shell | {"AFTERBELL_HOME": str(folders.home)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


@pytest.mark.services
def test_a_store_that_is_busy_is_waited_for(folders: Folders, used: psutil.Process) -> None:
    told = []

    def tell(message: str) -> None:
        told.append(message)
        used.resume()

    used.suspend()
    with stack.running(folders, Platform(), ("s3",), on_progress=tell):
        assert used.is_running()
    (message,) = told
    assert message.startswith("s3 runs, but does not answer yet")


@pytest.mark.services
def test_a_store_that_does_not_answer_is_left_to_the_others_who_use_it(
    folders: Folders, used: psutil.Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SeaweedFS, "timeout", 0.0)
    used.suspend()
    with (
        pytest.raises(
            ServiceError, match=r"'s3' runs, but has not answered for 0 s .* it was left alone: wait for them"
        ),
        stack.running(folders, Platform(), ("s3",)),
    ):
        pass


@pytest.mark.services
def test_a_store_that_does_not_answer_and_that_nobody_else_uses_is_started_anew(
    folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stack.running(folders, Platform(), ("s3",)):
        _, hung = processes_of(folders)
        hung.suspend()
        monkeypatch.setattr(stack, "_answers", lambda *given: _at_once(monkeypatch, *given))
        with stack.running(folders, Platform(), ("s3",)):
            assert [item.healthy for item in stack.status(folders)] == [True]
            assert not hung.is_running()


def _at_once(monkeypatch: pytest.MonkeyPatch, *given: Any) -> bool:
    """The real look at a service, with no time to wait for it; its start has all the time again."""
    with monkeypatch.context() as patch:
        patch.setattr(SeaweedFS, "timeout", 0.0)
        return ANSWERS(*given)


def test_an_occupied_port_starts_nothing(folders: Folders) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        platform = Platform(ports=Ports(s3=server.getsockname()[1]))
        with pytest.raises(PortInUseError, match=str(platform.ports.s3)), stack.running(folders, platform, ("s3",)):
            pytest.fail("it started")
    assert stack.status(folders) == []


def test_a_server_that_does_not_come_up_shows_its_log_and_leaves_nothing(folders: Folders, tmp_path: Path) -> None:
    broken = tmp_path / "env"
    (broken / "spark" / "bin").mkdir(parents=True)
    weed = broken / "spark" / "bin" / "weed"
    weed.write_text("#!/bin/sh\necho 'the disk is made of cheese'\nexit 7\n")
    weed.chmod(0o755)
    here = Folders(root=folders.root, home=folders.home, env=broken)
    with pytest.raises(ServiceError) as error, stack.running(here, Platform(), ("s3",)):
        pytest.fail("it started")
    assert "the disk is made of cheese" in str(error.value)
    assert str(folders.services / "s3" / "weed.log") in str(error.value)
    assert stack.status(here) == []
    assert Supervisor(here.services).marked("s3") == []


def test_stores_of_ones_own_start_nothing(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "mine")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "mine too")
    with stack.running(folders, OWN_STORES) as endpoints:
        env = stack.step_env(folders, OWN_STORES, endpoints)
        assert stack.status(folders) == []
    assert not folders.services.exists()
    assert env["AFTERBELL_S3_ENDPOINT"] == "https://s3.example.com"
    assert env["AFTERBELL_HDFS_URL"] == "http://namenode.example.com:9870"
    assert (env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"]) == ("mine", "mine too")


def test_keys_of_one_bucket_go_along_to_a_store_of_ones_own_and_never_to_the_embedded_one(
    folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("AFTERBELL_FEED_ACCESS_KEY", "AFTERBELL_FEED_SECRET_KEY")
    for name in names:
        monkeypatch.setenv(name, "of the feed")
    found = stack.step_env(
        folders, OWN_STORES, Endpoints("https://s3.example.com", "http://namenode:9870", "k", "s", "me")
    )
    assert {found[name] for name in names} == {"of the feed"}
    found = stack.step_env(folders, Platform(), Endpoints("http://127.0.0.1:1", "http://127.0.0.1:2", "k", "s", "me"))
    assert {found[name] for name in names} == {""}


def test_a_store_of_ones_own_without_keys_names_the_variables(
    folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY", raising=False)
    with pytest.raises(ConfigError, match="AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"):
        stack.endpoints(folders, OWN_STORES)


def test_an_unknown_service_is_refused_by_name(folders: Folders) -> None:
    with pytest.raises(ConfigError, match="'s4' is not known; there are: s3, hdfs, airflow"):
        stack.start(folders, Platform(), ("s4",), attached=True)


@pytest.mark.services
def test_airflow_asks_for_its_generated_password_and_goes_without_a_trace(
    folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = str(ROOT / "include" / "config" / "platform.yaml")
    monkeypatch.setenv("AFTERBELL_PLATFORM", settings)
    try:
        login = stack.start_airflow(folders, Platform(), {"AIRFLOW_CONN_PROBE": '{"conn_type": "generic"}'})
        processes = processes_of(folders)
        assert stat.S_IMODE(login.password_file.stat().st_mode) == 0o600
        assert stat.S_IMODE((login.password_file.parent / "secrets.json").stat().st_mode) == 0o600
        assert settings in {each.environ().get("AFTERBELL_PLATFORM") for each in processes}, "it goes by the same file"
        assert requests.get(f"{login.url}/api/v2/dags", timeout=LONG).status_code == 401
        password = json.loads(login.password_file.read_text())[login.user]
        for given, expected in ((password, 201), ("admin", 401)):
            assert sign_in(login.url, given, login.user).status_code == expected
    finally:
        stack.stop(folders)
    assert all_gone(processes)
    assert len(processes) > 8  # four guards, four components and what they forked
