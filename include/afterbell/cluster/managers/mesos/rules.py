"""Keys of a profile for Mesos that contradict each other, and the Spark properties that they give."""

from __future__ import annotations

from collections.abc import Iterator

from afterbell.cluster.managers.mesos.keys import MesosKeys
from afterbell.cluster.profile_keys import ProfileKeys, own_keys
from afterbell.cluster.properties import node_properties


def rules(profile: ProfileKeys) -> Iterator[str]:
    """One sentence for each combination of keys that cannot work on Mesos: what it is, and what to write instead."""
    keys = own_keys(profile, MesosKeys)
    yield from _place(profile)
    yield from _spark(profile, keys)
    yield from _authentication(profile, keys)


def _place(profile: ProfileKeys) -> Iterator[str]:
    if profile.deploy_mode == "cluster" and profile.master.startswith("mesos://zk://"):
        yield "deploy_mode cluster needs Mesos' dispatcher as master (mesos://host:7077), not ZooKeeper"
    if profile.rest_url:
        yield "rest_url is for standalone masters: that of Mesos' dispatcher is its master's address, leave it out"


def _spark(profile: ProfileKeys, keys: MesosKeys) -> Iterator[str]:
    """Where executors find Spark, and Python."""
    if keys.executor_home and keys.executor_uri:
        yield "executor_home and executor_uri: Spark is in one place, and the archive would win: leave one out"
    name = keys.executor_uri.rsplit("/", 1)[-1]
    if keys.executor_uri and not (name.startswith("spark-3") and name.endswith((".tgz", ".tar.gz"))):
        yield f"executor_uri ends in {name!r}: Mesos looks for that name in it: call it spark-3.5.9.tgz or alike"
    if keys.image and not (keys.executor_home or keys.executor_uri):
        yield "image needs executor_home, the folder of Spark in it: this machine's path would be looked for there"
    if keys.image and not (profile.python or profile.environment_archive):
        yield "image needs python, the Python in it (/opt/afterbell/bin/python): this machine's path would be used"


def _authentication(profile: ProfileKeys, keys: MesosKeys) -> Iterator[str]:
    """Executors get Spark's secret as a secret of Mesos: all of them are by value, or all by name."""
    if profile.conf.get("spark.authenticate") != "true":
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
    if not keys.coarse:
        yield (
            "coarse: false with spark.authenticate in conf: executors of single tasks are not handed the secret on "
            "Mesos. Set coarse: true, or leave spark.authenticate out"
        )


def properties(profile: ProfileKeys) -> dict[str, str]:
    """Spark's properties on Mesos, beside those of every driver."""
    keys = own_keys(profile, MesosKeys)
    return node_properties(profile) | {
        "spark.mesos.coarse": str(keys.coarse).lower(),
        "spark.mesos.executor.home": keys.executor_home,
        "spark.executor.uri": keys.executor_uri,
        "spark.mesos.executor.docker.image": keys.image,
        "spark.mesos.containerizer": keys.containerizer if keys.image else "",
        "spark.mesos.role": keys.role,
        "spark.mesos.principal": keys.principal,
        "spark.mesos.constraints": keys.constraints,
    }


def rest_address(profile: ProfileKeys) -> str:
    """The dispatcher's address: it takes drivers where it is the master."""
    return f"http://{profile.master.removeprefix('mesos://')}"
