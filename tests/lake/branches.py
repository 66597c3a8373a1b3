"""Branches that a test opens by itself, as anybody may who has SQL."""

from __future__ import annotations

from pyspark.sql import SparkSession

from afterbell.lake.tables import Table


def open_branch(spark: SparkSession, table: Table, branch: str) -> None:
    """Start ``branch`` at the head of ``main``, anew where it is there."""
    spark.sql(f"ALTER TABLE {table.full_name} CREATE OR REPLACE BRANCH {branch}")
