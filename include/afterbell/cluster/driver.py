"""What a driver knows about itself and passes on to its executors."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from secrets import token_hex

from afterbell.cluster.properties import CREDENTIALS
from afterbell.config.environment import SPARK_SECRET
from afterbell.config.s3_keys import S3_KEYS
from afterbell.errors import ConfigError

STEP: ContextVar[str] = ContextVar("step", default="driver")
"""The step that this process runs."""

RECORD: ContextVar[Callable[[Exception], None] | None] = ContextVar("record", default=None)
"""Stores the reason of a failure where the submitter of this driver reads it."""

EXIT_PERMANENT = 64
"""Exit status of a failure that trying again cannot fix; any other non-zero status may be tried again."""

_SECRET, _DEFAULT_OPTIONS = "spark.authenticate.secret", "spark.executor.defaultJavaOptions"
_STARTUP = re.compile(r"spark\.(auth|network\.|rpc\.)")
"""What an executor must know before it may ask its driver for the rest (``SparkConf.isExecutorStartupConf``)."""
_SECRETS = re.compile(r"spark\.authenticate\.secret(\.|$)")
_REDACTED = {"spark.redaction.regex": "(?i)secret|password|token|access[._]?key"}
_PLACES = ("spark.mesos.executor.home", "spark.executor.uri", "spark.mesos.executor.docker.image")
_KEYS = (*S3_KEYS, "AWS_DEFAULT_REGION")


def java_of_agents(properties: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """The Spark property that names this driver's Java to executors on Mesos, where they run this driver's Spark.

    A task gets nothing of its agent's own environment. Another Spark (home, archive, image) comes with another Java.
    """
    java, name = environment.get("JAVA_HOME", ""), "spark.executorEnv.JAVA_HOME"
    if not java or name in properties or not properties.get("spark.master", "").startswith("mesos://"):
        return {}
    return {} if any(properties.get(place) for place in _PLACES) else {name: java}


def executor_variables(properties: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """Spark properties that give executors the stores' keys, unless the nodes have their own.

    They are set in the driver, from its environment: on no command line, and redacted on Spark's pages.
    """
    if properties.get(CREDENTIALS, "submit") != "submit":
        return {}
    variables = {f"spark.executorEnv.{name}": environment[name] for name in _KEYS if environment.get(name)}
    if not variables:
        return {}
    return variables | _REDACTED


def authentication(properties: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """Spark properties that let executors of this driver authenticate, where ``spark.authenticate`` is on.

    On Mesos Spark gives executors neither the secret nor the setting that requires it. The secret goes to them as a
    secret of Mesos, which none of its pages shows; the rest as Java's options. As nobody but the driver and its
    executors shares it, a driver without a given secret makes one.

    Raises:
        ConfigError: there is no secret, or Mesos can't carry it.
    """
    if properties.get("spark.authenticate") != "true":
        return {}
    secret = properties.get(_SECRET) or environment.get(SPARK_SECRET, "")
    if properties.get("spark.master", "").startswith("mesos://"):
        return _on_mesos(properties, secret or token_hex(32))
    if not secret:
        raise ConfigError(
            f"spark.authenticate is on, and there is no secret: set the Spark connection's password, or {SPARK_SECRET}"
        )
    return {} if _SECRET in properties else {_SECRET: secret}


def _on_mesos(properties: Mapping[str, str], secret: str) -> dict[str, str]:
    if "," in secret:  # Spark would read it as two
        raise ConfigError(f"{SPARK_SECRET} holds a comma, which Spark can't hand to executors on Mesos: choose another")
    startup = {name: value for name, value in properties.items() if _STARTUP.match(name) and not _SECRETS.match(name)}
    options = [properties.get(_DEFAULT_OPTIONS, ""), *(_option(name, startup[name]) for name in sorted(startup))]
    return {
        _SECRET: secret,
        _DEFAULT_OPTIONS: " ".join(option for option in options if option),
        "spark.mesos.executor.secret.values": secret,
        "spark.mesos.executor.secret.envkeys": "_SPARK_AUTH_SECRET",
    } | _REDACTED


def _option(name: str, value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f"-D{name}={value}" if re.fullmatch(r"[\w.,:/+-]*", value) else f'"-D{name}={escaped}"'


HANDED_ON = (executor_variables, java_of_agents, authentication)
"""What a driver sets for its executors before its session opens: each of its properties and its environment."""
