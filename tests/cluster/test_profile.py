"""Cluster profiles are typed files; an unknown one and keys that don't go together are refused with what to write."""

import pytest
from pydantic import ValidationError

from afterbell.cluster.profile import ClusterProfile, load_profile
from afterbell.config.loader import config_folder
from afterbell.errors import ConfigError

NAMES = ["compose", "compose-mesos", "local", "mesos-client", "mesos-cluster", "standalone", "standalone-cluster"]
ON_CLUSTER = {"compose", "compose-mesos", "mesos-cluster", "standalone-cluster"}
MESOS, SPARK, LOCAL = "mesos://m1:5050", "spark://m1:7077", "local[2]"


def test_the_folder_holds_the_profiles_that_the_documents_name():
    assert sorted(path.stem for path in (config_folder() / "clusters").glob("*.yaml")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_profile_in_the_folder_loads_and_its_driver_runs_where_its_name_says(name):
    assert load_profile(name).deploy_mode == ("cluster" if name in ON_CLUSTER else "client")


@pytest.mark.parametrize("name", ["moon", "", "../platform", "local.yaml", "/etc/passwd"])
def test_an_unknown_profile_is_refused_with_the_known_ones(name):
    with pytest.raises(ConfigError, match=rf"is not known; .* has: {', '.join(NAMES)}"):
        load_profile(name)


@pytest.mark.parametrize("master", ["yarn", "spark://", "spark://m1", "mesos://m1", "k8s://https://x", "local[x]", ""])
def test_a_master_that_is_none_of_ours_is_refused(master):
    with pytest.raises(ValidationError, match="master"):
        ClusterProfile(master=master)


@pytest.mark.parametrize(
    "master", ["local", "local[*]", SPARK, "spark://a:7077,b:7077", MESOS, "mesos://zk://a:2181/m"]
)
def test_every_master_of_ours_is_taken(master):
    assert ClusterProfile(master=master).master == master


def _own(tmp_path, monkeypatch, text):
    (tmp_path / "clusters").mkdir()
    (tmp_path / "clusters" / "own.yaml").write_text(text)
    monkeypatch.setenv("AFTERBELL_CONFIG", str(tmp_path))


def test_a_wrong_key_is_named_with_its_file(tmp_path, monkeypatch):
    _own(tmp_path, monkeypatch, "master: local\ndriver_memry: 4g\n")
    with pytest.raises(ConfigError, match=r"own\.yaml: 1 wrong key.*\n.*driver_memry: Extra inputs"):
        load_profile("own")


def test_a_secret_in_a_profile_is_refused_without_being_shown(tmp_path, monkeypatch):
    _own(tmp_path, monkeypatch, "master: local\nconf: {spark.authenticate.secret: canary-secret}\n")
    with pytest.raises(ConfigError, match=r"spark\.authenticate\.secret: secrets belong in the Airflow") as caught:
        load_profile("own")
    assert "canary-secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"master": LOCAL, "deploy_mode": "cluster"}, r"needs a cluster, and master is local\[2\]"),
        ({"master": SPARK, "deploy_mode": "cluster"}, r"needs rest_url: http://"),
        (
            {"master": "mesos://zk://a:2181/mesos", "deploy_mode": "cluster"},
            r"dispatcher as master \(mesos://host:7077\)",
        ),
        ({"master": MESOS, "rest_url": "http://m1:6066"}, "rest_url is for standalone masters"),
        ({"master": SPARK, "role": "market"}, "role: for Mesos alone, and master is spark://"),
        ({"master": SPARK, "coarse": False}, "coarse: for Mesos alone"),
        ({"master": SPARK, "containerizer": "mesos"}, "containerizer: for Mesos alone"),
        ({"master": LOCAL, "image": "a/b:1", "constraints": "rack:r1"}, "image, constraints: for Mesos alone"),
        ({"master": LOCAL, "share": "/mnt/share"}, "share: for clusters alone"),
        ({"master": MESOS, "executor_home": "/opt/spark", "executor_uri": "/x/spark-3.tgz"}, "leave one out"),
        ({"master": MESOS, "executor_uri": "http://x/afterbell.tgz"}, r"call it spark-3\.5\.9\.tgz"),
        ({"master": MESOS, "image": "a/b:1", "python": "/usr/bin/python3.11"}, "image needs executor_home"),
        ({"master": MESOS, "image": "a/b:1", "executor_home": "/opt/spark"}, "image needs python"),
        ({"master": SPARK, "environment_archive": "/mnt/env.rpm"}, r"must end in one of \.tgz, \.tar\.gz, \.zip"),
        (
            {"master": "mesos://m1:7077", "deploy_mode": "cluster", "environment_archive": "hdfs://n/env.tar.gz"},
            "in cluster mode needs python",
        ),
        ({"master": SPARK, "executor_cores": 8, "cores_max": 4}, "no executor would start"),
        ({"master": SPARK, "conf": {"spark.executor.memory": "9g"}}, "set the key executor_memory instead"),
        ({"master": SPARK, "conf": {"afterbell.x": "1"}}, "begin with 'spark.'"),
        (
            {"master": SPARK, "conf": {"spark.hadoop.fs.s3a.access.key": "x"}},
            "secrets belong in the Airflow connection",
        ),
    ],
)
def test_keys_that_do_not_go_together_are_refused_with_what_to_write(keys, message):
    with pytest.raises(ValidationError, match=message):
        ClusterProfile(**keys)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("python", "python3"), ("python", "/opt/x; rm -rf /"), ("executor_home", "spark"), ("share", "../share"),
        ("share", "/mnt/a,b"), ("rest_url", "http://user:pass@m1:6066"), ("master_ui", "javascript:x"),
        ("image", "-v /:/host"), ("role", "a b"), ("constraints", "a:b c"), ("executor_memory", "0g"),
        ("driver_memory", "4"), ("registered_seconds", 0), ("first_executor_seconds", -1), ("driver_cores", 0),
        ("credentials", "yes"), ("event_log", "logs"),
    ],
)  # fmt: skip
def test_a_value_of_another_form_is_refused_by_its_key(key, value):
    with pytest.raises(ValidationError, match=key):
        ClusterProfile(master=MESOS, **{key: value})


def test_keys_of_every_manager_and_of_one_that_are_wrong_are_reported_at_once():
    with pytest.raises(ValidationError, match="3 validation errors") as caught:
        ClusterProfile(master=MESOS, driver_memory="4", role="a b", driver_memry="4g")
    assert sorted(error["loc"] for error in caught.value.errors()) == [("driver_memory",), ("driver_memry",), ("role",)]


@pytest.mark.parametrize("master", [SPARK, LOCAL])
def test_keys_of_another_manager_that_set_nothing_are_taken(master):
    assert ClusterProfile(master=master, role="", coarse=True).master == master


def test_the_rest_address_of_the_dispatcher_is_its_masters():
    found = ClusterProfile(master="mesos://m1:7077", deploy_mode="cluster")
    assert found.rest_address == "http://m1:7077"


def test_a_driver_beside_the_submitter_has_no_rest_address():
    assert ClusterProfile(master=SPARK, rest_url="http://m1:6066").rest_address == ""


def test_a_standalone_profile_moved_to_another_master_takes_its_rest_address_along():
    profile = ClusterProfile(master=SPARK, deploy_mode="cluster", rest_url="http://m1:6066")
    assert profile.at("spark://m2:7078", "cluster").rest_address == "http://m2:6066"
    assert profile.at("spark://m2:7078", "cluster", "http://m3:1").rest_address == "http://m3:1"


def test_a_profile_moved_where_it_does_not_fit_is_refused():
    profile = ClusterProfile(master=MESOS, role="market")
    with pytest.raises(ConfigError, match=r"profile for spark://m2:7077 in client mode.*\n.*role: for Mesos alone"):
        profile.at("spark://m2:7077", "client")
