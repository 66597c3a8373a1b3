"""Reads on the second axis of time: what was known at an instant."""

from __future__ import annotations

from datetime import datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 - the name the field uses

_KEY = ("symbol", "session")
_ORDER = ("knowledge_time", "revision")


def bars_as_of(frame: DataFrame, knowledge: datetime) -> DataFrame:
    """The newest revision of each bar that was known at ``knowledge``.

    Args:
        frame: rows of ``market.bars`` at one snapshot.
        knowledge: an instant, with its zone.

    Returns:
        The same columns, at most one row a symbol and session.

    Raises:
        ValueError: ``knowledge`` has no zone.
    """
    if knowledge.tzinfo is None:
        raise ValueError(f"knowledge time {knowledge} needs a time zone, such as UTC")
    rest = [column for column in frame.columns if column not in {*_KEY, *_ORDER}]
    # Ordered by knowledge time, then by revision: a later revision of the same instant is the newer one.
    newest = F.max(F.struct(*_ORDER, *rest)).alias("newest")
    known = frame.where(F.col("knowledge_time") <= F.lit(knowledge.isoformat()).cast("timestamp"))
    return known.groupBy(*_KEY).agg(newest).select(*_KEY, "newest.*").select(*frame.columns)
