"""What a driver knows of itself, and hands on to its executors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar

from afterbell.cluster.properties import AUTH_SECRET, CREDENTIALS
from afterbell.errors import ConfigError

STEP: ContextVar[str] = ContextVar("step", default="driver")
"""The step that this process runs."""

RECORD: ContextVar[Callable[[Exception], None] | None] = ContextVar("record", default=None)
"""Leaves the reason of a failure where whoever submitted this driver reads it."""

_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION")


def executor_variables(properties: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """Spark properties that give executors the stores' keys, unless the nodes have their own.

    They are set in the driver, from its environment: on no command line, and redacted on Spark's pages.
    """
    if properties.get(CREDENTIALS, "submit") != "submit":
        return {}
    found = {f"spark.executorEnv.{name}": environment[name] for name in _KEYS if environment.get(name)}
    if not found:
        return {}
    return found | {"spark.redaction.regex": "(?i)secret|password|token|access[._]?key"}


def with_secret(properties: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """The secret of ``spark.authenticate`` as a Spark property, where that is on.

    Raises:
        ConfigError: it is on, and there is no secret.
    """
    if properties.get("spark.authenticate") != "true" or "spark.authenticate.secret" in properties:
        return {}
    if not environment.get(AUTH_SECRET):
        raise ConfigError(
            f"spark.authenticate is on, and there is no secret: set the Spark connection's password, or {AUTH_SECRET}"
        )
    return {"spark.authenticate.secret": environment[AUTH_SECRET]}
