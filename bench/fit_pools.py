"""The same fits by other means: joblib's pool, Celery's workers, and what a user of plain Spark writes.

joblib, Celery and its client of Redis lie in an environment of their own (``make pools``), whose packages are put
behind those of this one. Redis' server is a program of the machine.
"""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Self

import pandas as pd
from pyspark.sql import SparkSession

from afterbell.config.platform import Folders
from afterbell.training.fan_out import Job
from afterbell.training.fitting import run_fit
from afterbell.training.matrix import ARRAYS, Matrix

_WAIT = 60.0
"""Seconds that a server may take to answer."""
_LONGEST = 600.0
"""Seconds that a fit may be waited for: workers that ended give no answer."""
SOCKET = "BENCH_REDIS_SOCKET"
"""Variable that names the socket of Redis."""


def packages() -> Path:
    """The folder of the packages of ``make pools``."""
    return Folders.from_env().env / "pools" / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"


def _use_packages() -> None:
    """Find them in this process and in those that it starts."""
    folder = str(packages())
    if folder not in sys.path:
        sys.path.append(folder)
        os.environ["PYTHONPATH"] = os.pathsep.join([*os.environ.get("PYTHONPATH", "").split(os.pathsep), folder])


def predict(folder: str, job: Job) -> bytes:
    """The predictions of a fit on the matrix in ``folder``, which a process maps once."""
    return run_fit(job.fit, job.spec, _matrix(folder)).predictions


@cache
def _matrix(folder: str) -> Matrix:
    return Matrix.load(Path(folder))


def loky_seconds(folder: Path, jobs: Sequence[Job], warm: Sequence[Job], processes: int) -> float:
    """The fits in joblib's pool of processes, which are there and warm already."""
    _use_packages()
    from joblib import Parallel, delayed  # noqa: PLC0415 - of an environment that may not be there

    with Parallel(n_jobs=processes, backend="loky", batch_size=1) as parallel:
        parallel(delayed(predict)(str(folder), job) for job in warm)
        return _seconds(lambda: parallel(delayed(predict)(str(folder), job) for job in jobs))


def pandas_seconds(spark: SparkSession, folder: Path, jobs: Sequence[Job], warm: Sequence[Job]) -> float:
    """The fits as groups of ``applyInPandas``, with the matrix broadcast; Spark's workers have it already."""
    matrix = Matrix.load(folder)
    shared = spark.sparkContext.broadcast({name: getattr(matrix, name) for name in ARRAYS})
    rest: dict[str, Any] = {
        "names": matrix.names,
        "horizons": matrix.horizons,
        "grid": matrix.grid,
        "tickers": matrix.tickers,
    }

    def fit_group(group: pd.DataFrame) -> pd.DataFrame:
        job = pickle.loads(group["job"].iloc[0])  # noqa: S301 - made above
        result = run_fit(job.fit, job.spec, Matrix(**shared.value, **rest))
        return pd.DataFrame({"number": group["number"], "predictions": [result.predictions]})

    def run(some: Sequence[Job]) -> None:
        rows = [(number, bytearray(pickle.dumps(job))) for number, job in enumerate(some)]
        frame = spark.createDataFrame(rows, "number int, job binary")
        # As many partitions as fits: Spark would put these few bytes into one.
        groups = frame.repartition(len(some), "number").groupBy("number")
        if groups.applyInPandas(fit_group, "number int, predictions binary").count() != len(some):
            raise RuntimeError("fits are missing")

    run(warm)
    seconds = _seconds(lambda: run(jobs))
    shared.destroy()
    return seconds


def can_queue() -> bool:
    """Whether this machine has Redis' server."""
    return shutil.which("redis-server") is not None


class Queue:
    """Redis and Celery's prefork workers; use it in a ``with`` block."""

    def __init__(self, home: Path, processes: int) -> None:
        self._home, self._processes, self._stack = home, processes, ExitStack()

    def __enter__(self) -> Self:
        """Start both."""
        socket = self._home / "redis.sock"
        os.environ[SOCKET] = str(socket)
        # For the superuser: what the workers unpickle comes through a socket in a folder that no other user can enter.
        os.environ["C_FORCE_ROOT"] = "1"
        _use_packages()
        try:
            self._start(
                ["redis-server", "--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(self._home)]
            )
            self._wait_for(socket)
            worker = [sys.executable, "-m", "celery", "-A", "bench.celery_tasks", "worker", "-P", "prefork"]
            worker += ["-c", str(self._processes), "--prefetch-multiplier", "1", "-l", "error", "--without-mingle"]
            self._start(worker)
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End both."""
        self._stack.close()

    def _start(self, argv: list[str]) -> None:
        self._stack.enter_context(_running(argv, self._home / "queue.log"))

    def _wait_for(self, socket: Path) -> None:
        end = time.monotonic() + _WAIT
        while not socket.exists():
            if time.monotonic() > end:
                log = (self._home / "queue.log").read_text(encoding="utf-8", errors="replace")[-1000:]
                raise RuntimeError(f"redis-server did not answer within {_WAIT:.0f} s: {log}")
            time.sleep(0.05)

    def seconds(self, folder: Path, jobs: Sequence[Job]) -> float:
        """The fits as Celery's tasks."""
        from bench.celery_tasks import fit  # noqa: PLC0415 - of an environment that may not be there

        def run() -> None:
            waiting: list[Any] = [fit.delay(str(folder), job) for job in jobs]
            for one in waiting:
                one.get(timeout=_LONGEST)

        return _seconds(run)


@contextmanager
def _running(argv: list[str], log: Path) -> Iterator[None]:
    with log.open("a") as output:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
