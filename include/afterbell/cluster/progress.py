"""Lines on how far a Spark job is, for whoever reads the step's log while it runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from pyspark.sql import SparkSession

from afterbell.cluster.report import report

_LOOK = 2.0
_SAY = 15.0
"""Seconds between looks, and between lines at least."""


@contextmanager
def progress(spark: SparkSession, what: str, tasks: int) -> Iterator[None]:
    """Report how many of ``tasks`` are done while the block runs, and print it if that takes long enough to wonder.

    Args:
        spark: whose active stages are looked at.
        what: what the line begins with.
        tasks: of the job.
    """
    tracker, over, began = spark.sparkContext.statusTracker(), threading.Event(), time.monotonic()
    report("tasks", 0, tasks)

    def watch() -> None:
        said = began
        while not over.wait(_LOOK):
            now = time.monotonic()
            stages = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
            done = min(tasks, sum(stage.numCompletedTasks for stage in stages if stage is not None))
            report("tasks", done, tasks)
            if now - said >= _SAY:
                print(f"{what}: {done} of {tasks} tasks after {now - began:.0f} s", flush=True)
                said = now

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
