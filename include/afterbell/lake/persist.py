"""A Spark frame that is used twice is computed once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pyspark.sql import DataFrame
from pyspark.storagelevel import StorageLevel

LEVEL = StorageLevel.MEMORY_AND_DISK
"""As objects in memory, and on the executor's disk where they don't fit: the reason is in ``docs/architecture.md``."""


@contextmanager
def kept(frame: DataFrame) -> Iterator[DataFrame]:
    """``frame``, kept by the executors from its first use to the end of the block."""
    held = frame.persist(LEVEL)
    try:
        yield held
    finally:
        held.unpersist()
