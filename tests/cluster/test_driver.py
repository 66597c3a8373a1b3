"""What a driver hands on to its executors: the stores' keys, and on Mesos what ``spark.authenticate`` needs."""

from __future__ import annotations

import shlex

import pytest

from afterbell.cluster.driver import executor_variables, manager_settings
from afterbell.cluster.profile import ClusterProfile
from afterbell.errors import ConfigError

MESOS = {"spark.master": "mesos://m1:5050", "spark.authenticate": "true"}
STANDALONE = {"spark.master": "spark://m1:7077", "spark.authenticate": "true"}
GIVEN = {"AFTERBELL_SPARK_SECRET": "canary-secret"}


def _options(found):
    return shlex.split(found["spark.executor.defaultJavaOptions"])


def test_executors_on_mesos_get_the_secret_as_one_of_mesos_and_learn_that_there_is_one():
    found = manager_settings(MESOS, GIVEN)
    assert found["spark.authenticate.secret"] == "canary-secret"
    assert found["spark.mesos.executor.secret.values"] == "canary-secret"
    assert found["spark.mesos.executor.secret.envkeys"] == "_SPARK_AUTH_SECRET"  # what Spark's SecurityManager reads
    assert _options(found) == ["-Dspark.authenticate=true"]
    assert not [name for name in found if name.startswith("spark.executorEnv.")]  # shown on Mesos' pages
    assert "secret" in found["spark.redaction.regex"]


def test_each_driver_on_mesos_makes_a_secret_of_its_own():
    made = [manager_settings(MESOS, {})["spark.authenticate.secret"] for _ in range(2)]
    assert made[0] != made[1]
    assert min(len(secret) for secret in made) >= 32


def test_what_else_executors_need_before_they_ask_their_driver_goes_along_and_no_secret_does():
    more = {
        "spark.network.crypto.enabled": "true",
        "spark.rpc.message.maxSize": "256",
        "spark.authenticate.enableSaslEncryption": "true",
        "spark.authenticate.secret.file": "/run/secret",
        "spark.network.crypto.config.note": 'two "words"',
        "spark.sql.shuffle.partitions": "4",
        "spark.executor.defaultJavaOptions": "-Xss4m",
    }
    assert _options(manager_settings(MESOS | more, GIVEN)) == [
        "-Xss4m",
        "-Dspark.authenticate=true",
        "-Dspark.authenticate.enableSaslEncryption=true",
        '-Dspark.network.crypto.config.note=two "words"',
        "-Dspark.network.crypto.enabled=true",
        "-Dspark.rpc.message.maxSize=256",
    ]


def test_a_secret_that_spark_would_cut_in_two_is_refused():
    with pytest.raises(ConfigError, match="AFTERBELL_SPARK_SECRET holds a comma") as caught:
        manager_settings(MESOS, {"AFTERBELL_SPARK_SECRET": "canary,secret"})
    assert "canary" not in str(caught.value)


def test_a_standalone_master_gives_executors_all_of_it():
    assert manager_settings(STANDALONE, GIVEN) == {"spark.authenticate.secret": "canary-secret"}
    assert manager_settings(STANDALONE | {"spark.authenticate.secret": "x"}, {}) == {}
    with pytest.raises(ConfigError, match="there is no secret"):
        manager_settings(STANDALONE, {})


def test_on_this_machine_alone_spark_makes_the_secret():
    assert manager_settings(STANDALONE | {"spark.master": "local[2]"}, {}) == {}


@pytest.mark.parametrize("master", [MESOS["spark.master"], STANDALONE["spark.master"]])
def test_without_authentication_nothing_is_handed_on(master):
    assert manager_settings({"spark.master": master}, GIVEN) == {}


@pytest.mark.parametrize(
    ("profile", "told"),
    [
        ({"conf": {"spark.mesos.executor.secret.names": "/s3"}}, "conf sets spark.mesos.executor.secret.names beside"),
        ({"conf": {"spark.mesos.executor.secret.envkeys": "K"}}, "conf sets spark.mesos.executor.secret.envkeys"),
        ({"conf": {"spark.shuffle.service.enabled": "true"}}, "conf sets spark.shuffle.service.enabled beside"),
        ({"coarse": False}, "coarse: false with spark.authenticate"),
    ],
)
def test_what_cannot_go_together_with_authentication_on_mesos_is_refused(profile, told):
    guarded = {"spark.authenticate": "true"}
    with pytest.raises(ValueError, match=told):
        ClusterProfile(master="mesos://m1:5050", **profile | {"conf": profile.get("conf", {}) | guarded})
    ClusterProfile(master="mesos://m1:5050", **profile)
    if profile.get("coarse", True) and "shuffle" in told:
        ClusterProfile(master="spark://m1:7077", conf=profile["conf"] | guarded)


JAVA = {"JAVA_HOME": "/opt/java"}


def test_executors_on_mesos_that_run_the_drivers_spark_run_its_java():
    assert manager_settings({"spark.master": "mesos://m1:5050"}, JAVA) == {"spark.executorEnv.JAVA_HOME": "/opt/java"}


@pytest.mark.parametrize(
    "properties",
    [
        {"spark.mesos.executor.home": "/opt/spark"},
        {"spark.executor.uri": "hdfs://nn/spark-3.tgz"},
        {"spark.mesos.executor.docker.image": "a/b:1"},
        {"spark.executorEnv.JAVA_HOME": "/opt/other"},
        {"spark.master": "spark://m1:7077"},
    ],
)
def test_a_spark_of_its_own_has_a_java_of_its_own(properties):
    assert manager_settings({"spark.master": "mesos://m1:5050"} | properties, JAVA) == {}


@pytest.mark.parametrize(
    "name",
    ["AWS_SECRET_ACCESS_KEY", "AFTERBELL_FEED_SECRET_KEY", "AFTERBELL_ARTIFACT_ACCESS_KEY", "AWS_DEFAULT_REGION"],
)
def test_executors_get_each_of_the_stores_keys_unless_the_nodes_have_them(name):
    found = executor_variables({}, {name: "canary"})
    assert found[f"spark.executorEnv.{name}"] == "canary"
    assert executor_variables({"spark.afterbell.credentials": "node"}, {name: "canary"}) == {}
