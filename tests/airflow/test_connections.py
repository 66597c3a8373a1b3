"""A connection that is missing or wrong is an error that says what it must hold; Spark never falls back to YARN."""

from __future__ import annotations

import json

import pytest

from afterbell.airflow.connections import spark_target, store_environment
from afterbell.cluster.connections import connection_environment
from afterbell.cluster.profile import ClusterProfile
from afterbell.errors import ConfigError
from tests.cluster.test_connections import ENV


def _set(monkeypatch, name, **body):
    monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(body))


@pytest.mark.parametrize("read", [spark_target, store_environment])
def test_a_missing_connection_is_named_and_nothing_is_submitted(read):
    with pytest.raises(ConfigError, match=r"connection 'afterbell_\w+' is not defined, so nothing was submitted"):
        read()


@pytest.mark.parametrize(
    "body",
    [
        {"conn_type": "spark", "host": "yarn", "extra": {"profile": "local"}},
        {"conn_type": "spark", "host": "", "extra": {"profile": "local"}},
        {"conn_type": "spark", "host": "k8s://https://x", "extra": {"profile": "local"}},
    ],
)
def test_a_master_that_is_none_of_ours_is_refused(monkeypatch, body):
    _set(monkeypatch, "afterbell_spark", **body)
    with pytest.raises(ConfigError, match=r"Afterbell runs on local, spark://, mesos://"):
        spark_target()


def test_a_spark_connection_without_a_profile_is_refused(monkeypatch):
    _set(monkeypatch, "afterbell_spark", conn_type="spark", host="local[2]")
    with pytest.raises(ConfigError, match=r"lacks \['profile'\]"):
        spark_target()


@pytest.mark.parametrize(
    ("body", "master"),
    [
        ({"host": "local[*]"}, "local[*]"),
        ({"host": "spark://m1:7077"}, "spark://m1:7077"),
        ({"host": "m1", "port": 7077}, "spark://m1:7077"),
        ({"conn_type": "mesos", "host": "m1", "port": 5050}, "mesos://m1:5050"),
    ],
)
def test_the_master_is_read_the_ways_airflow_writes_it(monkeypatch, body, master):
    _set(monkeypatch, "afterbell_spark", **({"conn_type": "spark", "extra": {"profile": "local"}} | body))
    assert spark_target().master == master


def test_what_the_launcher_writes_is_what_the_operator_reads(monkeypatch):
    for name, body in connection_environment(ENV, "local", ClusterProfile(master="local[2]")).items():
        monkeypatch.setenv(name, body)
    assert spark_target().profile == "local"
    found = store_environment()
    assert {key: found[key] for key in ENV} == ENV
