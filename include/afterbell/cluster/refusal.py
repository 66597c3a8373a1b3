"""Why a Mesos master refused a framework: Spark reports ``DRIVER_ABORTED``, and the reason is a line of its log.

The reason reaches a driver through Spark's own logging alone, and the submitter as a line of the driver's output.
"""

from __future__ import annotations

import re
from typing import Any

ABORTED = "DRIVER_ABORTED"
_MESOS_ERROR = re.compile(r"(?:Mesos error|Got error|Error): '?(?P<reason>[^\n]{1,300}?)'?\s*$", re.MULTILINE)
_REFUSED = re.compile(
    r"\b(?P<reason>(?:Master|Framework|Role|Principal)\b[^\n]{0,200}?"
    r"(?:refused authentication|is not authenticated|is not authorized|not authorized to[^\n]{0,100}|is not valid"
    r"|is not whitelisted|is not present in the master's --roles[^\n]{0,100}))",
)


def refusal_reason(text: str) -> str:
    """Mesos' own words in ``text``, the end of a driver's log; empty where it has none."""
    for pattern in (_REFUSED, _MESOS_ERROR):
        match = pattern.search(text)
        if match:
            return match["reason"].strip()
    return ""


def refusal_text(master: str, reason: str, properties_text: str) -> str:
    """The message of a refused driver: what was refused, by whom, why, and what to do."""
    why = reason or "why is in the driver's stderr, in a line with 'refused', 'not authenticated' or 'not authorized'"
    return (
        f"the Mesos master behind {master} refused this framework: {why}. Principal and secret are login and password "
        "of the Spark connection (or SPARK_MESOS_PRINCIPAL and SPARK_MESOS_SECRET), and the master's --credentials "
        f"must hold them; the role is the profile's ({properties_text or 'neither role nor principal is set'})"
    )


def with_refusal(message: str, output: str) -> str:
    """``message`` of a driver that Mesos refused, with Mesos' reason out of its ``output`` where it lacks that."""
    reason = refusal_reason(output) if is_refused(output) else ""
    return message if not reason or reason in message else f"{message}\nMesos' reason: {reason}"


def is_refused(output: str) -> bool:
    """Whether a driver with that ``output`` ended because Mesos refused its framework."""
    return ABORTED in output


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
