"""How a driver on the cluster is created: one request, with the fields of Spark's REST submission protocol."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from afterbell.cluster.managers.contract import Sent
from afterbell.cluster.packed import packed
from afterbell.cluster.profile import ClusterProfile
from afterbell.cluster.share import is_folder, placed
from afterbell.cluster.submission import LOGGING, library_zip
from afterbell.config.environment import HDFS_COOKIE, HOME
from afterbell.config.loader import config_folder
from afterbell.config.platform import Folders
from afterbell.config.s3_keys import S3_KEYS

SPARK_VERSION = "3.5"
_KEYS = {*S3_KEYS, HDFS_COOKIE}
_JOINED = {
    "spark.driver.extraJavaOptions": " ",
    "spark.driver.extraClassPath": os.pathsep,
    "spark.executor.extraClassPath": os.pathsep,
}
"""Properties that the profile adds to, and the separator; of all others the profile's value replaces ours."""


def sent(folders: Folders, profile: ClusterProfile, script: Path, environment: Mapping[str, str]) -> Sent:
    """Put the files of a driver where the nodes can read them.

    Raises:
        ConfigError: the project is not set up, or the share cannot be written.
        StoreUnavailableError: the share's store did not answer.
    """
    own = {
        "script": script,
        "library": library_zip(folders.root / "include", folders.home / "build", config_folder()),
        "logging": config_folder() / LOGGING,
    }
    jars = {f"jar {path.name}": path for path in folders.jars}
    manager_files = profile.manager.require_nodes().files
    addresses = placed(profile.share, own | jars | dict(manager_files), environment)
    return Sent(
        script=addresses["script"],
        library=addresses["library"],
        jars=tuple(addresses[name] for name in jars),
        logging=addresses["logging"],
        own={name: addresses[name] for name in manager_files},
        folder=not profile.share or is_folder(profile.share),
    )


def payload(
    folders: Folders,
    profile: ClusterProfile,
    files: Sent,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    conf: Mapping[str, str] | None = None,
) -> dict[str, object]:
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
    python = profile.python or str(folders.spark_python)
    stores = _environment(folders, profile, environment)
    parts = profile.manager.require_nodes().launch_parts(folders, profile, files, stores)
    logging = [f"-Dlog4j2.configurationFile={Path(files.logging).as_uri()}"] if files.folder else []
    own = {
        "spark.app.name": f"afterbell-{_step(files.script)}",
        "spark.master": profile.master,
        "spark.pyspark.python": python,
        "spark.pyspark.driver.python": python,
        "spark.log.level": "WARN",
        "spark.driver.extraJavaOptions": " ".join([*parts.java_options, *logging]),
        **parts.properties,
    }
    return {
        "clientSparkVersion": SPARK_VERSION,
        "appResource": parts.resource,
        "mainClass": parts.main_class,
        "appArgs": [*parts.arguments, *packed(arguments)],
        "sparkProperties": _merged(own, profile.spark_conf() | dict(conf or {}), _JOINED | dict(parts.joined)),
        "environmentVariables": {**parts.environment, "PYSPARK_PYTHON": python, "PYSPARK_DRIVER_PYTHON": python},
    }


def _step(script: str) -> str:
    return script.rsplit("/", 1)[-1].removesuffix(".py")


def _environment(folders: Folders, profile: ClusterProfile, stores: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in stores.items() if profile.credentials == "submit" or name not in _KEYS}
    home = "afterbell-home" if profile.share else str(folders.home)  # without a share nodes have the same paths
    return {name: value for name, value in kept.items() if value} | {HOME: home}


def _merged(own: Mapping[str, str], profile: Mapping[str, str], joined: Mapping[str, str]) -> dict[str, str]:
    merged = dict(own) | dict(profile)
    for name, between in joined.items():
        parts = [properties[name] for properties in (own, profile) if properties.get(name)]
        if parts:
            merged[name] = between.join(parts)
    return {name: value for name, value in merged.items() if value}
