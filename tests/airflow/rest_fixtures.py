"""Fixtures of a step whose driver runs on a cluster: a real S3, and a cluster that answers what the test says."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from afterbell.airflow import cluster_step
from afterbell.airflow.results import _store
from afterbell.cluster.connections import connection_environment
from afterbell.cluster.profile import ClusterProfile
from afterbell.run.job import attempt_key, failure_key, result_key
from tests.airflow.rest_world import World, configure
from tests.cluster.rest_server import frozen_server

KEY = (datetime(2016, 6, 30).date(), "manual__x", "ingest")  # noqa: DTZ001 - a day has no zone


@pytest.fixture
def store(stores):
    found = _store(stores)
    found.ensure_bucket()
    for key in (result_key, failure_key, attempt_key):
        found.delete(key(*KEY))
    return found


@pytest.fixture
def connected(stores, store, monkeypatch):
    for name, body in connection_environment(stores, "local", ClusterProfile(master="local[2]")).items():
        monkeypatch.setenv(name, body)
    monkeypatch.setattr(cluster_step, "KILL_SECONDS", 1.0)


@pytest.fixture
def world(connected, tmp_path, monkeypatch):
    with frozen_server() as server:
        configure(tmp_path, server.url, monkeypatch)
        yield World(server, tmp_path)


@pytest.fixture
def mesos(connected, tmp_path, monkeypatch):
    with frozen_server() as server:
        configure(tmp_path, server.url, monkeypatch, manager="mesos")
        yield World(server, tmp_path)


def put_result(store, token, **fields):
    """Write a result of the step, as a driver of the attempt ``token`` leaves it."""
    store.put(result_key(*KEY), json.dumps({"attempt": token, **fields}).encode())
