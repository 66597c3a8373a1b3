"""How a driver on the cluster is created: one request of the REST submission protocol.

A standalone master starts ``SparkSubmit`` on a worker, which fetches the script and starts Python; Mesos' dispatcher
has an agent fetch the script into a sandbox and start ``bin/spark-submit`` there through a shell.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from afterbell.cluster.packed import packed
from afterbell.cluster.profile import ClusterProfile
from afterbell.cluster.share import is_folder, placed
from afterbell.cluster.submission import LOGGING, library_zip
from afterbell.config.environment import HDFS_COOKIE, HOME
from afterbell.config.loader import config_folder
from afterbell.config.platform import Folders
from afterbell.config.s3_keys import S3_KEYS

SPARK_VERSION = "3.5"
DRIVER_ENV = "spark.mesos.driverEnv."
"""Prefix of properties that set variables of drivers on Mesos."""
_KEYS = {*S3_KEYS, HDFS_COOKIE}
_OPENED = (
    "java.lang", "java.lang.invoke", "java.lang.reflect", "java.io", "java.net", "java.nio", "java.util",
    "java.util.concurrent", "java.util.concurrent.atomic", "jdk.internal.ref", "sun.nio.ch", "sun.nio.cs",
    "sun.security.action", "sun.util.calendar",
)  # fmt: skip
_MODULES = ["-XX:+IgnoreUnrecognizedVMOptions", *(f"--add-opens=java.base/{name}=ALL-UNNAMED" for name in _OPENED)]
"""Options of Java 17 that Spark needs; spark-submit adds them itself, a standalone worker does not."""
_JOINED = {
    "spark.driver.extraJavaOptions": " ",
    "spark.driver.extraClassPath": os.pathsep,
    "spark.executor.extraClassPath": os.pathsep,
    "spark.mesos.uris": ",",
}
"""Properties that the profile adds to, and the separator; of all others the profile's value replaces ours."""
_SANDBOX = "/mnt/mesos/sandbox"


@dataclass(frozen=True)
class Sent:
    """Where the nodes find the files that a driver is started from.

    Attributes:
        script: the application.
        library: the package with its configuration, as a zip.
        jars: of the lake and of S3.
        spark_env: rewrites what Mesos' dispatcher passes.
        logging: what drivers log.
        folder: whether nodes read all of these as files of theirs.
    """

    script: str
    library: str
    jars: tuple[str, ...]
    spark_env: str
    logging: str
    folder: bool


def sent(folders: Folders, profile: ClusterProfile, script: Path, environment: Mapping[str, str]) -> Sent:
    """Put the files of a driver where the nodes can read them.

    Raises:
        ConfigError: the project is not set up, or the share cannot be written.
        StoreUnavailableError: the share's store did not answer.
    """
    own = {
        "script": script,
        "library": library_zip(folders.root / "include", folders.home / "build", config_folder()),
        "spark_env": Path(__file__).with_name("spark-env.sh"),
        "logging": config_folder() / LOGGING,
    }
    jars = {f"jar {path.name}": path for path in folders.jars}
    addresses = placed(profile.share, own | jars, environment)
    return Sent(
        script=addresses["script"],
        library=addresses["library"],
        jars=tuple(addresses[name] for name in jars),
        spark_env=addresses["spark_env"],
        logging=addresses["logging"],
        folder=not profile.share or is_folder(profile.share),
    )


def payload(
    folders: Folders,
    profile: ClusterProfile,
    files: Sent,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    conf: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The request that launches the script of ``files`` on the cluster of ``profile``.

    Args:
        folders: the project; its Python and Spark are those of the nodes where the profile names no other.
        profile: the cluster, in cluster mode.
        files: what ``sent`` returned.
        arguments: of the script; they reach it through no shell.
        environment: variables of the stores. They go to the driver as its environment, never into properties or
            arguments, which every process on the node can read.
        conf: Spark properties besides, which win over the profile's.
    """
    mesos = profile.manager == "mesos"
    python = profile.python or str(folders.spark_python)
    own = {
        "spark.app.name": f"afterbell-{_step(files.script)}",
        "spark.master": profile.master,
        "spark.pyspark.python": python,
        "spark.pyspark.driver.python": python,
        "spark.log.level": "WARN",
        "spark.driver.extraJavaOptions": " ".join(_java_options(files, mesos)),
    }
    own |= _on_mesos(folders, profile, files) if mesos else _on_standalone(files)
    driver = _environment(folders, profile, environment) | {
        "PYSPARK_PYTHON": python,
        "PYSPARK_DRIVER_PYTHON": python,
    }
    if mesos:
        # Empty, so that an agent that was itself started by Spark's scripts reads the file all the same.
        driver |= {"SPARK_CONF_DIR": _conf_dir(profile), "SPARK_ENV_LOADED": ""}
    before = [] if mesos else _submit_arguments(profile, files)
    return {
        "clientSparkVersion": SPARK_VERSION,
        "appResource": files.script if mesos or not files.folder else Path(files.script).as_uri(),
        "mainClass": "" if mesos else "org.apache.spark.deploy.SparkSubmit",
        "appArgs": [*before, *packed(arguments)],
        "sparkProperties": _merged(own, profile.spark_conf() | dict(conf or {})),
        "environmentVariables": driver,
    }


def _step(script: str) -> str:
    return script.rsplit("/", 1)[-1].removesuffix(".py")


def _java_options(files: Sent, mesos: bool) -> list[str]:
    logging = [f"-Dlog4j2.configurationFile={Path(files.logging).as_uri()}"] if files.folder else []
    return logging if mesos else [*_MODULES, *logging]


def _submit_arguments(profile: ClusterProfile, files: Sent) -> list[str]:
    """Arguments of ``SparkSubmit`` on the worker, which replaces the word in braces by the fetched script's path."""
    jars = [] if files.folder else ["--jars", ",".join(files.jars)]
    return ["--master", profile.master, "--py-files", files.library, *jars, "{{USER_JAR}}"]


def _on_standalone(files: Sent) -> dict[str, str]:
    return _class_path(files.jars) if files.folder else {}


def _on_mesos(folders: Folders, profile: ClusterProfile, files: Sent) -> dict[str, str]:
    home = profile.executor_home or ("" if profile.executor_uri or profile.image else str(folders.spark_home))
    fetched = [files.spark_env]
    jars: Sequence[str] = files.jars
    if not files.folder or profile.image:
        fetched += files.jars
        # Relative to where the driver or executor starts: the sandbox, or a folder in it with executor_uri.
        jars = [f"{start}{jar.rsplit('/', 1)[-1]}" for jar in files.jars for start in ("", "../")]
    return {
        "spark.mesos.executor.home": home,
        "spark.submit.pyFiles": files.library,
        "spark.mesos.uris": ",".join(fetched),
        **{f"spark.executorEnv.{name}": value for name, value in _java_home(folders, profile).items()},
        **_class_path(jars),
    }


def _class_path(jars: Sequence[str]) -> dict[str, str]:
    path = os.pathsep.join(jars)
    return {"spark.driver.extraClassPath": path, "spark.executor.extraClassPath": path}


def _conf_dir(profile: ClusterProfile) -> str:
    """The sandbox, as ``bin/spark-submit`` sees it."""
    if profile.image:
        return _SANDBOX
    return ".." if profile.executor_uri else "."


def _environment(folders: Folders, profile: ClusterProfile, stores: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in stores.items() if profile.credentials == "submit" or name not in _KEYS}
    same_paths = not profile.share
    project = {HOME: str(folders.home) if same_paths else "afterbell-home"} | _java_home(folders, profile)
    sent_to = {name: value for name, value in kept.items() if value} | project
    # To the dispatcher these win over what the profile gives drivers; here the profile wins.
    return {name: value for name, value in sent_to.items() if f"{DRIVER_ENV}{name}" not in profile.conf}


def _java_home(folders: Folders, profile: ClusterProfile) -> dict[str, str]:
    """The Java of the project, where agents have it under the same path: they give tasks no variables of theirs.

    Whoever submits may lack Java (Airflow in a container): then the agents name theirs.
    """
    if profile.manager != "mesos" or profile.share or profile.image or not folders.has_java:
        return {}
    return {"JAVA_HOME": str(folders.java_home)}


def _merged(own: Mapping[str, str], profile: Mapping[str, str]) -> dict[str, str]:
    merged = dict(own) | dict(profile)
    for name, between in _JOINED.items():
        parts = [properties[name] for properties in (own, profile) if properties.get(name)]
        if parts:
            merged[name] = between.join(parts)
    return {name: value for name, value in merged.items() if value}
