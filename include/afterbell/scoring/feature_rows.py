"""The feature rows of a session that a release scores: checked against the definitions that it was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from datetime import date
from functools import reduce

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - the name everybody gives it

from afterbell.errors import StaleInputError, ValidationFailedError
from afterbell.lake.commit import at_snapshot
from afterbell.lake.spark import kept
from afterbell.lake.tables import factor_table
from afterbell.release.manifest import Manifest, SetSchema
from afterbell.scoring.models import require_schema


def session_rows(
    spark: SparkSession, session: date, manifest: Manifest, snapshots: Mapping[str, int], held: ExitStack
) -> DataFrame:
    """The symbols of ``session`` that have a row in each of the release's sets, with all its factors.

    Each set's rows are checked, then scored: they are kept until ``held`` ends.

    Raises:
        ValidationFailedError: the session has no rows in a set.
        StaleInputError: the run has no features of a set, or its rows are of another definition.
    """
    frames = [
        _checked(
            held.enter_context(kept(_rows(spark, session, manifest.release_id, schema, snapshots))),
            session,
            manifest,
            schema,
        )
        for schema in manifest.features.sets
    ]
    return reduce(lambda left, right: left.join(right, on="symbol", how="inner"), frames)


def _rows(
    spark: SparkSession, session: date, release_id: str, schema: SetSchema, snapshots: Mapping[str, int]
) -> DataFrame:
    """The feature rows of ``session``, of whatever definition."""
    table = factor_table(schema.set, schema.names)
    if schema.set not in snapshots:
        raise StaleInputError(
            f"release {release_id} takes {table.name}, the step `features` of this run made "
            f"{', '.join(sorted(snapshots)) or 'none'}: name {schema.set} in feature_sets of the model "
            "specification and rerun, or publish a release of the other sets"
        )
    return at_snapshot(spark, table, snapshots[schema.set]).where(F.col("session") == session)


def _checked(rows: DataFrame, session: date, manifest: Manifest, schema: SetSchema) -> DataFrame:
    """The rows under the release's definition: symbol and factors."""
    definitions = {row["definition_hash"] for row in rows.select("definition_hash").distinct().collect()}
    if not definitions:
        raise ValidationFailedError(f"features.{schema.set} has no row of session {session}: rerun features")
    require_schema(manifest.release_id, schema, definitions, session.isoformat())
    own = rows.where(F.col("definition_hash") == schema.definition_hash)
    return own.select("symbol", *(F.col(f"`{name}`") for name in schema.names))
