"""Every environment variable of the project: its name, purpose and default.

The one place for these names; a page of the manual lists the same (docs/reference/configuration.md). Two modules can't
import it: ``embedded.guard``, a script that runs alone, and ``features.compiled``, whose code is part of the factors'
definitions. Needs Python's own library and nothing else: it is imported where a process must start at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Audience(StrEnum):
    """Who sets a variable."""

    USER = "user"
    """People, for commands and for Airflow."""
    CONTAINERS = "containers"
    """People, in ``.env`` of the containers, or in a notebook."""
    PROGRAM = "program"
    """The project's own programs, for processes that they start."""


@dataclass(frozen=True)
class Variable:
    """One environment variable.

    Attributes:
        name: in the environment.
        meaning: what it is for, in a line.
        audience: who sets it.
        default: what holds without it, in words; empty where it is needed, or where nothing holds instead.
        secret: whether its value must never be shown.
    """

    name: str
    meaning: str
    audience: Audience
    default: str = ""
    secret: bool = False


_DECLARED: dict[str, Variable] = {}


def _declare(name: str, meaning: str, audience: Audience, default: str = "", *, secret: bool = False) -> str:
    _DECLARED[name] = Variable(name, meaning, audience, default, secret)
    return name


HOME = _declare(
    "AFTERBELL_HOME",
    "the folder of one market: lake, reports, logs, data of the embedded services",
    Audience.USER,
    "`.afterbell/var/<market>` of the last demo",
)
ENV = _declare(
    "AFTERBELL_ENV", "where `make setup` puts environments and jars", Audience.USER, "`.afterbell/env` of the checkout"
)
CONFIG = _declare(
    "AFTERBELL_CONFIG", "another folder like `include/config`", Audience.USER, "the one beside the library"
)
PLATFORM = _declare(
    "AFTERBELL_PLATFORM", "another file like `platform.yaml`", Audience.USER, "`platform.yaml` of the configuration"
)
S3_PORT = _declare("AFTERBELL_S3_PORT", "the port of the embedded S3", Audience.USER, "`ports.s3`")
HDFS_PORT = _declare("AFTERBELL_HDFS_PORT", "the port of the embedded WebHDFS", Audience.USER, "`ports.hdfs`")
UI_PORT = _declare("AFTERBELL_UI_PORT", "the port of the embedded Airflow", Audience.USER, "`ports.ui`")
PORTS: Mapping[str, str] = MappingProxyType({"s3": S3_PORT, "hdfs": HDFS_PORT, "ui": UI_PORT})
"""The variable of each key of ``ports`` in ``platform.yaml``."""
JAVA_HOME = _declare("AFTERBELL_JAVA_HOME", "the Java of Spark and HDFS", Audience.USER, "the one that set-up chose")
KERNEL_CACHE = _declare(
    "AFTERBELL_KERNEL_CACHE",
    "the folder of the factors' compiled kernels",
    Audience.USER,
    "`afterbell/kernels` in the user's cache folder",
)
FEED_ACCESS_KEY = _declare(
    "AFTERBELL_FEED_ACCESS_KEY", "access key of the feed's bucket", Audience.USER, "`AWS_ACCESS_KEY_ID`", secret=True
)
FEED_SECRET_KEY = _declare(
    "AFTERBELL_FEED_SECRET_KEY",
    "secret key of the feed's bucket",
    Audience.USER,
    "`AWS_SECRET_ACCESS_KEY`",
    secret=True,
)
ARTIFACT_ACCESS_KEY = _declare(
    "AFTERBELL_ARTIFACT_ACCESS_KEY",
    "access key of the artifacts' bucket",
    Audience.USER,
    "`AWS_ACCESS_KEY_ID`",
    secret=True,
)
ARTIFACT_SECRET_KEY = _declare(
    "AFTERBELL_ARTIFACT_SECRET_KEY",
    "secret key of the artifacts' bucket",
    Audience.USER,
    "`AWS_SECRET_ACCESS_KEY`",
    secret=True,
)
SPARK_SECRET = _declare(
    "AFTERBELL_SPARK_SECRET",
    "the secret of `spark.authenticate`",
    Audience.USER,
    "on Mesos one for each job",
    secret=True,
)

S3_ENDPOINT = _declare("AFTERBELL_S3_ENDPOINT", "address of S3", Audience.PROGRAM, "AWS's own")
S3_REGION = _declare("AFTERBELL_S3_REGION", "region of S3", Audience.PROGRAM)
FEED_BUCKET = _declare("AFTERBELL_FEED_BUCKET", "bucket of the feed", Audience.PROGRAM)
ARTIFACT_BUCKET = _declare("AFTERBELL_ARTIFACT_BUCKET", "bucket of models and reports", Audience.PROGRAM)
HDFS_URL = _declare("AFTERBELL_HDFS_URL", "WebHDFS address of the NameNode", Audience.PROGRAM)
HDFS_USER = _declare("AFTERBELL_HDFS_USER", "user of WebHDFS", Audience.PROGRAM)
HDFS_ROOT = _declare("AFTERBELL_HDFS_ROOT", "folder of the feed in HDFS", Audience.PROGRAM)
HDFS_COOKIE = _declare(
    "AFTERBELL_HDFS_COOKIE", "cookie of the embedded HDFS's owner", Audience.PROGRAM, "no cookie", secret=True
)
LAKE_CATALOG = _declare("AFTERBELL_LAKE_CATALOG", "JDBC address of the lake's catalog", Audience.PROGRAM)
LAKE_WAREHOUSE = _declare("AFTERBELL_LAKE_WAREHOUSE", "address of the lake's files", Audience.PROGRAM)
NICE = _declare(
    "AFTERBELL_NICE", "niceness of a backfill's driver, and of what it starts", Audience.PROGRAM, "that of its parent"
)
WARM = _declare(
    "AFTERBELL_WARM",
    "seconds that a step's JVM waits for another job",
    Audience.PROGRAM,
    "no JVM is kept or looked for",
)
WORKERS = _declare(
    "AFTERBELL_WORKERS", "the socket where a warm JVM's Python workers come from", Audience.PROGRAM, "Spark's own"
)
SERVICE = _declare("AFTERBELL_SERVICE", "marks every process of an embedded service", Audience.PROGRAM)
GUARD_COMMAND = _declare("AFTERBELL_GUARD_COMMAND", "the program that a guard runs, a JSON list", Audience.PROGRAM)
GUARD_GRACE = _declare(
    "AFTERBELL_GUARD_GRACE", "seconds that a guarded program gets to end by itself", Audience.PROGRAM, "12"
)
GUARD_RESTART = _declare(
    "AFTERBELL_GUARD_RESTART",
    "a guarded program that lived so many seconds is started again",
    Audience.PROGRAM,
    "it is not",
)
COMPLETE = _declare("_AFTERBELL_COMPLETE", "the shell whose completion is printed", Audience.PROGRAM, "a command runs")
SPARK_CONF_DIR = _declare(
    "AFTERBELL_SPARK_CONF_DIR",
    "folder of a Mesos agent's own `spark-env.sh`",
    Audience.PROGRAM,
    "`conf` of Spark's folder",
)
NODE_ENV = _declare("AFTERBELL_NODE_ENV", "file with the keys of a Mesos agent's tasks", Audience.PROGRAM, "no file")
SCRATCH = _declare("AFTERBELL_SCRATCH", "folder for what a container writes at its start", Audience.PROGRAM, "`/tmp`")
RESOLVER = _declare(
    "AFTERBELL_RESOLVER", "name server of the containers' pages", Audience.PROGRAM, "`127.0.0.11`, Docker's own"
)

CLUSTER = _declare(
    "AFTERBELL_CLUSTER", "cluster profile of Airflow's Spark connection", Audience.CONTAINERS, "`compose`"
)
MASTER = _declare("AFTERBELL_MASTER", "its master", Audience.CONTAINERS, "`spark://spark-master:7077`")
METRICS = _declare(
    "AFTERBELL_METRICS", "whether Airflow sends what it counts to `statsd`", Audience.CONTAINERS, "`False`"
)
BIND = _declare("AFTERBELL_BIND", "the address that ports are published on", Audience.CONTAINERS, "`127.0.0.1`")
URL = _declare(
    "AFTERBELL_URL", "Airflow's address in people's browsers", Audience.CONTAINERS, "`http://127.0.0.1:8090`"
)
PROXY = _declare(
    "AFTERBELL_PROXY", "whether a proxy before Airflow sets `X-Forwarded-*`", Audience.CONTAINERS, "`False`"
)
SESSION_MINUTES = _declare(
    "AFTERBELL_SESSION_MINUTES", "minutes after which people sign in again", Audience.CONTAINERS, "thirty idle days"
)
CONFIG_FOLDER = _declare(
    "AFTERBELL_CONFIG_FOLDER", "the folder that is mounted as configuration", Audience.CONTAINERS, "`./include/config`"
)
IMAGES = _declare("AFTERBELL_IMAGES", "where images are pushed to and fetched from", Audience.CONTAINERS, "`afterbell`")
VERSION = _declare("AFTERBELL_VERSION", "the tag of the images", Audience.CONTAINERS, "`local`")
BASE = _declare("AFTERBELL_BASE", "the base image", Audience.CONTAINERS, "`debian:bookworm-slim`, by its digest")
NOTEBOOK_SPARK = _declare(
    "AFTERBELL_NOTEBOOK_SPARK", "whether a notebook opens a Spark session", Audience.CONTAINERS, "it opens none"
)

VARIABLES: Mapping[str, Variable] = MappingProxyType(_DECLARED)
"""All of them by name."""
