"""Keys of a cluster profile that contradict each other, and what to write instead."""

from __future__ import annotations

import re
from collections.abc import Iterator

from afterbell.cluster.profile_keys import ProfileKeys

OWNED = {
    "spark.master": "master", "spark.submit.deployMode": "deploy_mode",
    "spark.driver.cores": "driver_cores", "spark.driver.memory": "driver_memory",
    "spark.executor.memory": "executor_memory", "spark.executor.cores": "executor_cores",
    "spark.cores.max": "cores_max",
    "spark.mesos.coarse": "coarse", "spark.mesos.executor.home": "executor_home", "spark.executor.uri": "executor_uri",
    "spark.mesos.executor.docker.image": "image", "spark.mesos.containerizer": "containerizer",
    "spark.mesos.role": "role", "spark.mesos.principal": "principal", "spark.mesos.constraints": "constraints",
    "spark.pyspark.python": "python", "spark.archives": "environment_archive",
    "spark.eventLog.enabled": "event_log", "spark.eventLog.dir": "event_log",
}  # fmt: skip
"""Spark's properties that have a key of the profile."""

_MESOS = ("executor_home", "executor_uri", "image", "role", "principal", "constraints")
_CLUSTER = ("rest_url", "python", "environment_archive", "share")
_SECRET = re.compile(r"secret|password|token|credential|access[._-]?key", re.IGNORECASE)
_NO_SECRET = re.compile(
    r"spark\.mesos\.(driver|executor)\.secret\.(names|filenames|envkeys)|.*\.file|.*\.credentials\.provider"
)
"""Properties that hold the name of a secret, or of a file with one, and no secret themselves."""
_ARCHIVES = (".tgz", ".tar.gz", ".zip")


def problems(profile: ProfileKeys) -> list[str]:
    """One sentence for each combination of keys that cannot work: what it is, and what to write instead."""
    return [problem for rule in _RULES for problem in rule(profile)]


def _place(profile: ProfileKeys) -> Iterator[str]:
    cluster = profile.deploy_mode == "cluster"
    if cluster and profile.manager == "local":
        yield f"deploy_mode cluster needs a cluster, and master is {profile.master}: set one, or client"
    if cluster and profile.manager == "standalone" and not profile.rest_url:
        yield "deploy_mode cluster on a standalone master needs rest_url: http://<master's host>:6066"
    if cluster and profile.master.startswith("mesos://zk://"):
        yield "deploy_mode cluster needs Mesos' dispatcher as master (mesos://host:7077), not ZooKeeper"
    if cluster and profile.warm_seconds:
        yield "warm_seconds is for drivers beside the submitter, and deploy_mode is cluster: leave it out"
    if profile.manager == "mesos" and profile.rest_url:
        yield "rest_url is for standalone masters: that of Mesos' dispatcher is its master's address, leave it out"


def _other_managers(profile: ProfileKeys) -> Iterator[str]:
    if profile.manager != "mesos":
        mesos_keys = [name for name in _MESOS if getattr(profile, name)] + ([] if profile.coarse else ["coarse"])
        if mesos_keys:
            yield f"{', '.join(mesos_keys)}: for Mesos alone, and master is {profile.master}"
    if profile.manager == "local":
        cluster_keys = [name for name in _CLUSTER if getattr(profile, name)]
        if cluster_keys:
            yield f"{', '.join(cluster_keys)}: for clusters alone, and master is {profile.master}"


def _spark(profile: ProfileKeys) -> Iterator[str]:
    """Where executors on Mesos find Spark."""
    if profile.executor_home and profile.executor_uri:
        yield "executor_home and executor_uri: Spark is in one place, and the archive would win: leave one out"
    name = profile.executor_uri.rsplit("/", 1)[-1]
    if profile.executor_uri and not (name.startswith("spark-3") and name.endswith((".tgz", ".tar.gz"))):
        yield f"executor_uri ends in {name!r}: Mesos looks for that name in it: call it spark-3.5.9.tgz or alike"
    if profile.image and not (profile.executor_home or profile.executor_uri):
        yield "image needs executor_home, the folder of Spark in it: this machine's path would be looked for there"


def _python(profile: ProfileKeys) -> Iterator[str]:
    if profile.image and not (profile.python or profile.environment_archive):
        yield "image needs python, the Python in it (/opt/afterbell/bin/python): this machine's path would be used"
    if profile.environment_archive and not profile.environment_archive.endswith(_ARCHIVES):
        yield f"environment_archive {profile.environment_archive!r} must end in one of {', '.join(_ARCHIVES)}"
    if profile.environment_archive and profile.deploy_mode == "cluster" and not profile.python:
        yield "environment_archive in cluster mode needs python: a driver starts before any archive is unpacked"


def _sizes(profile: ProfileKeys) -> Iterator[str]:
    if 0 < profile.cores_max < profile.executor_cores:
        yield f"executor_cores {profile.executor_cores} exceeds cores_max {profile.cores_max}: no executor would start"


def _authentication(profile: ProfileKeys) -> Iterator[str]:
    """On Mesos executors get Spark's secret as a secret of Mesos: all of them are by value, or all by name."""
    if profile.manager != "mesos" or profile.conf.get("spark.authenticate") != "true":
        return
    taken = sorted(name for name in profile.conf if name.startswith("spark.mesos.executor.secret."))
    if taken:
        yield (
            f"conf sets {', '.join(taken)} beside spark.authenticate: that one hands its secret to executors on Mesos "
            "by these properties, and Spark takes no second. Leave one out"
        )
    if profile.conf.get("spark.shuffle.service.enabled") == "true":
        yield (
            "conf sets spark.shuffle.service.enabled beside spark.authenticate: on Mesos each job has a secret of its "
            "own, which a shuffle service doesn't know. Leave one out"
        )
    if not profile.coarse:
        yield (
            "coarse: false with spark.authenticate in conf: executors of single tasks are not handed the secret on "
            "Mesos. Set coarse: true, or leave spark.authenticate out"
        )


def _properties(profile: ProfileKeys) -> Iterator[str]:
    for name in sorted(profile.conf):
        if name in OWNED:
            yield f"conf sets {name}: set the key {OWNED[name]} instead"
        elif not name.startswith("spark."):
            yield f"conf sets {name}: Spark takes properties that begin with 'spark.' and drops others"
        elif _SECRET.search(name) and not _NO_SECRET.fullmatch(name):
            yield f"conf sets {name}: secrets belong in the Airflow connection or the environment (docs/clusters.md)"


_RULES = (_place, _other_managers, _spark, _python, _sizes, _authentication, _properties)
