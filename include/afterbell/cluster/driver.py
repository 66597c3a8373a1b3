"""Settings of a driver process, and those that it passes on to its executors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar

from afterbell.cluster.managers import manager_of
from afterbell.cluster.properties import CREDENTIALS, REDACTED
from afterbell.config.s3_keys import S3_KEYS

STEP: ContextVar[str] = ContextVar("step", default="driver")
"""The step that this process runs."""

RECORD: ContextVar[Callable[[Exception], None] | None] = ContextVar("record", default=None)
"""Stores the reason of a failure where the submitter of this driver reads it."""

EXIT_PERMANENT = 64
"""Exit status of a failure that trying again cannot fix; any other non-zero status may be tried again."""

_KEYS = (*S3_KEYS, "AWS_DEFAULT_REGION")


def executor_variables(properties: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """Spark properties that give executors the stores' keys, unless the nodes have their own.

    They are set in the driver, from its environment: on no command line, and redacted on Spark's pages.
    """
    if properties.get(CREDENTIALS, "submit") != "submit":
        return {}
    variables = {f"spark.executorEnv.{name}": environment[name] for name in _KEYS if environment.get(name)}
    if not variables:
        return {}
    return variables | REDACTED


def manager_settings(properties: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """Spark properties that the cluster manager needs for this driver's executors: secrets, and where Java is.

    Raises:
        ConfigError: ``spark.authenticate`` is on and there is no secret, or the manager can't carry it.
    """
    nodes = manager_of(properties["spark.master"]).nodes
    return nodes.executor_settings(properties, environment) if nodes else {}


PASSED_ON = (executor_variables, manager_settings)
"""What a driver sets for its executors before its session opens: each of its properties and its environment."""
