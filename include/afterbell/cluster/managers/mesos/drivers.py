"""In a driver on Mesos: what it hands on to its executors, and what the failures of its session mean."""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Mapping
from secrets import token_hex
from typing import Any

from afterbell.cluster.managers.contract import DriverErrors
from afterbell.cluster.managers.mesos.refusal import ABORTED, refusal_reason, refused
from afterbell.cluster.properties import REDACTED
from afterbell.config.environment import SPARK_SECRET
from afterbell.errors import AfterbellError, ConfigError

_SECRET, _DEFAULT_OPTIONS = "spark.authenticate.secret", "spark.executor.defaultJavaOptions"
_STARTUP = re.compile(r"spark\.(auth|network\.|rpc\.)")
"""What an executor must know before it may ask its driver for the rest (``SparkConf.isExecutorStartupConf``)."""
_SECRETS = re.compile(r"spark\.authenticate\.secret(\.|$)")
_PLACES = ("spark.mesos.executor.home", "spark.executor.uri", "spark.mesos.executor.docker.image")
_REASON_SECONDS = 3.0


def executor_settings(properties: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """The properties by which executors find this driver's Java, and authenticate.

    Raises:
        ConfigError: Mesos can't carry the secret.
    """
    return _java(properties, environment) | _authentication(properties, environment)


def _java(properties: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """The property that names this driver's Java to executors, where they run this driver's Spark.

    A task gets nothing of its agent's own environment. Another Spark (home, archive, image) comes with another Java.
    """
    java, name = environment.get("JAVA_HOME", ""), "spark.executorEnv.JAVA_HOME"
    if not java or name in properties or any(properties.get(place) for place in _PLACES):
        return {}
    return {name: java}


def _authentication(properties: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """The properties that let executors authenticate, where ``spark.authenticate`` is on.

    On Mesos Spark gives executors neither the secret nor the setting that requires it. The secret goes to them as a
    secret of Mesos, which none of its pages shows; the rest as Java's options. As nobody but the driver and its
    executors shares it, a driver without a given secret makes one.
    """
    if properties.get("spark.authenticate") != "true":
        return {}
    secret = properties.get(_SECRET) or environment.get(SPARK_SECRET, "") or token_hex(32)
    if "," in secret:  # Spark would read it as two
        raise ConfigError(f"{SPARK_SECRET} holds a comma, which Spark can't hand to executors on Mesos: choose another")
    startup = {name: value for name, value in properties.items() if _STARTUP.match(name) and not _SECRETS.match(name)}
    options = [properties.get(_DEFAULT_OPTIONS, ""), *(_option(name, startup[name]) for name in sorted(startup))]
    return {
        _SECRET: secret,
        _DEFAULT_OPTIONS: " ".join(option for option in options if option),
        "spark.mesos.executor.secret.values": secret,
        "spark.mesos.executor.secret.envkeys": "_SPARK_AUTH_SECRET",
    } | REDACTED


def _option(name: str, value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f"-D{name}={value}" if re.fullmatch(r"[\w.,:/+-]*", value) else f'"-D{name}={escaped}"'


def by_task(properties: Mapping[str, str]) -> bool:
    """Whether each task has an executor of its own."""
    return properties.get("spark.mesos.coarse") == "false"


class MesosErrors:
    """Keeps what Spark's scheduler logs as an error of Mesos, from its construction on.

    Args:
        jvm: the driver's, as py4j shows it.
    """

    def __init__(self, jvm: Any) -> None:
        log4j = jvm.org.apache.logging.log4j
        self._writer = jvm.java.io.StringWriter()
        self._config = log4j.LogManager.getContext(False).getConfiguration()
        self._appender = log4j.core.appender.WriterAppender.createAppender(
            None, None, self._writer, "afterbell-refusals", False, True
        )
        self._appender.start()
        self._config.getRootLogger().addAppender(self._appender, log4j.Level.ERROR, None)

    def reason(self) -> str:
        """The reason that was logged up to now; empty while no reason was logged."""
        return refusal_reason(str(self._writer.toString()))

    def refusal(self, properties: Mapping[str, str]) -> ConfigError | None:
        """The refusal by the reason that was logged up to now; None while no reason was logged."""
        reason = self.reason()
        return refused(properties, reason) if reason else None

    def close(self) -> None:
        """Stop keeping them."""
        self._config.getRootLogger().removeAppender("afterbell-refusals")
        self._appender.stop()


def keep_mesos_errors(jvm: Any) -> MesosErrors | None:
    """``MesosErrors``, or None where Spark logs by other means: a better message must not cost a driver."""
    try:
        return MesosErrors(jvm)
    except Exception:  # noqa: BLE001 - py4j raises whatever Java did
        return None


def session_error(properties: Mapping[str, str], text: str, errors: DriverErrors | None) -> AfterbellError | None:
    """The error for ``text`` of a session that failed to open: Mesos refused the framework, or libmesos is missing."""
    if ABORTED in text:
        return _await_refusal(properties, errors) or refused(properties, "")
    if "UnsatisfiedLinkError" not in text and "MESOS_NATIVE" not in text:
        return None
    named = os.environ.get("MESOS_NATIVE_JAVA_LIBRARY", "")
    return ConfigError(
        f"libmesos could not be loaded on {socket.gethostname()} (MESOS_NATIVE_JAVA_LIBRARY is {named!r}): name "
        "its .so file. A driver inherits nothing of its agent's environment: name it there by the agent's "
        "--executor_environment_variables, or as spark.mesos.driverEnv.MESOS_NATIVE_JAVA_LIBRARY in conf of the "
        "cluster profile"
    )


def _await_refusal(properties: Mapping[str, str], errors: DriverErrors | None) -> AfterbellError | None:
    """The refusal with Mesos' reason, which the scheduler may log a moment after it."""
    until = time.monotonic() + _REASON_SECONDS
    while errors is not None and time.monotonic() < until:
        if error := errors.refusal(properties):
            return error
        time.sleep(_REASON_SECONDS / 20)
    return None
