"""Cluster profiles are typed files; an unknown one is an error that lists those there are."""

import pytest

from afterbell.cluster.profile import ClusterProfile, load_profile
from afterbell.config.loader import config_folder
from afterbell.errors import ConfigError


@pytest.mark.parametrize("name", sorted(path.stem for path in (config_folder() / "clusters").glob("*.yaml")))
def test_every_profile_in_the_folder_loads(name):
    assert load_profile(name).deploy_mode in {"client", "cluster"}


@pytest.mark.parametrize("name", ["moon", "", "../platform", "local.yaml", "/etc/passwd"])
def test_an_unknown_profile_is_refused_with_the_known_ones(name):
    with pytest.raises(ConfigError, match=r"is not known; .* has: local, mesos-client, standalone"):
        load_profile(name)


def test_yarn_is_not_a_master_of_ours():
    with pytest.raises(ValueError, match="master"):
        ClusterProfile(master="yarn")


def test_a_wrong_key_is_named_with_its_file(tmp_path, monkeypatch):
    (tmp_path / "clusters").mkdir()
    (tmp_path / "clusters" / "own.yaml").write_text("master: local\ndriver_memry: 4g\n")
    monkeypatch.setenv("AFTERBELL_CONFIG", str(tmp_path))
    with pytest.raises(ConfigError, match=r"own\.yaml: 1 wrong key.*\n.*driver_memry: Extra inputs"):
        load_profile("own")


def test_zero_cores_leave_the_choice_to_the_cluster():
    conf = ClusterProfile(master="mesos://127.0.0.1:5050", cores_max=16).spark_conf()
    assert conf["spark.cores.max"] == "16"
    assert "spark.executor.cores" not in conf
    assert conf["spark.executor.memory"] == "4g"
