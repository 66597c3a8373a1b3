"""Drivers submitted beside the tests, as the project submits its own, and what they wrote."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from afterbell.cluster.properties import FIRST_EXECUTOR_SECONDS, MASTER_UI, REGISTERED_SECONDS
from afterbell.cluster.submission import driver_properties, library_zip
from afterbell.config.platform import Folders
from tests.clusters.classes import executor_properties
from tests.clusters.mesos.build import libmesos_of
from tests.clusters.programs import java_environment
from tests.patience import LONG

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = Path(__file__).parent / "scenarios"
SUBMIT = ROOT / "include" / "afterbell" / "cluster" / "spark-submit"
_SMALL = {"spark.driver.memory": "512m", "spark.executor.memory": "512m", "spark.driver.host": "127.0.0.1",
          "spark.ui.enabled": "false"}  # fmt: skip


def limits(ui: str = "", *, registered: int = LONG, first_executor: int = 10) -> dict[str, str]:
    """The properties of a profile's limits."""
    found = {REGISTERED_SECONDS: str(registered), FIRST_EXECUTOR_SECONDS: str(first_executor)}
    return found | ({MASTER_UI: ui} if ui else {})


def environment(spark_home: Path | None = None) -> dict[str, str]:
    """The variables of a submission: Java, Spark and Python of the project, or another Spark."""
    folders = Folders.from_env()
    on_mesos = {"MESOS_NATIVE_JAVA_LIBRARY": libmesos_of(spark_home)} if spark_home else {}
    return (
        java_environment(folders)
        | on_mesos
        | {
            "SPARK_HOME": str(spark_home or folders.spark_home),
            "PYSPARK_PYTHON": str(folders.spark_python),
            "PYSPARK_DRIVER_PYTHON": str(folders.spark_python),
            "SPARK_LOCAL_IP": "127.0.0.1",
        }
    )


def conf_of(properties: Mapping[str, str]) -> list[str]:
    """Spark properties as the arguments of spark-submit."""
    return [word for name, value in properties.items() for word in ("--conf", f"{name}={value}")]


@contextmanager
def driver(
    folder: Path,
    script: str,
    master: str,
    conf: dict[str, str],
    *,
    spark_home: Path | None = None,
    inputs: dict[str, object] | None = None,
) -> Iterator[subprocess.Popen[str]]:
    """A driver in client mode, its output in one stream; it ends with the block."""
    folders = Folders.from_env()
    # Another Spark's class path is not that of the archive.
    quick = {} if spark_home else driver_properties(folders) | executor_properties(folders)
    argv = [str(SUBMIT), "--master", master, *conf_of(_SMALL | {"spark.local.dir": str(folder)} | quick | conf)]
    argv += ["--py-files", str(library_zip(ROOT / "include", folder / "build")), str(SCENARIOS / script)]
    argv += ["--session", "2016-06-30", "--run-id", "r", "--deadline", "2016-06-30T22:00:00+00:00"]
    argv += ["--inputs", json.dumps(inputs or {})]
    with subprocess.Popen(
        argv, env=environment(spark_home), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def outcome(
    folder: Path, script: str, master: str, conf: dict[str, str], spark_home: Path | None = None
) -> tuple[int, str]:
    """Exit status and output of a driver that ends by itself."""
    with driver(folder, script, master, conf, spark_home=spark_home) as process:
        try:
            # Longer than the driver itself waits, which then says what for.
            output, _ = process.communicate(timeout=2 * LONG)
        except subprocess.TimeoutExpired as late:
            raise AssertionError(f"the driver has not ended: {str(late.output)[-3000:]}") from late
        return process.returncode, output


def read_until(process: subprocess.Popen[str], word: str) -> str:
    """What the driver writes up to the line with ``word``."""
    assert process.stdout is not None
    read: list[str] = []
    for line in process.stdout:
        read.append(line)
        if word in line:
            return "".join(read)
    raise AssertionError(f"no {word}: {''.join(read)[-3000:]}")
