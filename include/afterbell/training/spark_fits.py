"""Fits as Spark tasks: the matrix goes to the executors once, small fits share a task.

Executors on this machine map the driver's own files; elsewhere Spark copies them to each executor's host, once.
"""

from __future__ import annotations

import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event

import numpy as np
import pyarrow as pa
from py4j.protocol import Py4JJavaError
from pyspark import SparkFiles
from pyspark.sql import DataFrame, SparkSession

from afterbell.cluster.spark_errors import removed_by
from afterbell.cluster.worker import keep_archives
from afterbell.errors import TaskLostError
from afterbell.training.families import FAMILIES
from afterbell.training.fan_out import NOWHERE, Job, Records, Source, fan_out, fan_out_from
from afterbell.training.fits import Fit, FitResult, failure_of
from afterbell.training.fitting import run_fit
from afterbell.training.matrix import FILES, Matrix
from afterbell.training.shared_features import FOLDER
from afterbell.training.spec import ModelSpec

_BATCH = 100_000


@dataclass(frozen=True)
class Shipped:
    """Where executors find the matrix: a folder of this machine, or None for what Spark copied to them."""

    folder: Path | None

    def load(self) -> Matrix:
        """The matrix, on an executor."""
        return Matrix.load(self._files())

    def shared_folder(self) -> Path:
        """Where fits of an executor's host keep what they share, beside the matrix: it goes with it."""
        return self._files() / FOLDER

    def _files(self) -> Path:
        return self.folder or Path(SparkFiles.getRootDirectory())


def ship(spark: SparkSession, folder: Path) -> Shipped:
    """Give every executor the files of the matrix in ``folder``; it must stay as long as they use it."""
    here = str(spark.sparkContext.master).partition("[")[0] == "local"  # but not local-cluster[..]
    return Shipped(folder) if here else copy_out(spark, folder)


def copy_out(spark: SparkSession, folder: Path) -> Shipped:
    """Have Spark copy the files to every executor."""
    for name in FILES:
        spark.sparkContext.addFile(str(folder / name))
    return Shipped(None)


def run_fits(
    spark: SparkSession,
    shipped: Shipped,
    fits: Sequence[Fit],
    spec: ModelSpec,
    progress: Callable[[int, FitResult], None],
    over: Event | None = None,
    records: Records = NOWHERE,
) -> list[FitResult]:
    """Run ``fits`` of one specification on the executors; see ``fan_out``."""
    return run_jobs(spark, shipped, [Job(fit, spec) for fit in fits], progress, over, records)


def run_jobs(
    spark: SparkSession,
    shipped: Shipped,
    jobs: Sequence[Job],
    progress: Callable[[int, FitResult], None],
    over: Event | None = None,
    records: Records = NOWHERE,
) -> list[FitResult]:
    """Run fits, perhaps of several specifications, on the executors; see ``fan_out``."""
    return fan_out(jobs, SparkRunner(spark, shipped, fits_that_share(jobs)), progress, over, records)


def run_source(
    spark: SparkSession,
    shipped: Shipped,
    source: Source,
    sharing: frozenset[Fit],
    progress: Callable[[int, FitResult], None],
    over: Event | None = None,
    records: Records = NOWHERE,
) -> None:
    """Run the jobs of ``source`` on the executors; see ``fan_out_from``.

    Args:
        spark: whose executors have the matrix.
        shipped: the matrix, for the executors.
        source: of the jobs, which learns their results.
        sharing: the fits that many of the jobs do with other parameters.
        progress: called as each fit ends, with the number of fits done.
        over: set when the time is over; None where nothing limits it.
        records: where results are looked for, and kept.
    """
    fan_out_from(source, SparkRunner(spark, shipped, sharing), progress, over, records)


def fits_of_trials(fits: Iterable[Fit]) -> frozenset[Fit]:
    """Those of ``fits``, each of them done by many trials, that share a preparation of their features."""
    return frozenset(fit for fit in fits if FAMILIES[fit.family].preparation is not None)


def fits_that_share(jobs: Iterable[Job]) -> frozenset[Fit]:
    """The fits that several of ``jobs`` do with other parameters, but with one preparation of the same features.

    For a fit that stands alone writing and reading a file would be lost time.
    """
    counts: Counter[tuple[Fit, str]] = Counter()
    for job in jobs:
        preparation = FAMILIES[job.fit.family].preparation
        if preparation is not None:
            counts[job.fit, preparation.key(job.spec.families.named()[job.fit.family])] += 1
    return frozenset(fit for (fit, _), count in counts.items() if count > 1)


class SparkRunner:
    """Runs fits as Spark tasks on executors that have the matrix."""

    def __init__(self, spark: SparkSession, shipped: Shipped, sharing: frozenset[Fit] = frozenset()) -> None:
        self._context, self._shipped, self._sharing = spark.sparkContext, shipped, sharing

    @property
    def cores(self) -> int:
        """How many cores the executors have at this moment."""
        return int(self._context.defaultParallelism)

    def run(self, jobs: Sequence[Job]) -> list[FitResult]:
        """Run ``jobs`` in one task.

        Raises:
            TaskLostError: the task ended without a result, and executors are still to be had.
        """
        shipped, sharing = self._shipped, frozenset(job.fit for job in jobs) & self._sharing
        try:
            # A job a task, not one job for all: the driver learns of each as it ends, and no core waits for a batch.
            collected: list[list[FitResult]] = (
                self._context.parallelize([list(jobs)], 1)
                .map(lambda sent: _on_executor(sent, shipped, sharing))
                .collect()
            )
        except Py4JJavaError as error:
            # What the cluster or a stopped context ends is no matter of this task: the step has its own answer to it.
            if removed_by(error) is not None or not _lost_a_task(error):
                raise
            print(f"a task of {len(jobs)} fits was lost: {_cause(error)}", file=sys.stderr, flush=True)
            raise TaskLostError(
                "the task ended without a result, with its executor or its Python process (out of memory is the usual "
                "cause)"
            ) from error
        return collected[0]

    def cancel(self) -> None:
        """End all jobs of this driver."""
        self._context.cancelAllJobs()


_LOST = "Job aborted due to stage failure"


def _lost_a_task(error: Py4JJavaError) -> bool:
    return _LOST in str(error.java_exception.getMessage())


def _cause(error: Py4JJavaError) -> str:
    """The first lines of what Spark says, up to the stack."""
    return " ".join(str(error.java_exception.getMessage()).split("\n\tat ")[0].split())[:1000]


def _on_executor(jobs: Sequence[Job], shipped: Shipped, sharing: frozenset[Fit]) -> list[FitResult]:
    keep_archives()
    try:
        matrix = shipped.load()
    except Exception as error:  # noqa: BLE001 - reported with each fit
        traceback.print_exc()  # into the executor's log
        return [failure_of(job.fit, error) for job in jobs]
    return [attempt_job(job, matrix, shipped.shared_folder() if job.fit in sharing else None) for job in jobs]


def attempt_job(job: Job, matrix: Matrix, shared: Path | None = None) -> FitResult:
    """The result of a fit, or its failure: one fit that raises costs no other its work."""
    try:
        result = run_fit(job.fit, job.spec, matrix, shared)
        if job.judge is not None and result.predictions:
            result = replace(result, predictions=job.judge(matrix, job.fit, result.predictions))
    except Exception as error:  # noqa: BLE001 - reported with the fit
        traceback.print_exc()  # into the executor's log
        return failure_of(job.fit, error)
    return result


def out_of_sample_frame(
    spark: SparkSession, shipped: Shipped, candidate_id: str, folds: Iterable[FitResult]
) -> DataFrame:
    """The out-of-sample predictions as rows of ``predictions.out_of_sample``.

    Only the float32 predictions travel; symbols, sessions and labels are read from the matrix on the
    executors.

    Args:
        spark: whose executors have the matrix.
        shipped: the matrix, from ``ship``.
        candidate_id: the candidate's id.
        folds: results with predictions; rows without a known label are left out.
    """
    rows = [_as_row(fold) for fold in folds]
    parts = spark.sparkContext.parallelize(rows, max(1, len(rows)))
    frame = parts.toDF("family string, horizon int, fold int, test_first int, test_last int, predictions binary")

    def expand(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        keep_archives()
        matrix = shipped.load()
        for batch in batches:
            for row in batch.to_pylist():
                yield from out_of_sample_rows(matrix, candidate_id, row)

    return frame.mapInArrow(
        expand,
        "candidate_id string, symbol string, session date, horizon int, family string, fold int, "
        "prediction double, label double",
    )


def _as_row(fold: FitResult) -> tuple[str, int, int, int, int, bytearray]:
    fit = fold.fit
    return fit.family, fit.horizon, fit.fold, fit.test_first, fit.test_last, bytearray(fold.predictions)


def out_of_sample_rows(matrix: Matrix, candidate_id: str, row: dict[str, object]) -> Iterator[pa.RecordBatch]:
    """Arrow batches of the rows of one fold whose label is known; ``row`` has the values of ``_as_row``."""
    window = matrix.rows(int(str(row["test_first"])), int(str(row["test_last"])))
    labels = matrix.labels[matrix.horizons.index(int(str(row["horizon"]))), window]
    predictions = np.frombuffer(bytes(row["predictions"]), np.float32)  # type: ignore[call-overload]
    tickers, grid = pa.array(matrix.tickers), pa.array(matrix.grid)
    known = np.flatnonzero(np.isfinite(labels))
    for start in range(0, known.size, _BATCH):
        part = known[start : start + _BATCH]
        yield pa.record_batch(
            {
                "candidate_id": pa.repeat(candidate_id, part.size),
                "symbol": tickers.take(pa.array(matrix.symbols[window][part])),
                "session": grid.take(pa.array(matrix.sessions[window][part])),
                "horizon": pa.repeat(pa.scalar(row["horizon"], pa.int32()), part.size),
                "family": pa.repeat(row["family"], part.size),
                "fold": pa.repeat(pa.scalar(row["fold"], pa.int32()), part.size),
                "prediction": predictions[part].astype(np.float64),
                "label": labels[part].astype(np.float64),
            }
        )
