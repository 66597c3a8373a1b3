"""What a driver is created with: where its files lie, and what stands where nobody must read it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from afterbell.cluster import payload as module
from afterbell.cluster.packed import unpacked
from afterbell.cluster.payload import payload, sent
from afterbell.cluster.profile import ClusterProfile
from afterbell.cluster.share import placed
from afterbell.config.platform import Folders
from afterbell.errors import ConfigError
from tests.cluster.test_connections import COOKIE
from tests.cluster.test_connections import ENV as STORES

ENV = STORES | {"AFTERBELL_HDFS_COOKIE": COOKIE}
ARGUMENTS = ["--session", "2016-06-30", "--inputs", '{"branch": "$(id) `id`"}']
STANDALONE = {"master": "spark://m1:7077", "rest_url": "http://m1:6066", "deploy_mode": "cluster"}
MESOS = {"master": "mesos://d1:7077", "deploy_mode": "cluster"}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    set_up = Folders.from_env()
    return Folders(root=set_up.root, home=tmp_path_factory.mktemp("home"), env=set_up.env)


def request(folders, **profile):
    cluster = ClusterProfile(**profile)
    files = sent(folders, cluster, folders.root / "spark_jobs" / "ingest.py", ENV)
    return payload(folders, cluster, files, ARGUMENTS, ENV)


def test_a_standalone_worker_is_told_to_submit_the_script_it_fetched(folders):
    found = request(folders, **STANDALONE)
    assert found["mainClass"] == "org.apache.spark.deploy.SparkSubmit"
    assert found["appResource"] == (folders.root / "spark_jobs" / "ingest.py").as_uri()
    before, script, packed = found["appArgs"][:4], found["appArgs"][4], found["appArgs"][5:]
    assert before[:3] == ["--master", "spark://m1:7077", "--py-files"]
    assert Path(before[3]).name.startswith("afterbell-")
    assert script == "{{USER_JAR}}"
    assert unpacked(packed) == ARGUMENTS
    options = found["sparkProperties"]["spark.driver.extraJavaOptions"]
    assert "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED" in options


def test_the_dispatcher_is_given_a_python_script_and_what_mends_its_fault(folders):
    found = request(folders, **MESOS)
    conf = found["sparkProperties"]
    assert found["mainClass"] == ""
    assert found["appResource"] == str(folders.root / "spark_jobs" / "ingest.py")
    assert unpacked(found["appArgs"]) == ARGUMENTS
    assert conf["spark.mesos.uris"].endswith("/cluster/spark-env.sh")
    assert conf["spark.mesos.executor.home"] == str(folders.spark_home)
    assert found["environmentVariables"]["SPARK_CONF_DIR"] == "."
    assert found["environmentVariables"]["SPARK_ENV_LOADED"] == ""
    assert "--add-opens" not in conf["spark.driver.extraJavaOptions"]  # bin/spark-submit adds its own


@pytest.mark.parametrize(
    ("more", "folder"),
    [
        ({"executor_uri": "hdfs://nn:8020/spark-3.5.9.tgz"}, ".."),
        ({"image": "afterbell:1", "executor_home": "/opt/spark", "python": "/opt/python"}, "/mnt/mesos/sandbox"),
    ],
)
def test_the_sandbox_is_found_from_wherever_spark_submit_starts(folders, more, folder):
    assert request(folders, **MESOS, **more)["environmentVariables"]["SPARK_CONF_DIR"] == folder


def test_java_is_named_to_driver_and_executors_where_agents_have_it_at_the_same_path(folders, monkeypatch):
    def java(**more):
        found = request(folders, **MESOS, **more)
        return found["environmentVariables"].get("JAVA_HOME"), found["sparkProperties"].get(
            "spark.executorEnv.JAVA_HOME"
        )

    here = str(folders.java_home)
    assert java() == (here, here)
    assert java(conf={"spark.executorEnv.JAVA_HOME": "/opt/java"}) == (here, "/opt/java")
    assert java(conf={"spark.mesos.driverEnv.JAVA_HOME": "/opt/java"}) == (None, here)
    assert java(image="afterbell:1", executor_home="/opt/spark", python="/opt/python") == (None, None)
    monkeypatch.setattr(Folders, "has_java", False)  # as in Airflow's container
    assert java(executor_home="/opt/spark") == (None, None)


def test_what_the_profile_gives_drivers_wins_over_what_goes_along(folders):
    conf = {"spark.mesos.driverEnv.AFTERBELL_HOME": "/srv/afterbell"}
    found = request(folders, **MESOS, conf=conf)
    assert "AFTERBELL_HOME" not in found["environmentVariables"]
    assert found["sparkProperties"]["spark.mesos.driverEnv.AFTERBELL_HOME"] == "/srv/afterbell"


@pytest.mark.parametrize("profile", [STANDALONE, MESOS])
def test_keys_go_into_the_drivers_environment_and_nowhere_else(folders, profile):
    found = request(folders, **profile)
    assert found.pop("environmentVariables")["AWS_SECRET_ACCESS_KEY"] == ENV["AWS_SECRET_ACCESS_KEY"]
    assert ENV["AWS_SECRET_ACCESS_KEY"] not in json.dumps(found)
    assert COOKIE not in json.dumps(found)


@pytest.mark.parametrize("profile", [STANDALONE, MESOS])
def test_nodes_with_keys_of_their_own_are_sent_none(folders, profile):
    found = request(folders, **profile, credentials="node")["environmentVariables"]
    assert not [name for name in found if (name.startswith("AWS_") and "KEY" in name) or "COOKIE" in name]


@pytest.mark.parametrize("profile", [STANDALONE, MESOS])
@pytest.mark.parametrize(("credentials", "sent"), [("submit", True), ("node", False)])
def test_keys_of_one_bucket_go_the_way_of_the_general_ones(folders, monkeypatch, profile, credentials, sent):
    own = {"AFTERBELL_FEED_SECRET_KEY": "canary-feed", "AFTERBELL_ARTIFACT_ACCESS_KEY": "canary-artifacts"}
    for name, value in own.items():
        monkeypatch.setitem(ENV, name, value)
    found = request(folders, **profile, credentials=credentials)
    variables = found.pop("environmentVariables")
    assert {name: variables.get(name) for name in own} == (own if sent else dict.fromkeys(own))
    assert "canary" not in json.dumps(found)


@pytest.mark.parametrize("profile", [STANDALONE, MESOS])
def test_nodes_with_keys_know_the_buckets(folders, profile):
    found = request(folders, **profile, credentials="node")["environmentVariables"]
    assert found["AFTERBELL_ARTIFACT_BUCKET"] == ENV["AFTERBELL_ARTIFACT_BUCKET"]


def test_the_profile_has_the_last_word_and_adds_to_what_must_be(folders):
    conf = {"spark.log.level": "INFO", "spark.driver.extraJavaOptions": "-Dx=1", "spark.mesos.uris": "http://x/y"}
    found = request(folders, **MESOS, conf=conf)["sparkProperties"]
    assert found["spark.log.level"] == "INFO"
    assert found["spark.driver.extraJavaOptions"].endswith("log4j2.properties -Dx=1")
    assert found["spark.mesos.uris"].split(",")[-1] == "http://x/y"


def test_all_that_a_driver_needs_is_copied_into_the_share_once(folders, tmp_path):
    share = tmp_path / "share"
    first = request(folders, **STANDALONE, share=str(share))
    names = {path: path.stat().st_mtime_ns for path in share.rglob("*") if path.is_file()}
    assert request(folders, **STANDALONE, share=f"file:{share}") == first
    assert {path: path.stat().st_mtime_ns for path in share.rglob("*") if path.is_file()} == names
    sent_paths = [first["appResource"].removeprefix("file://"), first["appArgs"][3]]
    sent_paths += first["sparkProperties"]["spark.driver.extraClassPath"].split(":")
    assert all(path.startswith(str(share)) and Path(path).is_file() for path in sent_paths)
    # But for the Python of this environment, which a profile without `python` takes to be on the nodes as well.
    named = {value for name, value in first["environmentVariables"].items() if "PYTHON" not in name}
    assert not [value for value in named if value.startswith(str(folders.root))]


def test_another_script_does_not_take_the_place_of_the_first(tmp_path):
    script = tmp_path / "ingest.py"
    script.write_text("x = 1\n")
    first = placed(str(tmp_path / "share"), {"script": script}, {})["script"]
    script.write_text("x = 2\n")
    second = placed(str(tmp_path / "share"), {"script": script}, {})["script"]
    assert first != second
    assert Path(first).read_text() == "x = 1\n"
    assert Path(first).stat().st_mode & 0o777 == 0o644


def test_a_share_that_cannot_be_written_is_a_wrong_setting(tmp_path):
    with pytest.raises(ConfigError, match="cannot be written"):
        placed("https://repo/x", {"script": tmp_path / "x"}, {})
    (tmp_path / "file").write_text("")
    (tmp_path / "x").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        placed(str(tmp_path / "file"), {"script": tmp_path / "x"}, {})


def test_files_that_are_fetched_are_named_as_they_lie_in_the_sandbox(folders, monkeypatch):
    def stored(share, files, environment):
        return {name: f"{share}/abc/{path.name}" for name, path in files.items()}

    monkeypatch.setattr(module, "placed", stored)
    mesos = request(folders, **MESOS, share="hdfs://nn:8020/share")
    path = mesos["sparkProperties"]["spark.driver.extraClassPath"].split(":")
    jars = [jar.name for jar in folders.jars]
    assert path == [f"{start}{jar}" for jar in jars for start in ("", "../")]
    uris = mesos["sparkProperties"]["spark.mesos.uris"].split(",")
    assert uris == ["hdfs://nn:8020/share/abc/" + name for name in ["spark-env.sh", *jars]]
    standalone = request(folders, **STANDALONE, share="hdfs://nn:8020/share")
    assert standalone["appResource"] == "hdfs://nn:8020/share/abc/ingest.py"
    at = standalone["appArgs"].index("--jars")
    assert standalone["appArgs"][at + 1].split(",") == ["hdfs://nn:8020/share/abc/" + jar for jar in jars]


def test_the_library_that_is_sent_brings_its_configuration(folders, tmp_path):
    found = request(folders, **STANDALONE)["appArgs"][3]
    with zipfile.ZipFile(found) as archive:
        assert {"afterbell/errors.py", "afterbell-config/platform.yaml"} <= set(archive.namelist())
    code = (
        "from afterbell.config.platform import load_platform; import afterbell; "
        "print(afterbell.__file__, load_platform().exchange)"
    )
    env = {"PYTHONPATH": found, "TMPDIR": str(tmp_path)}
    seen = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env, cwd=tmp_path
    )
    assert seen.stdout.split() == [f"{found}/afterbell/__init__.pyc", "XNYS"]
    assert list(tmp_path.iterdir()) == []  # what was unpacked is gone with the process


def test_a_library_that_an_agent_unpacked_finds_its_configuration_beside_it(folders, tmp_path):
    with zipfile.ZipFile(request(folders, **MESOS)["sparkProperties"]["spark.submit.pyFiles"]) as archive:
        archive.extractall(tmp_path)
    code = "from afterbell.config.loader import config_folder; print(config_folder())"
    env = {"PYTHONPATH": str(tmp_path)}
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert seen.stdout.strip() == f"{tmp_path}/afterbell-config"
    assert (tmp_path / "afterbell-config" / "platform.yaml").is_file()


def _sourced(tmp_path, *arguments, conf=""):
    """What Spark's scripts are left with after they sourced the file, as ``bin/load-spark-env.sh`` does."""
    shutil.copy(Path(module.__file__).with_name("spark-env.sh"), tmp_path / "spark-env.sh")
    (tmp_path / "home" / "conf").mkdir(parents=True)
    if conf:
        (tmp_path / "home" / "conf" / "spark-env.sh").write_text(conf)
    script = 'set -a; . ./spark-env.sh; set +a; printf "%s\\n" "$SPARK_CONF_DIR" "${SITE-}" "$@"'
    env = {"SPARK_HOME": str(tmp_path / "home"), "SPARK_CONF_DIR": ".", "PATH": "/usr/bin:/bin"}
    command = ["bash", "-euc", script, "bash", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=True, env=env, cwd=tmp_path
    ).stdout.splitlines()


def test_the_cores_of_a_driver_become_a_whole_number_and_nothing_else_changes(tmp_path):
    before = [
        "org.apache.spark.deploy.SparkSubmit",
        "--name",
        "a b",
        "--driver-cores",
        "1.0",
        "--conf",
        'x=$(id) "y"',
        "",
    ]
    found = _sourced(tmp_path, *before, "--last")
    assert found[2:] == [*before[:4], "1", *before[5:], "--last"]
    assert found[0] == f"{tmp_path}/home/conf"


def test_the_agents_own_settings_hold(tmp_path):
    assert _sourced(tmp_path, "x", conf="SITE=theirs\n")[1] == "theirs"
