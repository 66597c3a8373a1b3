"""The table of ports in docs/compose.md is what docker-compose.yaml opens: nothing is missing, nothing is made up."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
HEADER = "| port | service | who may speak to it | how it is kept |"
BIND = "AFTERBELL_BIND"
OF_JOBS = {"spark-worker", "mesos-agent"}
"""Drivers and executors listen on ports that the system draws, where these start them."""
PUBLISHED = {"s3", "airflow-api", "notebook", "history-page", "prometheus-page"}
HTTP_WITHOUT_SIGN_IN = {"spark-master", "spark-worker", "spark-history", "namenode", "datanode-1", "datanode-2",
                        "prometheus", "statsd", "mesos-master", "mesos-agent", "mesos-dispatcher"}  # fmt: skip


def compose_files() -> list[Path]:
    """The file of the cluster, and those that may be laid over it."""
    more = [path for path in (ROOT / "include" / "containers").glob("*.yaml") if "services" in load(path)]
    return [ROOT / "docker-compose.yaml", *more]


def load(path: Path) -> dict:
    return yaml.safe_load(path.read_text())


def rows(header: str) -> list[list[str]]:
    """The cells of the table of docs/compose.md that has this header."""
    text = (ROOT / "docs" / "compose.md").read_text()
    table = text.split(header, 1)[1].lstrip("\n").split("\n\n", 1)[0].splitlines()[1:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def table() -> dict[tuple[str, str], tuple[set[str], str]]:
    """For each port and service the networks (and AFTERBELL_BIND) that lead to it, and how it is kept."""
    return {
        (port, service): (set(re.findall(r"`([^`]+)`", who)), kept)
        for port, services, who, kept in rows(HEADER)
        for service in services.split(", ")
    }


@pytest.fixture(scope="module")
def compose():
    return load(ROOT / "docker-compose.yaml")


@pytest.fixture(scope="module")
def services():
    """Of every file and every profile, with what a further file adds."""
    found: dict[str, dict] = {}
    for path in compose_files():
        for name, service in load(path)["services"].items():
            there = found.setdefault(name, {})
            for key in ("ports", "expose"):
                there[key] = [*there.get(key, []), *service.get(key, [])]
    return found


def container_port(published: str) -> str:
    """The port inside, of ``address:port:port`` with variables in it."""
    return re.sub(r"\$\{[^}]*\}", "x", published).rsplit(":", 1)[-1].removesuffix("/tcp")


def test_every_port_that_is_open_is_in_the_table_and_none_that_is_not(services):
    opened = {
        (port, name)
        for name, service in services.items()
        for port in {*map(str, service["expose"]), *map(container_port, service["ports"])}
    }
    drawn = {("random", name) for name in OF_JOBS}
    assert set(table()) == opened | drawn


def test_the_table_names_the_networks_that_lead_to_each_port(compose):
    for (port, name), (leads, _) in table().items():
        service = compose["services"][name]
        published = {BIND} if port in map(container_port, service.get("ports", [])) else set()
        assert leads == set(service["networks"]) | published, (port, name)


def test_the_table_of_networks_names_who_is_in_each(compose):
    told = {name.strip("`"): set(members.split(", ")) for name, members in rows("| network | who is in it |")}
    there: dict[str, set[str]] = {name: set() for name in compose["networks"]}
    for name, service in compose["services"].items():
        for network in service["networks"]:
            there[network].add(name)
    assert told == there


def test_every_way_to_keep_a_port_is_said():
    for (port, name), (_, kept) in table().items():
        assert kept, (port, name)


@pytest.mark.parametrize("path", compose_files(), ids=lambda path: path.name)
def test_a_port_is_published_on_the_address_of_the_setting_alone(path):
    for name, service in load(path)["services"].items():
        for port in service.get("ports", []):
            assert isinstance(port, str), (name, "the long form has no address")
            assert re.fullmatch(r"\$\{AFTERBELL_BIND:-127\.0\.0\.1\}:\$\{\w+:-\d+\}:\d+", port), (name, port)
        assert service.get("network_mode") is None, name


def test_what_is_published_asks_for_a_sign_in(services):
    published = {name for name, service in services.items() if service["ports"]}
    assert published == PUBLISHED
    assert not published & HTTP_WITHOUT_SIGN_IN
    kept = {name: kept for (_, name), (leads, kept) in table().items() if BIND in leads}
    assert all("sign-in" in text or "key" in text for text in kept.values())


def members(compose, network: str) -> set[str]:
    return {name for name, service in compose["services"].items() if network in service["networks"]}


def peers(compose, server: str) -> set[str]:
    """Who shares a network with ``server``, and so reaches all of its ports."""
    found = {name for network in compose["services"][server]["networks"] for name in members(compose, network)}
    return found - {server}


@pytest.mark.parametrize(
    ("server", "asked_by"),
    [
        ("spark-master", {"airflow-scheduler", "airflow-triggerer", "afterbell", "spark-worker", "prometheus"}),
        ("namenode", {"airflow-scheduler", "airflow-triggerer", "airflow-prepare", "afterbell", "spark-worker",
                      "datanode-1", "datanode-2", "prometheus", "statsd"}),
        ("mesos-master", {"airflow-scheduler", "airflow-triggerer", "afterbell", "spark-worker", "prometheus",
                          "spark-master"}),
        ("spark-history", {"history-page"}),
    ],
)  # fmt: skip
def test_what_asks_nobody_who_they_are_is_reached_by_those_who_must_alone(compose, server, asked_by):
    mesos = {"mesos-master", "mesos-agent", "mesos-dispatcher"}
    assert peers(compose, server) - mesos == asked_by


@pytest.mark.parametrize("server", sorted(HTTP_WITHOUT_SIGN_IN))
@pytest.mark.parametrize("person", ["notebook", "airflow-api"])
def test_a_service_that_people_use_does_not_reach_what_asks_nobody(compose, server, person):
    """A notebook runs what anybody writes, and Airflow's pages are on the network: a fault there leads no further."""
    allowed = {("airflow-api", "statsd")}  # it takes counters, and gives nothing but them
    assert person not in peers(compose, server) or (person, server) in allowed
