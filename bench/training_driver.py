"""A Spark driver that fits models and measures on command: a JSON line in, seconds out, for ``bench.training``."""

from __future__ import annotations

import json
import multiprocessing
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from contextlib import ExitStack
from datetime import date, timedelta
from functools import cache, partial
from pathlib import Path
from statistics import median

import numpy as np
import psutil
from pyspark.sql import SparkSession

from afterbell.cluster.worker import keep_archives
from afterbell.training.fan_out import Job
from afterbell.training.fits import Fit, FitResult
from afterbell.training.fitting import run_fit
from afterbell.training.matrix import ARRAYS, INDEX, Matrix, session_starts
from afterbell.training.shared_features import fit_rows
from afterbell.training.spark_fits import Shipped, run_jobs
from afterbell.training.spec import ModelSpec
from afterbell.training.targets import session_targets
from bench import fit_pools

_FEATURES = 158
_SPEC = {
    "feature_sets": ["one"], "horizons": [1], "seed": 3, "target": "rank",
    "families": {"ridge": {"penalty": 0.1}},
    "split": {"folds": 1, "test_sessions": 5, "min_train_sessions": 40, "embargo": 2},
    "universe": {
        "min_price": 1.0, "min_median_dollar_volume": 1000.0, "window": 5, "min_window": 2, "min_feature_share": 0.5,
    },
    "min_train_rows": 10, "max_train_rows": 10_000_000,
}  # fmt: skip


def make_matrix(folder: Path, sessions: int, symbols: int, features: int) -> None:
    """Write the files of a matrix of random numbers into a new ``folder``."""
    rng, rows = np.random.default_rng(5), sessions * symbols
    ordinals = np.repeat(np.arange(sessions, dtype=np.int32), symbols)
    labels = rng.standard_normal((1, rows), dtype=np.float32)
    arrays = {
        "features": rng.standard_normal((features, rows), dtype=np.float32),
        "labels": labels,
        "targets": session_targets(labels[0], session_starts(ordinals), "rank")[None],
        "sessions": ordinals,
        "symbols": np.tile(np.arange(symbols, dtype=np.int32), sessions),
        "dollars": np.full(rows, 1e6, np.float32),
    }
    folder.mkdir()
    for name in ARRAYS:
        np.save(folder / f"{name}.npy", arrays[name])
    names = [f"f{number}" for number in range(features)]
    index = {"names": names, "horizons": [1], "tickers": [f"S{number}" for number in range(symbols)], "sets": {}}
    grid = [(date(2000, 1, 3) + timedelta(days=day)).isoformat() for day in range(sessions)]
    (folder / INDEX).write_text(json.dumps(index | {"grid": grid, "made_from": {}}), encoding="utf-8")


def trees(number: int, rounds: int, leaves: int = 31) -> Job:
    """A fit of trees, each of another seed."""
    settings = {"rounds": rounds, "num_leaves": leaves, "learning_rate": 0.05, "max_bin": 63}
    spec = ModelSpec.model_validate(_SPEC | {"families": {"lightgbm": settings}})
    return Job(Fit("lightgbm", 1, number, 95, 96, 99), spec)


def ridges(count: int) -> list[Job]:
    """Small fits, each of another identity."""
    spec = ModelSpec.model_validate(_SPEC)
    return [Job(Fit("ridge", 1, number, 95, 96, 99), spec) for number in range(count)]


class Driver:
    """Matrices below ``home``: ``large`` for trees, ``small`` as those of one symbol."""

    def __init__(self, home: Path) -> None:
        self._large, self._small, self._wide = home / "large", home / "small", home / "wide"
        make_matrix(self._large, 100, 150, _FEATURES)
        make_matrix(self._small, 100, 5, 20)
        self._spark = SparkSession.builder.getOrCreate()
        self._cores = int(self._spark.sparkContext.defaultParallelism)
        self._rounds = 1
        self._home, self._stack = home, ExitStack()
        self._queue: fit_pools.Queue | None = None

    def cores(self) -> float:
        """How many tasks run at a time."""
        return float(self._cores)

    def calibrate(self, seconds: float) -> float:
        """Find the rounds with which a fit of trees takes about ``seconds`` on one idle core; returns its seconds."""
        matrix = Matrix.load(self._large)
        few, many = (min(_timed(partial(_fit, trees(0, rounds), matrix)) for _ in range(3)) for rounds in (20, 120))
        each = (many - few) / 100
        self._rounds = max(1, round((seconds - few) / each) + 20)
        return _timed(partial(_fit, trees(0, self._rounds), matrix))

    def bare(self, fits: int) -> float:
        """Fits of trees one after the other in this process."""
        matrix = Matrix.load(self._large)
        return _timed(lambda: [_fit(job, matrix) for job in self._trees(fits)])

    def fan_out(self, fits: int) -> float:
        """The same fits through the pipeline's own loop."""
        return _timed(lambda: run_jobs(self._spark, Shipped(self._large), self._trees(fits), lambda *_: None))

    def process_pool(self, fits: int) -> float:
        """The same fits in processes of the standard library's pool, which are there and warm already."""
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(self._cores, mp_context=spawn) as pool:
            work = partial(_fit_from, str(self._large))
            list(pool.map(work, self._trees(2 * self._cores)))
            return _timed(lambda: list(pool.map(work, self._trees(fits))))

    def loky(self, fits: int) -> float:
        """The same fits in joblib's pool of processes, which are there and warm already."""
        return fit_pools.loky_seconds(self._large, self._trees(fits), self._trees(2 * self._cores), self._cores)

    def pandas(self, fits: int) -> float:
        """The same fits as groups of Spark's applyInPandas."""
        return fit_pools.pandas_seconds(self._spark, self._large, self._trees(fits), self._trees(2 * self._cores))

    def celery(self, fits: int) -> float:
        """The same fits through Celery and Redis, by workers that are there and warm already."""
        if self._queue is None:
            self._queue = self._stack.enter_context(fit_pools.Queue(self._home, self._cores))
            self._queue.seconds(self._large, self._trees(4 * self._cores))
        return self._queue.seconds(self._large, self._trees(fits))

    def can_queue(self) -> float:
        """1 where there is what ``celery`` needs, else 0."""
        return float(fit_pools.can_queue())

    def mapped(self, fits: int) -> float:
        """Bytes of memory that the matrix takes in all processes together, with so many fits side by side."""
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(run_jobs, self._spark, Shipped(self._large), self._trees(fits), lambda *_: None)
            looks = []
            while not running.done():
                looks.append(_mapped_below(str(self._large)))
                time.sleep(0.02)
            running.result()
        # One process is looked at after the other: while they come and go, pages count twice. Hence the median of the
        # looks at most of them.
        most = max(len(look) for look in looks)
        if most < fits:
            raise RuntimeError(f"{most} fits were side by side at most, expected {fits}: make the fits longer")
        return median(sum(look) for look in looks if len(look) == most)

    def close(self) -> None:
        """End what was started."""
        self._stack.close()

    def tiny(self, fits: int) -> float:
        """Small fits through the pipeline's own loop."""
        return _timed(lambda: run_jobs(self._spark, Shipped(self._small), ridges(fits), lambda *_: None))

    def tiny_by_jobs(self, fits: int) -> float:
        """Small fits, a Spark job each, as many at a time as there are cores."""
        return _timed(lambda: _job_a_fit(self._spark, Shipped(self._small), ridges(fits), self._cores))

    def first_trial(self, rows: int) -> float:
        """A fit of one round that bins for itself: nearly all of it is binning."""
        return self._one_round(rows, None)

    def later_trial(self, rows: int) -> float:
        """The same from bins that another trial made."""
        with tempfile.TemporaryDirectory(dir=self._large.parent) as folder:
            self._one_round(rows, Path(folder))
            return self._one_round(rows, Path(folder))

    def _one_round(self, rows: int, shared: Path | None) -> float:
        if not self._wide.exists():
            make_matrix(self._wide, 100, rows // 100, _FEATURES)
        matrix, job = Matrix.load(self._wide), trees(0, 1)
        chosen = np.arange(rows)
        target = np.ascontiguousarray(matrix.targets[0, chosen])
        params = job.spec.families.named()["lightgbm"]
        return _timed(lambda: fit_rows("lightgbm", matrix, chosen, target, params=params, seed=1, shared=shared))

    def _trees(self, fits: int) -> list[Job]:
        return [trees(number, self._rounds) for number in range(fits)]


def _mapped_below(folder: str) -> list[float]:
    """Proportional memory of files in ``folder``, in bytes, by each descendant of this process that has some mapped."""
    found = []
    for child in psutil.Process().children(recursive=True):
        try:
            mapped = float(sum(one.pss for one in child.memory_maps() if one.path.startswith(folder)))
        except (psutil.Error, OSError):
            continue  # it ended while it was looked at
        if mapped:
            found.append(mapped)
    return found


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _fit(job: Job, matrix: Matrix) -> FitResult:
    return run_fit(job.fit, job.spec, matrix)


@cache
def _matrix(folder: str) -> Matrix:
    return Matrix.load(Path(folder))


def _fit_from(folder: str, job: Job) -> FitResult:
    return _fit(job, _matrix(folder))


def _job_a_fit(spark: SparkSession, shipped: Shipped, jobs: Sequence[Job], cores: int) -> None:
    """A Spark job for each fit, without grouping and without a task that waits."""

    def run(job: Job) -> None:
        spark.sparkContext.parallelize([job], 1).map(lambda sent: _on_executor(sent, shipped)).collect()

    waiting = deque(jobs)
    running: set[Future[None]] = set()
    with ThreadPoolExecutor(cores) as pool:
        while waiting or running:
            while waiting and len(running) < cores:
                running.add(pool.submit(run, waiting.popleft()))
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                future.result()


def _on_executor(job: Job, shipped: Shipped) -> FitResult:
    keep_archives()
    return _fit(job, shipped.load())


def main() -> None:
    """Answer commands until the input ends."""
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        driver = Driver(Path(home))
        try:
            for line in sys.stdin:
                command = json.loads(line)
                print(getattr(driver, command.pop("do"))(**command), flush=True)
        finally:
            driver.close()


if __name__ == "__main__":
    main()
