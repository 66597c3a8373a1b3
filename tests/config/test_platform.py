"""The platform's file: where stores are found, and what a wrong key or variable says."""

from __future__ import annotations

from pathlib import Path

import pytest

from afterbell.config.platform import Folders, Platform, load_platform
from afterbell.config.runtime import LakeLocation
from afterbell.errors import ConfigError


def named(tmp_path: Path, text: str) -> dict[str, str]:
    path = tmp_path / "platform.yaml"
    path.write_text(text)
    return {"AFTERBELL_PLATFORM": str(path)}


def test_the_committed_file_embeds_every_store_on_free_ports() -> None:
    platform = load_platform({})
    assert platform.embedded_stores() == ("s3", "hdfs")
    assert (platform.ports.s3, platform.ports.hdfs, platform.ports.ui) == (0, 0, 0)
    assert (platform.exchange, platform.cluster) == ("XNYS", "local")


def test_the_embedded_lake_lies_below_the_home_folder() -> None:
    assert Platform().lake_location(Path("/srv/afterbell")) == LakeLocation(
        catalog="jdbc:sqlite:/srv/afterbell/lake/catalog.db", warehouse="file:/srv/afterbell/lake/warehouse"
    )


def test_a_file_of_ones_own_points_the_stores_elsewhere(tmp_path: Path) -> None:
    env = named(
        tmp_path,
        "s3: {endpoint: aws, region: eu-west-1}\n"
        "hdfs: {url: 'http://namenode:9870'}\n"
        "lake: {catalog: 'jdbc:postgresql://db/lake', warehouse: 's3a://lake/warehouse'}\n",
    )
    platform = load_platform(env)
    assert platform.embedded_stores() == ()
    assert platform.lake_location(Path("/any")) == LakeLocation("jdbc:postgresql://db/lake", "s3a://lake/warehouse")


def test_ports_of_the_environment_win() -> None:
    ports = load_platform({"AFTERBELL_S3_PORT": "9000", "AFTERBELL_UI_PORT": "8080"}).ports
    assert (ports.s3, ports.hdfs, ports.ui) == (9000, 0, 8080)


@pytest.mark.parametrize("text", ["http", "-1", "65536", "80 ", "٨٠", "0x50"])
def test_a_port_that_is_none_names_its_variable(text: str) -> None:
    with pytest.raises(ConfigError, match="AFTERBELL_HDFS_PORT"):
        load_platform({"AFTERBELL_HDFS_PORT": text})


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("s3: {endpoint: 'ftp://x'}", "s3.endpoint"),
        ("s3: {endpoint: 'https://key:secret@s3.example.com'}", "s3.endpoint"),
        ("s3: {feed_bucket: '../x'}", "s3.feed_bucket"),
        ("hdfs: {root: '/feed/../etc'}", "hdfs.root"),
        ("hdfs: {root: '/'}", "hdfs.root"),
        ("hdfs: {user: 'a b'}", "hdfs.user"),
        ("ports: {s3: 70000}", "ports.s3"),
        ("ports: {web: 80}", "ports.web"),
        ("cluster: ../local", "cluster"),
    ],
)
def test_a_wrong_key_is_named_with_its_file(tmp_path: Path, text: str, key: str) -> None:
    env = named(tmp_path, text)
    with pytest.raises(ConfigError) as error:
        load_platform(env)
    assert env["AFTERBELL_PLATFORM"] in str(error.value)
    assert f"  {key}: " in str(error.value)


def test_folders_follow_the_environment() -> None:
    folders = Folders.from_env({"AFTERBELL_HOME": "/srv/home", "AFTERBELL_ENV": "/opt/env"})
    assert (folders.home, folders.env, folders.services) == (
        Path("/srv/home"),
        Path("/opt/env"),
        Path("/srv/home/services"),
    )


def test_what_set_up_did_not_make_says_so(tmp_path: Path) -> None:
    folders = Folders(root=tmp_path, home=tmp_path, env=tmp_path / "env")
    for ask in (lambda: folders.spark_python, lambda: folders.jars, lambda: folders.weed, lambda: folders.hdfs_jars):
        with pytest.raises(ConfigError, match="run `make setup`"):
            ask()
