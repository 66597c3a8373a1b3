"""The environment of a Spark driver that runs beside whoever starts it, on this machine's cores."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from afterbell.cluster.submission import driver_properties
from afterbell.config.platform import Folders

ROOT = Path(__file__).resolve().parents[1]
ELSEWHERE = {
    "AFTERBELL_S3_REGION": "us-east-1",
    "AFTERBELL_FEED_BUCKET": "feed",
    "AFTERBELL_ARTIFACT_BUCKET": "artifacts",
    "AFTERBELL_HDFS_URL": "http://127.0.0.1:1",
    "AFTERBELL_HDFS_USER": "nobody",
    "AFTERBELL_HDFS_ROOT": "/feed",
}
"""Stores that a scenario does not use."""
_KEPT = ("PATH", "HOME", "JDK_JAVA_OPTIONS")


def driver_env(step: Mapping[str, str], scratch: Path, submit: str) -> dict[str, str]:
    """Java, Spark, the locked jars and the project's code.

    Args:
        step: the variables of a step: stores, lake, home.
        scratch: a folder for Spark's own files.
        submit: further arguments of spark-submit, such as ``--master local[2]``.
    """
    folders = Folders.from_env()
    # As the project submits a driver of this machine's, so that it starts from the archive of classes, too.
    conf = {
        **driver_properties(folders),
        "spark.ui.enabled": "false",
        "spark.local.dir": str(scratch),
    }
    return {
        **{name: os.environ[name] for name in _KEPT if name in os.environ},
        **step,
        "JAVA_HOME": str(folders.java_home),
        "SPARK_HOME": str(folders.spark_home),
        "PYSPARK_PYTHON": str(folders.spark_python),
        "PYTHONPATH": f"{ROOT / 'include'}:{ROOT}",
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_SUBMIT_ARGS": " ".join((
            submit,
            *(f"--conf {shlex.quote(f'{name}={value}')}" for name, value in conf.items()),
            "pyspark-shell",
        )),
    }  # fmt: skip
