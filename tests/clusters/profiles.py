"""Cluster profiles of the tests' own: a configuration folder like the project's, with one profile more."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml

from afterbell.config.platform import Folders
from tests.clusters.classes import executor_properties, on_cluster_properties
from tests.clusters.dispatcher import Dispatcher
from tests.clusters.standalone import Standalone
from tests.patience import LONG
from tests.small import CONFIG

_SIZES: dict[str, Any] = {
    "driver_memory": "1g",
    "executor_memory": "1g",
    "executor_cores": 2,
    "cores_max": 2,
    "first_executor_seconds": LONG,
    "registered_seconds": LONG,
    "conf": {"spark.sql.shuffle.partitions": "4", "spark.ui.enabled": "false"},
}


def standalone_profile(cluster: Standalone, deploy_mode: str, **changes: Any) -> dict[str, Any]:
    """A profile for ``cluster``, the driver in client mode (``client``) or on a worker (``cluster``)."""
    rest = {"rest_url": cluster.rest.address} if deploy_mode == "cluster" else {}
    folders = Folders.from_env()
    quick = on_cluster_properties(folders) if deploy_mode == "cluster" else executor_properties(folders)
    own = {"master": cluster.master, "deploy_mode": deploy_mode, "master_ui": cluster.ui, **rest, **_SIZES}
    return own | {"conf": _SIZES["conf"] | quick} | changes


def mesos_profile(cluster: Dispatcher, **changes: Any) -> dict[str, Any]:
    """A profile for the dispatcher ``cluster``."""
    own = {
        "master": cluster.address,
        "deploy_mode": "cluster",
        "master_ui": cluster.master_ui,
        "executor_home": str(cluster.spark_home),
    }
    return own | _SIZES | changes


def config_with(folder: Path, **profiles: dict[str, Any]) -> Path:
    """A copy of the project's configuration in ``folder``, with ``profiles`` besides; it is AFTERBELL_CONFIG then."""
    shutil.copytree(CONFIG, folder)
    for name, profile in profiles.items():
        (folder / "clusters" / f"{name}.yaml").write_text(yaml.safe_dump(profile), encoding="utf-8")
    return folder
