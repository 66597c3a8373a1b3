"""What Spark's error tells of a cluster that ended the job by itself."""

from __future__ import annotations

import re

from afterbell.errors import AfterbellError, ClusterUnavailableError, NoResourcesError

_REMOVED = re.compile(r"Master removed our application: (\w+)")
_SILENT = re.compile(r"All masters are unresponsive|Master (?:lost|disconnected)")


def removed_by(error: BaseException) -> AfterbellError | None:
    """The error of ours that says so; None where ``error`` is of another kind."""
    text = str(error)
    if found := _REMOVED.search(text):
        return NoResourcesError(
            f"the cluster's master removed this job ({found[1]}): its executors ended again and again as soon as they "
            "had started, or somebody ended it on its page. Look at work/<application>/<n>/stderr on a worker: "
            "Java, spark.executor.extraJavaOptions and executor_memory are the usual causes"
        )
    if found := _SILENT.search(text):
        return ClusterUnavailableError(f"the cluster's master answers no more ({found[0]}): look at its log")
    return None
