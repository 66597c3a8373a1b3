"""What each profile asks Spark for, property by property, beside mappings that were written down by hand.

The names and their meaning are those of Spark 3.5's own documents ("Running Spark on Mesos", "Configuration"), as they
were seen to work on a real Mesos master, agent and dispatcher.
"""

from __future__ import annotations

import pytest

from afterbell.cluster.profile import ClusterProfile, load_profile

EVERYWHERE = {
    "spark.driver.memory": "4g",
    "spark.driver.maxResultSize": "3g",
    "spark.ui.showConsoleProgress": "false",
}
CLUSTERS = EVERYWHERE | {
    "spark.executor.memory": "4g",
    "spark.sql.shuffle.partitions": "64",
    "spark.afterbell.registeredSeconds": "60",
    "spark.afterbell.firstExecutorSeconds": "180",
    "spark.afterbell.credentials": "submit",
}
MESOS = CLUSTERS | {
    "spark.afterbell.masterUi": "http://127.0.0.1:5050",
    "spark.executor.cores": "2",
    "spark.cores.max": "16",
    "spark.mesos.coarse": "true",
}
CONTAINERS = {
    "spark.driver.cores": "1",
    "spark.driver.memory": "2g",
    "spark.driver.maxResultSize": "1g",
    "spark.executor.memory": "3g",
    "spark.sql.shuffle.partitions": "16",
    "spark.ui.showConsoleProgress": "false",
    "spark.authenticate": "true",
    "spark.ui.killEnabled": "false",
    "spark.eventLog.enabled": "true",
    "spark.eventLog.dir": "file:/srv/afterbell/spark-events",
    "spark.pyspark.python": "/opt/afterbell/env/spark/bin/python",
    "spark.pyspark.driver.python": "/opt/afterbell/env/spark/bin/python",
    "spark.afterbell.registeredSeconds": "60",
    "spark.afterbell.firstExecutorSeconds": "180",
    "spark.afterbell.credentials": "node",
}
SHIPPED = {
    "compose": CONTAINERS | {"spark.afterbell.masterUi": "http://spark-master:8080"},
    "compose-mesos": CONTAINERS
    | {
        "spark.afterbell.masterUi": "http://mesos-master:5050",
        "spark.executor.cores": "1",
        "spark.cores.max": "8",
        "spark.mesos.coarse": "true",
        "spark.mesos.executor.home": "/opt/afterbell/env/spark/lib/python3.11/site-packages/pyspark",
        "spark.mesos.principal": "afterbell",
    },
    "local": EVERYWHERE
    | {"spark.sql.shuffle.partitions": "8", "spark.ui.enabled": "false", "spark.authenticate": "true"},
    "standalone": CLUSTERS | {"spark.afterbell.masterUi": "http://127.0.0.1:8080"},
    "standalone-cluster": CLUSTERS | {"spark.afterbell.masterUi": "http://127.0.0.1:8080", "spark.driver.cores": "1"},
    "mesos-client": MESOS,
    "mesos-cluster": MESOS | {"spark.driver.cores": "1"},
}


def test_a_local_driver_asks_for_a_secret_and_has_no_page_unless_the_profile_says_so():
    """Whatever the profile is called: its ports are open to every user of the machine."""
    found = ClusterProfile(master="local[2]").spark_conf()
    assert (found["spark.authenticate"], found["spark.ui.enabled"]) == ("true", "false")
    asked = ClusterProfile(master="local[2]", conf={"spark.ui.enabled": "true"}).spark_conf()
    assert (asked["spark.authenticate"], asked["spark.ui.enabled"]) == ("true", "true")


FULL = {
    "master": "mesos://zk://z1:2181,z2:2181/mesos",
    "driver_memory": "3g",
    "executor_memory": "6g",
    "executor_cores": 4,
    "cores_max": 32,
    "coarse": False,
    "executor_home": "/opt/spark",
    "image": "registry.example/afterbell:1.4",
    "role": "market",
    "principal": "nightly",
    "constraints": "rack:r1,r2;disk:ssd",
    "python": "/opt/afterbell/bin/python",
    "credentials": "node",
    "first_executor_seconds": 300,
    "registered_seconds": 30,
    "master_ui": "http://m1:5050",
    "history_server": "http://h1:18080",
    "event_log": "hdfs://n1/spark-events",
    "share": "hdfs://n1/afterbell/share",
    "conf": {"spark.executorEnv.JAVA_HOME": "/opt/java"},
}
FULL_PROPERTIES = {
    "spark.driver.memory": "3g",
    "spark.ui.showConsoleProgress": "false",
    "spark.executor.memory": "6g",
    "spark.executor.cores": "4",
    "spark.cores.max": "32",
    "spark.mesos.coarse": "false",
    "spark.mesos.executor.home": "/opt/spark",
    "spark.mesos.executor.docker.image": "registry.example/afterbell:1.4",
    "spark.mesos.containerizer": "docker",
    "spark.mesos.role": "market",
    "spark.mesos.principal": "nightly",
    "spark.mesos.constraints": "rack:r1,r2;disk:ssd",
    "spark.pyspark.python": "/opt/afterbell/bin/python",
    "spark.eventLog.enabled": "true",
    "spark.eventLog.dir": "hdfs://n1/spark-events",
    "spark.afterbell.credentials": "node",
    "spark.afterbell.firstExecutorSeconds": "300",
    "spark.afterbell.registeredSeconds": "30",
    "spark.afterbell.masterUi": "http://m1:5050",
    "spark.executorEnv.JAVA_HOME": "/opt/java",
}


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_a_profile_of_the_project_asks_for_these_properties_and_no_others(name):
    assert load_profile(name).spark_conf() == SHIPPED[name]


def test_every_key_of_a_mesos_profile_becomes_its_property():
    assert ClusterProfile(**FULL).spark_conf() == FULL_PROPERTIES


@pytest.mark.parametrize("master", ["spark://m1:7077", "mesos://m1:5050"])
def test_what_is_left_empty_sets_no_property(master):
    found = ClusterProfile(master=master).spark_conf()
    assert all(found.values())
    assert not {"spark.executor.cores", "spark.cores.max", "spark.mesos.role", "spark.archives"} & set(found)


def test_an_archive_of_spark_is_fetched_by_the_agents_in_place_of_a_folder():
    found = ClusterProfile(master="mesos://m1:5050", executor_uri="http://x/spark-3.5.9-bin.tgz").spark_conf()
    assert found["spark.executor.uri"] == "http://x/spark-3.5.9-bin.tgz"
    assert "spark.mesos.executor.home" not in found


def test_a_packed_environment_is_unpacked_by_executors_and_a_driver_beside_the_submitter_keeps_its_own_python():
    found = ClusterProfile(master="spark://m1:7077", environment_archive="hdfs://n1/env.tar.gz").spark_conf()
    assert found["spark.archives"] == "hdfs://n1/env.tar.gz#environment"
    assert found["spark.pyspark.python"] == "./environment/bin/python"
    assert "spark.pyspark.driver.python" not in found


def test_a_driver_on_the_cluster_runs_on_the_python_of_the_nodes():
    keys = {"master": "mesos://m1:7077", "deploy_mode": "cluster", "python": "/opt/afterbell/bin/python"}
    found = ClusterProfile(**keys, driver_cores=2).spark_conf()
    assert found["spark.pyspark.driver.python"] == found["spark.pyspark.python"] == "/opt/afterbell/bin/python"
    assert found["spark.driver.cores"] == "2"


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_no_property_is_a_secret_an_environment_variable_or_the_place_of_the_driver(name):
    """The place goes as ``--master`` and ``--deploy-mode``; variables and secrets go by the environment alone."""
    for key in load_profile(name).spark_conf():
        assert not key.startswith(("spark.executorEnv.", "spark.mesos.driverEnv.", "spark.yarn."))
        assert not any(word in key.lower() for word in ("secret", "password", "token", "access.key"))
        assert key not in {"spark.master", "spark.submit.deployMode", "spark.mesos.dispatcher.webui.url"}
