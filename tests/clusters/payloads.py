"""Requests that make a cluster run a Python driver, as they were found to work, written out by hand.

What the code under test sends is its own affair; these stand beside it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from afterbell.config.platform import Folders

DRIVERS = Path(__file__).with_name("drivers")
_OPENS = " ".join(
    f"--add-opens=java.base/{package}=ALL-UNNAMED"
    for package in ("java.lang", "java.nio", "java.util", "java.net", "sun.nio.ch", "sun.util.calendar")
)
_SPARK_ENV = """\
# The dispatcher passes the driver's cores as a fraction, which spark-submit refuses (SPARK-39617).
if [ "$1" = org.apache.spark.deploy.SparkSubmit ]; then
  for _argument in "$@"; do
    shift
    if [ "${_previous-}" = --driver-cores ]; then _argument="${_argument%.0}"; fi
    set -- "$@" "$_argument"
    _previous="$_argument"
  done
  unset _argument _previous
fi
"""


def standalone_request(master: str, driver: str, *arguments: str, **conf: str) -> dict[str, Any]:
    """Run ``driver`` (a file of ``drivers``) on the standalone master: spark-submit itself is the main class."""
    return _request(
        appResource="",
        mainClass="org.apache.spark.deploy.SparkSubmit",
        appArgs=["--master", master, "--deploy-mode", "client", str(DRIVERS / driver), *arguments],
        sparkProperties={
            **_sizes(master, driver),
            "spark.driver.extraJavaOptions": _OPENS,
            **{key.replace("__", "."): value for key, value in conf.items()},
        },
    )


def mesos_request(address: str, scratch: Path, driver: str, *arguments: str, **conf: str) -> dict[str, Any]:
    """Run ``driver`` through the dispatcher at ``address``; ``scratch`` takes the file against SPARK-39617."""
    spark_env = scratch / "spark-env.sh"
    spark_env.write_text(_SPARK_ENV, encoding="utf-8")
    return _request(
        appResource=str(DRIVERS / driver),
        mainClass="",
        appArgs=list(arguments),
        sparkProperties={
            **_sizes(address, driver),
            "spark.mesos.uris": str(spark_env),
            "spark.mesos.driverEnv.SPARK_CONF_DIR": ".",
            **{key.replace("__", "."): value for key, value in conf.items()},
        },
    )


def _sizes(master: str, driver: str) -> dict[str, str]:
    return {
        "spark.app.name": driver.removesuffix(".py"),
        "spark.master": master,
        "spark.submit.deployMode": "cluster",
        "spark.driver.memory": "512m",
        "spark.executor.memory": "512m",
        "spark.executor.cores": "1",
        "spark.cores.max": "2",
        "spark.ui.enabled": "false",
    }


def _request(**fields: Any) -> dict[str, Any]:
    python = str(Folders.from_env().spark_python)
    return {
        "action": "CreateSubmissionRequest",
        "clientSparkVersion": "3.5.9",
        "environmentVariables": {"PYSPARK_PYTHON": python, "PYSPARK_DRIVER_PYTHON": python},
        **fields,
    }
