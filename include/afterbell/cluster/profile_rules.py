"""Keys of a cluster profile that contradict each other, whatever its cluster manager, and what to write instead."""

from __future__ import annotations

import re
from collections.abc import Iterator

from afterbell.cluster.managers import registered
from afterbell.cluster.managers.base import ClusterManager
from afterbell.cluster.profile_keys import ProfileKeys

_OWNED = {
    "spark.master": "master", "spark.submit.deployMode": "deploy_mode",
    "spark.driver.cores": "driver_cores", "spark.driver.memory": "driver_memory",
    "spark.executor.memory": "executor_memory", "spark.executor.cores": "executor_cores",
    "spark.cores.max": "cores_max",
    "spark.pyspark.python": "python", "spark.archives": "environment_archive",
    "spark.eventLog.enabled": "event_log", "spark.eventLog.dir": "event_log",
}  # fmt: skip
"""Spark's properties that have a key of every profile."""

_SECRET = re.compile(r"secret|password|token|credential|access[._-]?key", re.IGNORECASE)
_NO_SECRETS = (r".*\.file", r".*\.credentials\.provider")
"""Properties that hold the name of a secret, or of a file with one, and no secret themselves."""
_ARCHIVES = (".tgz", ".tar.gz", ".zip")


def problems(profile: ProfileKeys, manager: ClusterManager) -> list[str]:
    """One sentence for each combination of keys that cannot work: what it is, and what to write instead."""
    own, others = manager.rules(profile), _other_managers(profile, manager)
    return [*_place(profile), *own, *others, *_python(profile), *_sizes(profile), *_properties(profile)]


def _place(profile: ProfileKeys) -> Iterator[str]:
    if profile.deploy_mode == "cluster" and profile.warm_seconds:
        yield "warm_seconds is for drivers in client mode, and deploy_mode is cluster: leave it out"


def _other_managers(profile: ProfileKeys, manager: ClusterManager) -> Iterator[str]:
    given = profile.model_extra or {}
    for other in registered():
        fields = other.keys.model_fields if other is not manager else {}
        names = [name for name, key in fields.items() if name in given and given[name] != key.default]
        if names:
            yield f"{', '.join(names)}: for {other.title} alone, and master is {profile.master}"


def _python(profile: ProfileKeys) -> Iterator[str]:
    if profile.environment_archive and not profile.environment_archive.endswith(_ARCHIVES):
        yield f"environment_archive {profile.environment_archive!r} must end in one of {', '.join(_ARCHIVES)}"
    if profile.environment_archive and profile.deploy_mode == "cluster" and not profile.python:
        yield "environment_archive in cluster mode needs python: a driver starts before any archive is unpacked"


def _sizes(profile: ProfileKeys) -> Iterator[str]:
    if 0 < profile.cores_max < profile.executor_cores:
        yield f"executor_cores {profile.executor_cores} exceeds cores_max {profile.cores_max}: no executor would start"


def _properties(profile: ProfileKeys) -> Iterator[str]:
    owned = _OWNED | {name: key for manager in registered() for name, key in manager.owned.items()}
    no_secret = "|".join([*_NO_SECRETS, *(manager.secret_names for manager in registered() if manager.secret_names)])
    for name in sorted(profile.conf):
        if name in owned:
            yield f"conf sets {name}: set the key {owned[name]} instead"
        elif not name.startswith("spark."):
            yield f"conf sets {name}: Spark takes properties that begin with 'spark.' and drops others"
        elif _SECRET.search(name) and not re.fullmatch(no_secret, name):
            yield f"conf sets {name}: secrets belong in the Airflow connection or the environment (docs/clusters.md)"
