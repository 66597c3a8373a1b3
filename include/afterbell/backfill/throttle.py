"""Limits of a backfill's resources: low priority on its machine, a share of a cluster; pure.

A rule of backfills, so it is not in the Airflow room with the operator that applies it.
"""

from __future__ import annotations

from afterbell.cluster.profile import ClusterProfile
from afterbell.config.environment import NICE

NICENESS = "15"
"""Of a driver, and of what it starts: it takes only the processor time that nobody else wants."""
_FEW_CORES = 2


def share_conf(profile: ClusterProfile) -> dict[str, str]:
    """Spark properties beside the profile's own.

    On a cluster a job keeps the cores it has got, however nice it is, so it gets half of those that the profile allows,
    two where the profile sets no limit, and never less than one executor's.
    """
    if profile.manager.nodes is None:
        return {}
    most = profile.cores_max // 2 or _FEW_CORES
    return {"spark.cores.max": str(max(most, profile.executor_cores)), f"spark.executorEnv.{NICE}": NICENESS}


def share_environment() -> dict[str, str]:
    """Variables of the driver."""
    return {NICE: NICENESS}
