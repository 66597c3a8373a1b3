"""For notebooks: the platform's stores, opened for reading, and a Spark session on its cluster; a line each."""

from __future__ import annotations

import atexit
import os
from contextlib import ExitStack
from functools import lru_cache
from typing import TYPE_CHECKING

from afterbell.cli.context import Opened, stores
from afterbell.cluster.driver import PASSED_ON
from afterbell.cluster.profile import load_profile
from afterbell.cluster.submission import submission

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_IDLE = "60s"


@lru_cache(maxsize=1)
def open_platform() -> Opened:
    """The lake and the artifact store, as the environment names them, until this process ends.

    The embedded S3 is started if it doesn't run; a second call returns the same.

    Raises:
        ConfigError: the platform's file is wrong, or the S3 keys are not in the environment.
        ServiceError: the embedded S3 did not come up.
    """
    held = ExitStack()
    opened = held.enter_context(stores("s3", quiet=True))
    atexit.register(held.close)
    return opened


def cluster_session(opened: Opened, app: str = "notebook", cores: int = 1) -> SparkSession:
    """A Spark session on the lake whose driver is this process, on the platform's cluster.

    Daily runs need the same cluster: so the session takes no more than ``cores``, and gives executors back that have
    had nothing to do for a minute.

    Args:
        opened: from ``open_platform``.
        app: the application's name on Spark's pages.
        cores: most cores of the cluster, over all executors.

    Raises:
        ConfigError: the cluster's profile is wrong or does not take drivers in client mode, the project is not
            set up, or ``spark.authenticate`` has no secret.
    """
    from pyspark import SparkConf, SparkContext  # noqa: PLC0415 - Java is needed for nothing else

    from afterbell.lake.spark import lake_session  # noqa: PLC0415

    named = load_profile(opened.platform.cluster)
    profile = named.at(named.master, "client")
    sent = submission(opened.folders, profile.master)
    conf = sent.conf | profile.spark_conf() | {"spark.master": profile.master}
    if sent.jars:
        conf |= {"spark.jars": sent.jars, **_modest(cores)}
    os.environ.update(sent.environment | {"PYSPARK_PYTHON": profile.python or str(opened.folders.spark_python)})
    # Java starts with these on its command line, which others can read; secrets are set afterwards.
    SparkContext._ensure_initialized(conf=SparkConf(loadDefaults=False).setAll(list(conf.items())))  # noqa: SLF001
    java_system = SparkContext._jvm.java.lang.System  # noqa: SLF001
    for settings_of in PASSED_ON:
        for name, value in settings_of(conf, os.environ).items():
            java_system.setProperty(name, value)
    return lake_session(opened.runtime, app)


def _modest(cores: int) -> dict[str, str]:
    return {
        "spark.cores.max": str(cores),
        "spark.executor.cores": "1",
        "spark.dynamicAllocation.enabled": "true",
        "spark.dynamicAllocation.shuffleTracking.enabled": "true",
        "spark.dynamicAllocation.executorIdleTimeout": _IDLE,
        "spark.dynamicAllocation.shuffleTracking.timeout": _IDLE,  # what a shuffle left would keep them for ever
        "spark.dynamicAllocation.maxExecutors": str(cores),
    }
