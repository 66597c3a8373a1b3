"""From a cluster profile to Spark's properties."""

from __future__ import annotations

from afterbell.cluster.profile_keys import ProfileKeys

REGISTERED_SECONDS = "spark.afterbell.registeredSeconds"
FIRST_EXECUTOR_SECONDS = "spark.afterbell.firstExecutorSeconds"
MASTER_UI = "spark.afterbell.masterUi"
CREDENTIALS = "spark.afterbell.credentials"
"""Settings of the profile that the driver reads beside Spark's own; spark-submit drops other prefixes."""

_ALONE = {"spark.authenticate": "true", "spark.ui.enabled": "false"}
"""A driver on this machine alone: its ports are on loopback, where every user of the machine is. Spark makes a secret
for each driver; the page asks nobody to sign in."""

_UNPACKED = "environment"
"""The folder, in an executor's own, that the environment's archive is unpacked into."""


def properties(profile: ProfileKeys) -> dict[str, str]:
    """The Spark properties of ``profile``; what it leaves empty or 0 is not among them."""
    values = {
        "spark.driver.memory": profile.driver_memory,
        "spark.ui.showConsoleProgress": "false",  # redrawn ten times a second into a log that nobody watches
        "spark.eventLog.enabled": "true" if profile.event_log else "",
        "spark.eventLog.dir": profile.event_log,
    }
    if profile.manager == "local":
        values |= _ALONE
    else:
        values |= _executors(profile) | _interpreter(profile) | _driver_settings(profile)
    if profile.manager == "mesos":
        values |= _mesos(profile)
    if profile.deploy_mode == "cluster":
        values["spark.driver.cores"] = str(profile.driver_cores)
    return {name: value for name, value in values.items() if value} | profile.conf


def _executors(profile: ProfileKeys) -> dict[str, str]:
    return {
        "spark.executor.memory": profile.executor_memory,
        "spark.executor.cores": str(profile.executor_cores or ""),
        "spark.cores.max": str(profile.cores_max or ""),
    }


def _interpreter(profile: ProfileKeys) -> dict[str, str]:
    """The Python of executors; a driver beside the submitter keeps the submitter's."""
    archive = profile.environment_archive
    return {
        "spark.archives": f"{archive}#{_UNPACKED}" if archive else "",
        "spark.pyspark.python": f"./{_UNPACKED}/bin/python" if archive else profile.python,
        "spark.pyspark.driver.python": profile.python if profile.deploy_mode == "cluster" else "",
    }


def _driver_settings(profile: ProfileKeys) -> dict[str, str]:
    return {
        REGISTERED_SECONDS: str(profile.registered_seconds),
        FIRST_EXECUTOR_SECONDS: str(profile.first_executor_seconds),
        MASTER_UI: profile.master_ui,
        CREDENTIALS: profile.credentials,
    }


def _mesos(profile: ProfileKeys) -> dict[str, str]:
    return {
        "spark.mesos.coarse": str(profile.coarse).lower(),
        "spark.mesos.executor.home": profile.executor_home,
        "spark.executor.uri": profile.executor_uri,
        "spark.mesos.executor.docker.image": profile.image,
        "spark.mesos.containerizer": profile.containerizer if profile.image else "",
        "spark.mesos.role": profile.role,
        "spark.mesos.principal": profile.principal,
        "spark.mesos.constraints": profile.constraints,
    }
