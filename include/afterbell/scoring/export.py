"""The signals of a session as files that need no lake: Parquet and CSV below ``signals/`` of the artifact bucket.

Both are made of the table's rows, after the commit that brought them: what a crash kept from being written is made of
the same rows by the next run, with the same bytes, and what is there is never written again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from io import BytesIO
from statistics import NormalDist

import polars as pl
import pyarrow.parquet as pq
from pyspark.sql import SparkSession

from afterbell.config.runtime import S3Location
from afterbell.errors import PreconditionFailedError, UnknownOutcomeError
from afterbell.evaluation.metrics import finite_or_none
from afterbell.evaluation.panel import BLEND
from afterbell.lake.commit import head
from afterbell.lake.scan import plan_files, read_files
from afterbell.lake.shape import shape_of
from afterbell.lake.tables import SIGNALS
from afterbell.release.manifest import Manifest
from afterbell.scoring.stored import export_key
from afterbell.stores.artifacts import ArtifactStore

_APART = 0.9
"""By how much the mean ranks of the best and of the worst decile differ."""
_ORDER = ("horizon", "family", "symbol")
COLUMNS = (
    "session", "as_of", "known_until", "symbol", "horizon", "family", "score", "rank", "in_universe", "universe_rank",
    "expected_return", "confidence", "release_id", "provisional",
)  # fmt: skip


def export_signals(
    spark: SparkSession, s3: S3Location, store: ArtifactStore, manifest: Manifest, as_of: date, known_until: datetime
) -> tuple[str, ...]:
    """Write the files that are not there yet; returns the keys of both.

    Args:
        spark: with the lake.
        s3: where its files are.
        store: where to.
        manifest: of the release that scored.
        as_of: the session that was scored; ``signals.daily`` has its rows.
        known_until: the cut-off of that session.
    """
    rows = _read_rows(spark, s3, manifest.release_id, as_of)
    if rows.is_empty():
        return ()
    session = rows["session"][0]
    keys = {suffix: export_key(session, manifest.release_id, suffix) for suffix in ("parquet", "csv")}
    if not all(store.exists(key) for key in keys.values()):
        frame = describe_signals(rows, manifest.metrics, known_until)
        for suffix, body in (("parquet", to_parquet(frame)), ("csv", to_csv(frame))):
            _put_once(store, keys[suffix], body)
    return tuple(keys.values())


def _read_rows(spark: SparkSession, s3: S3Location, release_id: str, as_of: date) -> pl.DataFrame:
    files = plan_files(spark, SIGNALS, head(spark, SIGNALS), "as_of", as_of, as_of)
    own = (pl.col("release_id") == release_id) & (pl.col("as_of") == as_of)
    return read_files(files, shape_of(spark, SIGNALS), s3, own)


def describe_signals(rows: pl.DataFrame, metrics: Mapping[str, object], known_until: datetime) -> pl.DataFrame:
    """Signals with what the release's out-of-sample figures say of them: ``COLUMNS``, in the files' order.

    ``expected_return`` (simple, over ``horizon`` sessions, before costs, less the mean of the universe) lies on the
    line by the universe's ranks whose best and worst decile differ by the scorer's ``decile_spread``. ``confidence`` is
    the probability that the scorer's true mean rank IC is above 0, by the normal distribution with its ``rank_ic`` and
    ``rank_ic_se``: it is about the scorer, the same for all symbols. Both are null where the figures are not known,
    the former outside the universe, too.

    Args:
        rows: of ``signals.daily``, of one session and release.
        metrics: of the release's manifest.
        known_until: the instant after which nothing counted.
    """
    scorers = pl.DataFrame(
        [
            (horizon, family, *_calibration(metrics, horizon, family))
            for horizon, family in rows.select("horizon", "family").unique().sort("horizon", "family").iter_rows()
        ],
        schema={"horizon": pl.Int32, "family": pl.String, "_spread": pl.Float64, "confidence": pl.Float64},
        orient="row",
    )
    middle = pl.col("universe_rank").mean().over("horizon", "family")
    described = rows.sort(_ORDER).join(scorers, on=["horizon", "family"], how="left", maintain_order="left")
    return described.with_columns(
        known_until=pl.lit(known_until).dt.cast_time_unit("us"),
        expected_return=(pl.col("universe_rank") - middle) * (pl.col("_spread") / _APART),
    ).select(COLUMNS)


def _calibration(metrics: Mapping[str, object], horizon: int, family: str) -> tuple[float | None, float | None]:
    """The spread of deciles, and the confidence, of one scorer of a release."""
    figures = metrics.get(f"h{horizon}")
    if family != BLEND and isinstance(figures, Mapping):
        families = figures.get("families")
        figures = families.get(family) if isinstance(families, Mapping) else None
    if not isinstance(figures, Mapping):
        return None, None
    spread, mean, error = (_number(figures.get(name)) for name in ("decile_spread", "rank_ic", "rank_ic_se"))
    if mean is None or not error:
        return spread, None
    return spread, round(NormalDist().cdf(mean / error), 6)  # libraries may differ in the last digits of it


def _number(value: object) -> float | None:
    return finite_or_none(float(value)) if isinstance(value, int | float) else None


def to_parquet(frame: pl.DataFrame) -> bytes:
    """The Parquet file of ``frame``."""
    body = BytesIO()
    pq.write_table(frame.to_arrow(compat_level=pl.CompatLevel.oldest()), body, compression="zstd")
    return body.getvalue()


def to_csv(frame: pl.DataFrame) -> bytes:
    """The CSV file of ``frame``: UTF-8, a header, nothing where null, instants as ``2026-07-01T22:00:00Z``."""
    return frame.write_csv(datetime_format="%Y-%m-%dT%H:%M:%SZ").encode()


def _put_once(store: ArtifactStore, key: str, body: bytes) -> None:
    """Write ``key``, unless it is there."""
    try:
        store.put_if_absent(key, body)
    except PreconditionFailedError:
        return
    except UnknownOutcomeError:
        if not store.exists(key):
            raise
