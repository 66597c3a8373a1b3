"""The request to Mesos' dispatcher that launches a driver on an agent."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from afterbell.cluster.managers.contract import LaunchParts, Sent, Submissions
from afterbell.cluster.managers.mesos.keys import MesosKeys
from afterbell.cluster.profile_keys import ProfileKeys, own_keys
from afterbell.config.platform import Folders

_SPARK_ENV = "spark_env"
FILES = {_SPARK_ENV: Path(__file__).parents[2] / "spark-env.sh"}
"""What rewrites the arguments that the dispatcher passes; sourced by Spark's own scripts."""
_DRIVER_ENV = "spark.mesos.driverEnv."
"""Prefix of properties that set variables of drivers."""
_SANDBOX = "/mnt/mesos/sandbox"


def launch_parts(folders: Folders, profile: ProfileKeys, files: Sent, environment: dict[str, str]) -> LaunchParts:
    """Parts of the launch request: the Python script, and the files that agents fetch with it."""
    keys, java_home = own_keys(profile, MesosKeys), _java_home(folders, profile)
    home = keys.executor_home or ("" if keys.executor_uri or keys.image else str(folders.spark_home))
    fetched = [files.own[_SPARK_ENV]]
    jars: Sequence[str] = files.jars
    if not files.folder or keys.image:
        fetched += files.jars
        # Relative to where the driver or executor starts: the sandbox, or a folder in it with executor_uri.
        jars = [f"{start}{jar.rsplit('/', 1)[-1]}" for jar in files.jars for start in ("", "../")]
    path = os.pathsep.join(jars)
    variables = environment | java_home
    return LaunchParts(
        resource=files.script,
        main_class="",
        arguments=(),
        java_options=(),
        properties={
            "spark.mesos.executor.home": home,
            "spark.submit.pyFiles": files.library,
            "spark.mesos.uris": ",".join(fetched),
            **{f"spark.executorEnv.{name}": value for name, value in java_home.items()},
            "spark.driver.extraClassPath": path,
            "spark.executor.extraClassPath": path,
        },
        # To the dispatcher these win over what the profile gives drivers; here the profile wins. The last is empty, so
        # that an agent that was itself started by Spark's scripts reads the file, too.
        environment={name: value for name, value in variables.items() if f"{_DRIVER_ENV}{name}" not in profile.conf}
        | {"SPARK_CONF_DIR": _conf_dir(keys), "SPARK_ENV_LOADED": ""},
        joined={"spark.mesos.uris": ","},
    )


def _conf_dir(keys: MesosKeys) -> str:
    """The sandbox, as ``bin/spark-submit`` sees it."""
    if keys.image:
        return _SANDBOX
    return ".." if keys.executor_uri else "."


def _java_home(folders: Folders, profile: ProfileKeys) -> dict[str, str]:
    """The Java of the project, where agents have it under the same path: they give tasks no variables of theirs.

    Whoever submits may lack Java (Airflow in a container): then the agents name theirs.
    """
    if profile.share or own_keys(profile, MesosKeys).image or not folders.has_java:
        return {}
    return {"JAVA_HOME": str(folders.java_home)}


def submissions(address: str) -> Submissions:
    """The client of the dispatcher at ``address``, which speaks Spark's REST submission protocol."""
    from afterbell.cluster.rest import RestSubmissions  # noqa: PLC0415 - requests: profiles need no network

    return RestSubmissions(address)
