"""Settings that a task makes in its Python process, which Spark gives to the next task afterwards."""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from zipimport import zipimporter

from afterbell.config.environment import NICE

_LASTING = re.compile(r"(?:^|/)(?:(?:pyspark|[^/]*-src|afterbell-[0-9a-f]{16})\.zip|spark-core_[^/]*\.jar)$")


def keep_archives() -> None:
    """Let Python keep what it has read of the zip archives of Spark and of this library.

    PySpark has Python forget all import paths before each task, and an archive's directory is then read again for each
    of its folders that something came from: an eighth of a second a task, or several. Spark's archives (one of them
    its own jar, which it puts on Python's path, too) never change, and the library's is named by its content; others,
    such as ``--py-files``, are left alone.
    """
    for importer in sys.path_importer_cache.values():
        if isinstance(importer, zipimporter) and _LASTING.search(importer.archive):
            importer.invalidate_caches = _nothing  # type: ignore[method-assign]


def stand_back() -> None:
    """Lower the priority of this process if the driver requests it: an executor may share its host with a daily run."""
    niceness = int(os.environ.get(NICE) or 0)
    if niceness > os.getpriority(os.PRIO_PROCESS, 0):
        with suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, 0, niceness)


def _nothing() -> None:
    return None
