"""A connection that is missing or wrong is an error that says what it must hold; Spark never falls back to YARN."""

from __future__ import annotations

import json

import pytest

from afterbell.airflow.artifact_access import secret_values
from afterbell.airflow.connections import spark_secrets, spark_target, store_environment
from afterbell.cluster.connections import connection_environment
from afterbell.cluster.profile import ClusterProfile
from afterbell.config.s3_keys import ARTIFACTS, keys_of
from afterbell.errors import ConfigError
from tests.cluster.test_connections import COOKIE, ENV


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
        ({"host": "mesos://zk://a:2181/mesos"}, "mesos://zk://a:2181/mesos"),
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
    assert "AFTERBELL_HDFS_COOKIE" not in found


@pytest.mark.parametrize(("password", "cookie"), [(COOKIE, COOKIE), ("of a gateway", None), ("", None)])
def test_the_cookie_of_hdfs_reaches_the_steps_and_another_password_does_not(monkeypatch, password, cookie):
    for name, body in connection_environment(ENV, "local", ClusterProfile(master="local[2]")).items():
        monkeypatch.setenv(name, body)
    hdfs = {
        "conn_type": "webhdfs",
        "host": "127.0.0.1",
        "login": "ab",
        "password": password,
        "extra": {"root": "/feed"},
    }
    _set(monkeypatch, "afterbell_hdfs", **hdfs)
    assert store_environment().get("AFTERBELL_HDFS_COOKIE") == cookie


def test_the_connections_master_wins_over_its_profiles_and_the_profile_keeps_the_rest(monkeypatch):
    _set(monkeypatch, "afterbell_spark", conn_type="spark", host="mesos://m9:5050", extra={"profile": "mesos-client"})
    found = spark_target()
    assert (found.master, found.deploy_mode, found.profile) == ("mesos://m9:5050", "client", "mesos-client")
    assert (found.cluster.master, found.cluster.cores_max) == ("mesos://m9:5050", 16)


def test_a_profile_named_for_the_run_wins_over_the_connection(monkeypatch):
    _set(monkeypatch, "afterbell_spark", conn_type="spark", host="local[2]", extra={"profile": "local"})
    found = spark_target(profile="mesos-cluster")
    assert (found.master, found.deploy_mode, found.profile) == ("mesos://127.0.0.1:7077", "cluster", "mesos-cluster")
    assert found.cluster.rest_address == "http://127.0.0.1:7077"


@pytest.mark.parametrize("profile", ["moon", "../local", "local.yaml", "local; rm", "{{ ds }}"])
def test_a_profile_that_is_not_there_is_refused(monkeypatch, profile):
    _set(monkeypatch, "afterbell_spark", conn_type="spark", host="local[2]", extra={"profile": "local"})
    with pytest.raises(ConfigError, match=r"is not known; .* has: .*local, mesos-client"):
        spark_target(profile=profile)


def test_the_rest_address_may_stand_in_the_connection(monkeypatch):
    extra = {"profile": "standalone", "deploy-mode": "cluster", "rest-url": "http://m2:16066"}
    _set(monkeypatch, "afterbell_spark", conn_type="spark", host="spark://m2:7077", extra=extra)
    assert spark_target().cluster.rest_address == "http://m2:16066"


@pytest.mark.parametrize(
    ("host", "profile", "expected"),
    [
        (
            "mesos://m1:5050",
            "mesos-client",
            {"SPARK_MESOS_PRINCIPAL": "nightly", "SPARK_MESOS_SECRET": "canary-secret"},
        ),
        ("spark://m1:7077", "standalone", {"AFTERBELL_SPARK_SECRET": "canary-secret"}),
        ("local[2]", "local", {}),
    ],
)
def test_the_password_of_the_spark_connection_becomes_the_clusters_secret(monkeypatch, host, profile, expected):
    body = {"host": host, "login": "nightly", "password": "canary-secret", "extra": {"profile": profile}}
    _set(monkeypatch, "afterbell_spark", conn_type="spark", **body)
    assert spark_secrets(spark_target().cluster) == expected


def test_a_mesos_secret_of_nobody_is_refused(monkeypatch):
    body = {"host": "mesos://m1:5050", "password": "canary-secret", "extra": {"profile": "mesos-client"}}
    _set(monkeypatch, "afterbell_spark", conn_type="spark", **body)
    with pytest.raises(ConfigError, match="set the principal as its login") as caught:
        spark_secrets(spark_target().cluster)
    assert "canary-secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "profile", "variables", "expected"),
    [
        ("mesos://m1:5050", "mesos-client", ["SPARK_MESOS_PRINCIPAL", "SPARK_MESOS_SECRET"], None),
        ("mesos://d1:7077", "mesos-cluster", ["SPARK_MESOS_PRINCIPAL", "SPARK_MESOS_SECRET"], None),
        ("spark://m1:7077", "standalone", ["AFTERBELL_SPARK_SECRET"], None),
        ("spark://m1:7077", "standalone", ["SPARK_MESOS_PRINCIPAL", "SPARK_MESOS_SECRET"], {}),
        ("local[2]", "local", ["AFTERBELL_SPARK_SECRET"], {}),
    ],
)
def test_without_a_password_the_variables_of_this_process_are_the_clusters_secrets(
    monkeypatch, host, profile, variables, expected
):
    mode = "cluster" if profile == "mesos-cluster" else "client"
    body = {"host": host, "extra": {"profile": profile, "deploy-mode": mode}}
    _set(monkeypatch, "afterbell_spark", conn_type="spark", **body)
    for name in variables:
        monkeypatch.setenv(name, f"canary-{name}")
    given = {name: f"canary-{name}" for name in variables}
    assert spark_secrets(spark_target().cluster) == (given if expected is None else expected)


def test_a_secret_without_its_principal_takes_the_login_of_the_connection(monkeypatch):
    body = {"host": "mesos://d1:7077", "login": "nightly"}
    extra = {"profile": "mesos-cluster", "deploy-mode": "cluster"}
    _set(monkeypatch, "afterbell_spark", conn_type="spark", extra=extra, **body)
    monkeypatch.setenv("SPARK_MESOS_SECRET", "canary-secret")
    found = spark_secrets(spark_target().cluster)
    assert found == {"SPARK_MESOS_PRINCIPAL": "nightly", "SPARK_MESOS_SECRET": "canary-secret"}


def test_the_password_of_the_connection_wins_over_the_variables_of_this_process(monkeypatch):
    body = {"host": "mesos://m1:5050", "login": "nightly", "password": "of the connection"}
    _set(monkeypatch, "afterbell_spark", conn_type="spark", extra={"profile": "mesos-client"}, **body)
    monkeypatch.setenv("SPARK_MESOS_PRINCIPAL", "another")
    monkeypatch.setenv("SPARK_MESOS_SECRET", "of the process")
    found = spark_secrets(spark_target().cluster)
    assert found == {"SPARK_MESOS_PRINCIPAL": "nightly", "SPARK_MESOS_SECRET": "of the connection"}


OWN = {"afterbell_s3_feed": ("feed", "feed-secret"), "afterbell_s3_lake": ("lake", "lake-secret")}


@pytest.mark.parametrize(
    ("defined", "general", "feed", "artifacts"),
    [
        ([], "key", None, None),
        (["afterbell_s3_feed"], "key", "feed", None),
        (["afterbell_s3_lake"], "lake", None, "key"),
        (["afterbell_s3_feed", "afterbell_s3_lake"], "lake", "feed", "key"),
    ],
)
def test_each_bucket_has_the_keys_of_its_own_connection_or_those_of_all(monkeypatch, defined, general, feed, artifacts):
    _connect(monkeypatch)
    for name in defined:
        _set(monkeypatch, name, conn_type="aws", login=OWN[name][0], password=OWN[name][1])
    found = store_environment()
    assert found["AWS_ACCESS_KEY_ID"] == general
    assert found.get("AFTERBELL_FEED_ACCESS_KEY") == feed
    assert found.get("AFTERBELL_ARTIFACT_ACCESS_KEY") == artifacts
    assert artifact_key(found) == "key"


@pytest.mark.parametrize("body", [{"login": "feed"}, {"password": "canary"}, {}])
def test_a_connection_for_keys_without_both_of_them_is_refused(monkeypatch, body):
    _connect(monkeypatch)
    _set(monkeypatch, "afterbell_s3_feed", conn_type="aws", **body)
    with pytest.raises(ConfigError, match="'afterbell_s3_feed' lacks a login or a password") as caught:
        store_environment()
    assert "canary" not in str(caught.value)


def test_keys_of_each_bucket_come_back_from_the_connections_that_the_launcher_writes(monkeypatch):
    own = {"AFTERBELL_FEED_ACCESS_KEY": "f", "AFTERBELL_FEED_SECRET_KEY": "fs",
           "AFTERBELL_ARTIFACT_ACCESS_KEY": "a", "AFTERBELL_ARTIFACT_SECRET_KEY": "as"}  # fmt: skip
    for name, body in connection_environment(ENV | own, "local", ClusterProfile(master="local[2]")).items():
        monkeypatch.setenv(name, body)
    found = store_environment()
    assert {name: found[name] for name in ENV | own} == ENV | own
    assert {"canary-secret", "fs", "as"} <= set(secret_values())


def _connect(monkeypatch):
    for name, body in connection_environment(ENV, "local", ClusterProfile(master="local[2]")).items():
        monkeypatch.setenv(name, body)


def artifact_key(environment):
    """The access key that the artifact store is asked with."""
    return keys_of(ARTIFACTS, environment)[0]
