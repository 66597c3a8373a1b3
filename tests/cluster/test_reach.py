"""A master that isn't there is found before a driver is spent on it; whoever takes the connection will do."""

from __future__ import annotations

import socket

import pytest

from afterbell.cluster import reach
from afterbell.cluster.profile import ClusterProfile
from afterbell.cluster.reach import addresses, require_reachable
from afterbell.errors import ClusterUnavailableError, ConfigError


def closed_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(reach, "_PAUSE_SECONDS", 0)


def test_the_local_machine_is_always_there():
    require_reachable(ClusterProfile(master="local[2]"), {})


def test_one_of_several_masters_that_answers_will_do():
    with socket.create_server(("127.0.0.1", 0)) as one:
        master = f"spark://127.0.0.1:{closed_port()},127.0.0.1:{one.getsockname()[1]}"
        require_reachable(ClusterProfile(master=master), {})


def test_no_answer_is_an_error_with_the_address_and_may_be_tried_again():
    port = closed_port()
    with pytest.raises(
        ClusterUnavailableError, match=rf"cannot connect to spark://127.0.0.1:{port} from .*127.0.0.1:{port}: .*3 times"
    ):
        require_reachable(ClusterProfile(master=f"spark://127.0.0.1:{port}"), {})


def test_a_master_that_comes_back_between_two_tries_is_reached(monkeypatch):
    port, started = closed_port(), []

    def start_now(_seconds):
        started.append(socket.create_server(("127.0.0.1", port)))

    monkeypatch.setattr(reach.time, "sleep", start_now)
    require_reachable(ClusterProfile(master=f"spark://127.0.0.1:{port}"), {})
    started[0].close()


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"master": "spark://a:7077,b:7078"}, [("a", 7077), ("b", 7078)]),
        ({"master": "mesos://m1:5050"}, [("m1", 5050)]),
        ({"master": "mesos://zk://z1:2181,z2:2182/mesos"}, [("z1", 2181), ("z2", 2182)]),
        ({"master": "mesos://m1:7077", "deploy_mode": "cluster"}, [("m1", 7077)]),
        ({"master": "spark://a:7077", "deploy_mode": "cluster", "rest_url": "http://a:6066"}, [("a", 6066)]),
        ({"master": "spark://a:7077", "deploy_mode": "cluster", "rest_url": "https://a"}, [("a", 443)]),
    ],
)
def test_whoever_takes_the_driver_is_asked(keys, expected):
    assert addresses(ClusterProfile(**keys)) == expected


@pytest.mark.parametrize("named", ["", "/nowhere/libmesos.so"])
def test_without_libmesos_no_driver_is_started_on_mesos(named):
    with pytest.raises(ConfigError, match=r"MESOS_NATIVE_JAVA_LIBRARY is '.*': set it to the path of libmesos.so"):
        require_reachable(ClusterProfile(master="mesos://127.0.0.1:5050"), {"MESOS_NATIVE_JAVA_LIBRARY": named})


def test_drivers_on_the_cluster_need_no_libmesos_here():
    with socket.create_server(("127.0.0.1", 0)) as dispatcher:
        master = f"mesos://127.0.0.1:{dispatcher.getsockname()[1]}"
        require_reachable(ClusterProfile(master=master, deploy_mode="cluster"), {})
