"""Spark's errors for a job that the cluster ended by itself.

Apart from ``afterbell.run.job``, which every driver imports: only a job that failed needs this.
"""

from __future__ import annotations

import re

from afterbell.errors import AfterbellError, ClusterUnavailableError, NoResourcesError

_REMOVED = re.compile(r"Master removed our application: (\w+)")
_SILENT = re.compile(r"All masters are unresponsive|Master (?:lost|disconnected)")


def removed_by(error: BaseException) -> AfterbellError | None:
    """The error that names the cause and what to do; None where ``error`` is of another kind."""
    text = str(error)
    if removed := _REMOVED.search(text):
        return NoResourcesError(
            f"the cluster's master removed this job ({removed[1]}): its executors ended again and again as soon as "
            "they had started, or a user ended it on its page. Look at work/<application>/<n>/stderr on a worker: "
            "Java, spark.executor.extraJavaOptions and executor_memory are the usual causes"
        )
    if silent := _SILENT.search(text):
        return ClusterUnavailableError(f"the cluster's master no longer answers ({silent[0]}): look at its log")
    return None
