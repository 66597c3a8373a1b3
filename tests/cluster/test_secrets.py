"""Nothing starts outside this machine with passwords that everybody knows."""

import pytest

from afterbell.cluster.profile import ClusterProfile
from afterbell.cluster.secrets import open_doors, require_secrets, weak_secrets
from afterbell.errors import ConfigError

LOCAL, SPARK = ClusterProfile(master="local[2]"), ClusterProfile(master="spark://m1:7077")
GUARDED = ClusterProfile(master="spark://m1:7077", conf={"spark.authenticate": "true"})


@pytest.mark.parametrize(
    "name",
    [
        "AWS_SECRET_ACCESS_KEY",
        "AFTERBELL_FEED_SECRET_KEY",
        "AFTERBELL_ARTIFACT_SECRET_KEY",
        "SPARK_MESOS_SECRET",
        "AFTERBELL_SPARK_SECRET",
    ],
)
@pytest.mark.parametrize("value", ["minioadmin", "Password", "changeme"])
def test_a_password_that_programs_are_delivered_with_is_refused_on_a_cluster(name, value):
    with pytest.raises(ConfigError, match=f"nothing was started on spark://m1:7077: {name} is a password") as caught:
        require_secrets(SPARK, {name: value})
    assert value not in str(caught.value)


def test_on_this_machine_alone_it_is_not():
    require_secrets(LOCAL, {"AWS_SECRET_ACCESS_KEY": "minioadmin"})
    assert open_doors(LOCAL) == []


def test_authentication_without_a_secret_is_refused():
    assert "has no secret" in weak_secrets(GUARDED, {})[0]
    assert weak_secrets(GUARDED, {"AFTERBELL_SPARK_SECRET": "kZ8-canary"}) == []


def test_on_mesos_a_driver_makes_its_own_secret():
    guarded = {"spark.authenticate": "true"}
    assert weak_secrets(ClusterProfile(master="mesos://m1:5050", conf=guarded), {}) == []
    dispatcher = ClusterProfile(master="mesos://d1:7077", deploy_mode="cluster", conf=guarded)
    assert weak_secrets(dispatcher, {}) == []
    assert "AFTERBELL_SPARK_SECRET is a password" in weak_secrets(dispatcher, {"AFTERBELL_SPARK_SECRET": "spark"})[0]


def test_what_takes_anybodys_word_is_said():
    assert "spark.authenticate is off" in open_doors(SPARK)[0]
    assert open_doors(GUARDED) == []
    mesos = ClusterProfile(master="mesos://m1:7077", deploy_mode="cluster", conf={"spark.authenticate": "true"})
    assert ["authenticates nobody" in text for text in open_doors(mesos)] == [True, False]
