"""Fits as Spark tasks: the matrix goes to the executors once, as many fits are in flight as there are cores.

Executors on this machine map the driver's own files; elsewhere Spark copies them to each executor's host, once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

import numpy as np
import pyarrow as pa
from pyspark import SparkFiles
from pyspark.sql import DataFrame, SparkSession

from afterbell.cluster.report import report
from afterbell.cluster.worker import keep_archives
from afterbell.training.fits import NO_TIME, Fit, FitResult, run_fit
from afterbell.training.matrix import FILES, Matrix
from afterbell.training.spec import ModelSpec

_IN_FLIGHT = 64
"""Most fits submitted to Spark at once."""
_BATCH = 100_000
_LOOK = 0.5
"""Seconds between two checks of whether the time is over, and of how many cores there are."""


@dataclass(frozen=True)
class Shipped:
    """Where executors find the matrix: a folder of this machine, or None for what Spark copied to them."""

    folder: Path | None

    def load(self) -> Matrix:
        """The matrix, on an executor."""
        return Matrix.load(self.folder or Path(SparkFiles.getRootDirectory()))


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
    fits: list[Fit],
    spec: ModelSpec,
    progress: Callable[[int, FitResult], None],
    over: Event | None = None,
) -> list[FitResult]:
    """Run ``fits`` on the executors, in the given order as cores come free.

    Once the time is over none begins, those under way are ended, and each of them comes back with a reason.

    Args:
        spark: whose executors have the matrix.
        shipped: the matrix, from ``ship``.
        fits: of one run.
        spec: the model specification.
        progress: called on the driver as each fit ends, with the number of fits done.
        over: set when the time is over; None where nothing limits it.

    Returns:
        Their results, in the order of ``fits``.
    """
    return run_jobs(spark, shipped, [(fit, spec) for fit in fits], progress, over)


def run_jobs(
    spark: SparkSession,
    shipped: Shipped,
    jobs: list[tuple[Fit, ModelSpec]],
    progress: Callable[[int, FitResult], None],
    over: Event | None = None,
) -> list[FitResult]:
    """``run_fits`` for fits of several specifications."""
    stop = over or Event()

    def run_as_job(fit: Fit, spec: ModelSpec) -> FitResult:
        if stop.is_set():
            return FitResult(fit, NO_TIME)
        try:
            # A job a fit, not one job for all: the driver learns of each as it ends, and no core waits for a
            # batch.
            collected: list[FitResult] = (
                spark.sparkContext.parallelize([fit], 1).map(lambda sent: _on_executor(sent, spec, shipped)).collect()
            )
        except Exception:
            if stop.is_set():
                return FitResult(fit, NO_TIME)
            raise
        return collected[0]

    results: dict[int, FitResult] = {}
    waiting, running = deque(enumerate(jobs)), dict[Future[FitResult], int]()
    report("fits", 0, len(jobs))
    with ThreadPoolExecutor(_IN_FLIGHT) as pool, _cancelled_when_over(spark, stop):
        while waiting or running:
            # As many as there are cores, which may become more: what waits in Spark has lost its place in the order.
            while waiting and len(running) < min(_IN_FLIGHT, max(2, spark.sparkContext.defaultParallelism)):
                number, job = waiting.popleft()
                running[pool.submit(run_as_job, *job)] = number
            done, _ = wait(running, timeout=_LOOK, return_when=FIRST_COMPLETED)
            for future in done:
                results[running.pop(future)] = future.result()
                report("fits", len(results), len(jobs))
                progress(len(results), future.result())
    return [results[number] for number in range(len(jobs))]


@contextmanager
def _cancelled_when_over(spark: SparkSession, stop: Event) -> Iterator[None]:
    """End all jobs of this driver once ``stop`` is set, as long as the block lasts."""
    done = Event()

    def watch() -> None:
        while not done.is_set():
            if stop.wait(_LOOK):
                # Again and again: a fit may have begun in the moment before.
                spark.sparkContext.cancelAllJobs()
                done.wait(_LOOK)

    watcher = Thread(target=watch, name="time for fits", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _on_executor(fit: Fit, spec: ModelSpec, shipped: Shipped) -> FitResult:
    keep_archives()
    return run_fit(fit, spec, shipped.load())


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
