"""Lines on how far a Spark job is, for whoever reads the step's log while it runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from pyspark.sql import SparkSession

_LOOK = 2.0
_SAY = 15.0
"""Seconds between looks, and between lines at least."""


@contextmanager
def progress(spark: SparkSession, what: str, tasks: int) -> Iterator[None]:
    """Print how many of ``tasks`` are done while the block runs, if that takes long enough to wonder.

    Args:
        spark: whose active stages are looked at.
        what: what the line begins with.
        tasks: of the job.
    """
    tracker, over, began = spark.sparkContext.statusTracker(), threading.Event(), time.monotonic()

    def watch() -> None:
        said = began
        while not over.wait(_LOOK):
            now = time.monotonic()
            if now - said >= _SAY:
                stages = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
                done = sum(stage.numCompletedTasks for stage in stages if stage is not None)
                print(f"{what}: {done} of {tasks} tasks after {now - began:.0f} s", flush=True)
                said = now

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
