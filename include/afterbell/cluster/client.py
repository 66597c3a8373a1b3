"""A driver beside the submitter, outside Airflow: the same spark-submit that a step's operator runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from afterbell.cluster.profile import ClusterProfile
from afterbell.cluster.submission import Submission


def spark_submit(parts: Submission, cluster: ClusterProfile, script: Path, arguments: Sequence[str]) -> list[str]:
    """The argv; nothing of it is secret, and nothing of it is parsed by a shell."""
    argv = [parts.spark_binary, "--master", cluster.master, "--deploy-mode", "client"]
    for name, value in (parts.conf | cluster.spark_conf()).items():
        argv += ["--conf", f"{name}={value}"]
    if parts.jars:
        argv += ["--jars", parts.jars]
    return [*argv, "--py-files", parts.py_files, "--name", f"afterbell-{script.stem}", str(script), *arguments]
