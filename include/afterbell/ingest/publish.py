"""Moving ``main`` of every table to what an ingest wrote and the audit passed."""

from __future__ import annotations

from pyspark.sql import SparkSession

from afterbell.ingest.write import AUDITED
from afterbell.lake.commit import publish_branch


def publish(spark: SparkSession, branch: str) -> None:
    """Publish ``branch`` table by table, in the order of ``AUDITED``; what is published already is passed over.

    If it is interrupted anywhere, the same call continues where it stopped, and so does an ingest of the same drops:
    the ledger moves last, and rows that are there already are not added again.

    Raises:
        BaseMovedError: another writer moved ``main`` of a table that the branch adds to.
    """
    for table in AUDITED:
        publish_branch(spark, table, branch)
