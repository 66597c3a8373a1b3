"""Lines on the progress of a Spark job, for the reader of the step's log while it runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from pyspark.sql import SparkSession

from afterbell.cluster.report import report

_LOOK = 2.0
_PRINT = 15.0
"""Seconds between looks, and between lines at least."""


@contextmanager
def progress(spark: SparkSession, what: str, tasks: int) -> Iterator[None]:
    """Report how many of ``tasks`` are done while the block runs, and print it where that takes long.

    Args:
        spark: the session whose active stages are counted.
        what: begins the line.
        tasks: of the job.
    """
    tracker, over, began = spark.sparkContext.statusTracker(), threading.Event(), time.monotonic()
    report("tasks", 0, tasks)

    def watch() -> None:
        printed_at = began
        while not over.wait(_LOOK):
            now = time.monotonic()
            stages = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
            done = min(tasks, sum(stage.numCompletedTasks for stage in stages if stage is not None))
            report("tasks", done, tasks)
            if now - printed_at >= _PRINT:
                print(f"{what}: {done} of {tasks} tasks after {now - began:.0f} s", flush=True)
                printed_at = now

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
