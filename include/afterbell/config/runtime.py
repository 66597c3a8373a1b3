"""The stores of a step, read from the environment that the launcher or the operator prepared.

Secrets of S3 are not part of it: boto3 and S3A read ``AWS_ACCESS_KEY_ID`` and ``AWS_SECRET_ACCESS_KEY`` from the
environment themselves, so that they never appear in arguments, configuration or logs.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from afterbell.config.environment import (
    ARTIFACT_BUCKET,
    FEED_BUCKET,
    HDFS_COOKIE,
    HDFS_ROOT,
    HDFS_URL,
    HDFS_USER,
    HOME,
    LAKE_CATALOG,
    LAKE_WAREHOUSE,
    S3_ENDPOINT,
    S3_REGION,
)
from afterbell.errors import ConfigError


@dataclass(frozen=True)
class S3Location:
    """An S3 service: ``endpoint`` is None for AWS's own."""

    endpoint: str | None
    region: str
    feed_bucket: str
    artifact_bucket: str


@dataclass(frozen=True)
class HdfsLocation:
    """A NameNode's WebHDFS address (``http://host:port``), the user to act as, and the feed's root folder.

    Attributes:
        url: the address.
        user: the user of WebHDFS.
        root: the folder.
        cookie: identifies the owner to the embedded HDFS; empty for another, never shown.
    """

    url: str
    user: str
    root: str
    cookie: str = field(default="", repr=False)


@dataclass(frozen=True)
class LakeLocation:
    """The Iceberg catalog (a JDBC address) and its warehouse (``file:``, ``hdfs:`` or ``s3a:``)."""

    catalog: str
    warehouse: str


@dataclass(frozen=True)
class Runtime:
    """The stores of one step, and the folder for what stays on this machine (reports, Data Docs, matrices).

    Attributes:
        s3: the S3 service.
        hdfs: the NameNode.
        lake: the Iceberg catalog.
        home: the folder on this machine.
        deadline: UTC instant up to which a store that does not answer is tried again; None for a few tries.
    """

    s3: S3Location
    hdfs: HdfsLocation
    lake: LakeLocation
    home: Path
    deadline: datetime | None = None

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Runtime:
        """Read the ``AFTERBELL_*`` variables.

        Raises:
            ConfigError: one is missing; the message names it.
        """
        variables = os.environ if env is None else env

        def need(name: str) -> str:
            value = variables.get(name, "")
            if not value:
                raise ConfigError(
                    f"environment variable {name} is not set: start this through ./afterbell or the DAG, "
                    "which set it from include/config/platform.yaml or the Airflow connections"
                )
            return value

        return cls(
            s3=S3Location(
                endpoint=variables.get(S3_ENDPOINT) or None,
                region=need(S3_REGION),
                feed_bucket=need(FEED_BUCKET),
                artifact_bucket=need(ARTIFACT_BUCKET),
            ),
            hdfs=HdfsLocation(
                url=need(HDFS_URL),
                user=need(HDFS_USER),
                root=need(HDFS_ROOT),
                cookie=variables.get(HDFS_COOKIE, ""),
            ),
            lake=LakeLocation(catalog=need(LAKE_CATALOG), warehouse=need(LAKE_WAREHOUSE)),
            home=Path(need(HOME)).absolute(),  # on a node of a cluster: below the driver's own folder
        )

    def until(self, deadline: datetime) -> Runtime:
        """The same stores, retried until ``deadline`` (with its zone) and never after it."""
        return replace(self, deadline=deadline)

    def to_env(self) -> dict[str, str]:
        """The variables that ``from_env`` reads."""
        return {
            S3_ENDPOINT: self.s3.endpoint or "",
            S3_REGION: self.s3.region,
            FEED_BUCKET: self.s3.feed_bucket,
            ARTIFACT_BUCKET: self.s3.artifact_bucket,
            HDFS_URL: self.hdfs.url,
            HDFS_USER: self.hdfs.user,
            HDFS_ROOT: self.hdfs.root,
            **({HDFS_COOKIE: self.hdfs.cookie} if self.hdfs.cookie else {}),
            LAKE_CATALOG: self.lake.catalog,
            LAKE_WAREHOUSE: self.lake.warehouse,
            HOME: str(self.home),
        }
