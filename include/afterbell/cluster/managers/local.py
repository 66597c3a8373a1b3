"""This machine alone: driver and executors are one JVM."""

from __future__ import annotations

from collections.abc import Iterator

from afterbell.cluster.managers.base import ClusterManager
from afterbell.cluster.profile_keys import ProfileKeys

_CLUSTER_KEYS = ("rest_url", "python", "environment_archive", "share")


def _rules(profile: ProfileKeys) -> Iterator[str]:
    if profile.deploy_mode == "cluster":
        yield f"deploy_mode cluster needs a cluster, and master is {profile.master}: set one, or client"
    cluster_keys = [name for name in _CLUSTER_KEYS if getattr(profile, name)]
    if cluster_keys:
        yield f"{', '.join(cluster_keys)}: for clusters alone, and master is {profile.master}"


def _properties(profile: ProfileKeys) -> dict[str, str]:  # noqa: ARG001 - as all managers are called
    """The ports of such a driver are on loopback, where every user of the machine is.

    Spark makes a secret for each driver; the page asks nobody to sign in.
    """
    return {"spark.authenticate": "true", "spark.ui.enabled": "false"}


MANAGER = ClusterManager(
    name="local",
    prefix="local",
    pattern=r"local(\[(\d+|\*)\])?",
    example="local[*]",
    rules=_rules,
    properties=_properties,
)
