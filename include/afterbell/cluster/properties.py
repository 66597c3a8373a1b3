"""Spark's properties out of a cluster profile: those of every driver, and those of every manager with nodes."""

from __future__ import annotations

from afterbell.cluster.profile_keys import ProfileKeys

REGISTERED_SECONDS = "spark.afterbell.registeredSeconds"
FIRST_EXECUTOR_SECONDS = "spark.afterbell.firstExecutorSeconds"
MASTER_UI = "spark.afterbell.masterUi"
CREDENTIALS = "spark.afterbell.credentials"
"""Settings of the profile that the driver reads beside Spark's own; spark-submit drops other prefixes."""

REDACTED = {"spark.redaction.regex": "(?i)secret|password|token|access[._]?key"}
"""What keeps secrets among a driver's properties off Spark's pages."""

_UNPACKED = "environment"
"""The folder, in an executor's own, that the environment's archive is unpacked into."""


def driver_properties(profile: ProfileKeys) -> dict[str, str]:
    """The properties of every driver; empty where the profile leaves a key empty."""
    return {
        "spark.driver.memory": profile.driver_memory,
        "spark.ui.showConsoleProgress": "false",  # redrawn ten times a second into a log that nobody watches
        "spark.eventLog.enabled": "true" if profile.event_log else "",
        "spark.eventLog.dir": profile.event_log,
        "spark.driver.cores": str(profile.driver_cores) if profile.deploy_mode == "cluster" else "",
    }


def node_properties(profile: ProfileKeys) -> dict[str, str]:
    """The properties of drivers whose executors run on nodes; empty where the profile leaves a key empty or 0."""
    return _executors(profile) | _interpreter(profile) | _driver_settings(profile)


def _executors(profile: ProfileKeys) -> dict[str, str]:
    return {
        "spark.executor.memory": profile.executor_memory,
        "spark.executor.cores": str(profile.executor_cores or ""),
        "spark.cores.max": str(profile.cores_max or ""),
    }


def _interpreter(profile: ProfileKeys) -> dict[str, str]:
    """The Python of executors; a driver in client mode keeps the submitter's."""
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
