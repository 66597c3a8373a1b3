"""Addresses of the stores, embedded or not, and the environment that gives them to a step."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from afterbell.config.environment import CONFIG, ENV
from afterbell.config.loader import config_folder
from afterbell.config.platform import EMBEDDED, Folders, Platform
from afterbell.config.runtime import HdfsLocation, Runtime, S3Location
from afterbell.config.s3_keys import OF_BUCKETS, pairs_in
from afterbell.embedded.hdfs_security import identity
from afterbell.embedded.ports import LOOPBACK
from afterbell.embedded.process import Supervisor
from afterbell.embedded.seaweedfs import credentials
from afterbell.errors import ConfigError, ServiceError

STORES = ("s3", "hdfs")


@dataclass(frozen=True)
class Endpoints:
    """Addresses of the stores.

    Attributes:
        s3_url: address of the S3 service; None for AWS's own.
        hdfs_url: address of WebHDFS.
        access_key: of S3.
        secret_key: of S3; never shown.
        hdfs_user: the user of WebHDFS; on the embedded one a secret, never shown.
        hdfs_cookie: identifies the owner to the embedded WebHDFS; empty for another, never shown.
    """

    s3_url: str | None
    hdfs_url: str
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    hdfs_user: str = field(repr=False)
    hdfs_cookie: str = field(default="", repr=False)


def endpoints(folders: Folders, platform: Platform, names: Sequence[str] = STORES) -> Endpoints:
    """The addresses and keys of the stores: the embedded ones as they run, the others as configured.

    An embedded store that is not among ``names`` may be down: its address then has port 0, where nothing listens.

    Raises:
        ServiceError: an embedded store does not run.
        ConfigError: S3 is an address of the user's own and its keys are not in the environment.
    """
    records = Supervisor(folders.services).records()

    def port(name: str) -> int:
        record = records.get(name)
        if not (record and record.alive):
            if name not in names:
                return 0
            raise ServiceError(f"the embedded service {name!r} is not running: start it with `make up`")
        return record.ports[name]

    s3_url: str | None = platform.s3.endpoint
    if s3_url == EMBEDDED:
        s3_url = f"http://{LOOPBACK}:{port('s3')}"
        keys = credentials(folders.services)
    else:
        s3_url = None if s3_url == "aws" else s3_url
        keys = _keys(os.environ)
    if platform.hdfs.url != EMBEDDED:
        return Endpoints(s3_url, platform.hdfs.url, *keys, platform.hdfs.user)
    owner = identity(folders.services)
    return Endpoints(s3_url, f"http://{LOOPBACK}:{port('hdfs')}", *keys, owner.user, owner.cookie)


def _keys(env: Mapping[str, str]) -> tuple[str, str]:
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    keys = tuple(env.get(name, "") for name in names)
    if missing := [name for name, value in zip(names, keys, strict=True) if not value]:
        raise ConfigError(
            f"s3.endpoint names a store of your own, but {' and '.join(missing)} are not in the environment"
        )
    return keys[0], keys[1]


def step_env(folders: Folders, platform: Platform, stores: Endpoints) -> dict[str, str]:
    """The variables that a step reads: for environments of children alone, since the stores' keys are among them."""
    lake = platform.lake_location(folders.home)
    if platform.lake.catalog == EMBEDDED:
        (folders.home / "lake").mkdir(parents=True, exist_ok=True)  # SQLite makes the file, not its folder
    s3 = platform.s3
    runtime = Runtime(
        s3=S3Location(stores.s3_url, s3.region, s3.feed_bucket, s3.artifact_bucket),
        hdfs=HdfsLocation(stores.hdfs_url, stores.hdfs_user, platform.hdfs.root, stores.hdfs_cookie),
        lake=lake,
        home=folders.home,
    )
    return (
        runtime.to_env()
        | {
            CONFIG: str(config_folder()),
            ENV: str(folders.env),
            "AWS_ACCESS_KEY_ID": stores.access_key,
            "AWS_SECRET_ACCESS_KEY": stores.secret_key,
            "AWS_DEFAULT_REGION": s3.region,
        }
        | _bucket_keys(platform)
    )


def _bucket_keys(platform: Platform) -> dict[str, str]:
    """The buckets' own pairs; the embedded S3 has one pair, and those of the shell are about another store."""
    return dict.fromkeys(OF_BUCKETS, "") if platform.s3.endpoint == EMBEDDED else pairs_in(os.environ)
