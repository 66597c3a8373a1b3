"""Why a Mesos master refused a framework: Spark reports ``DRIVER_ABORTED``, and the reason is a line of its log.

The reason reaches a driver through Spark's own logging alone, and the submitter as a line of the driver's output.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from afterbell.cluster.executor_request import ExecutorRequest
from afterbell.cluster.managers.contract import ClusterRefusal
from afterbell.errors import ConfigError

ACCEPTANCE = ("spark.mesos.role", "spark.mesos.principal")
"""The properties that decide whether Mesos accepts a framework."""
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


def refused(properties: Mapping[str, str], reason: str) -> ConfigError:
    """The error of a driver with ``properties`` that Mesos refused for ``reason``."""
    request = ExecutorRequest.of(properties)
    return ConfigError(refusal_text(request.master, reason, request.settings(*ACCEPTANCE)))


def refusal(output: str) -> ClusterRefusal | None:
    """The refusal that a driver with that ``output`` ended with; None where it ended otherwise."""
    if ABORTED not in output:
        return None
    return ClusterRefusal("the Mesos master", "Mesos' reason", refusal_reason(output))
