"""The application of a warm JVM: runs one job after the other, each in a Python process and a Spark context of its own.

``spark-submit ... serve.py <first> <door>`` fetches its first job from the socket ``first`` and waits for others at
``door``. Each job is a fork of this process, which itself never speaks to the JVM and has no threads of its own: a job
finds the libraries imported and Java awake, and nothing else of the jobs before it. A job that does not end well ends
this process and the JVM with it, as does one whose submitter goes away: only a JVM that has done well is used again.
The job's Python workers come from here, too: see ``forks.py``.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import runpy
import signal
import socket
import sys
import time
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from pathlib import Path

from afterbell.cluster.warm.forks import Workers, import_libraries, take_over
from afterbell.cluster.warm.protocol import TAKEN, JobRequest, connect, listen, receive

_MOST = 32
"""Jobs that one JVM serves: Java can't distinguish what a job leaves on the heap from what it still needs."""
_LOOK = 1.0
_KILLED = 128 + signal.SIGKILL
_FORK = multiprocessing.get_context("fork")


def main(first: Path, door: Path) -> None:
    """Serve until there are no more jobs."""
    del sys.path[0]  # no job imports from this folder
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    own = os.getpid()
    try:
        _serve(first, door)
    finally:
        if os.getpid() == own:
            for path in (door, door.with_suffix(".log"), door.with_suffix(".workers")):
                path.unlink(missing_ok=True)


def _serve(first: Path, door: Path) -> None:
    connection, born, served = connect(first), os.getppid(), 0
    received = receive(connection) if connection else None
    spark = _variables_of_spark(received[0].environment) if received else {}
    workers = Workers(door.with_suffix(".workers"))
    while connection is not None and received is not None:
        request, streams = received
        clean, done = _FORK.Pipe(duplex=False)
        job = _FORK.Process(target=_run_job, args=(request, spark, streams, done, (clean, connection, workers.socket)))
        connection.sendall(TAKEN)
        job.start()
        done.close()
        for stream in streams:
            os.close(stream)
        if not served:
            import_libraries(partial(_fork_workers, workers, (clean, connection)))
        served += 1
        status = _await_job(job, born, workers, (clean, connection))
        goes_on = status == 0 and clean.poll() and request.idle_seconds > 0 and served < _MOST
        waiting = listen(door) if goes_on else None  # before the answer: its receiver may connect again at once
        connection.sendall(json.dumps({"status": status}).encode())
        connection.close()
        connection, received = _next(waiting, door, request.idle_seconds, born, workers) if waiting else (None, None)


def _variables_of_spark(submitted: dict[str, str]) -> dict[str, str]:
    """This process's variables that its submitter lacks, or has with other values: those that Spark set for Python."""
    return {name: value for name, value in os.environ.items() if submitted.get(name) != value}


def _fork_workers(workers: Workers, job: tuple[Connection, socket.socket]) -> None:
    """Fork the workers that are requested while libraries are imported, with those imported so far."""
    while wait([workers.socket], timeout=0):
        workers.fork(job)


def _run_job(
    request: JobRequest,
    spark: dict[str, str],
    streams: list[int],
    done: Connection,
    others: tuple[Connection, socket.socket],
) -> None:
    """Become the job: its output, variables and arguments, then its script as the main program."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for resource in others:
        resource.close()
    take_over(request, streams, first=1)
    os.environ.update(spark)
    sys.argv = [request.script, *request.arguments]
    sys.path.insert(0, str(Path(request.script).parent))
    try:
        runpy.run_path(request.script, run_name="__main__")
    except SystemExit as end:
        if end.code:
            raise
    stop_context()
    done.send_bytes(b"+")


def stop_context() -> None:
    """End the Spark context: the next job opens one of its own."""
    from pyspark import SparkContext  # noqa: PLC0415
    from pyspark.sql import SparkSession  # noqa: PLC0415

    running = SparkSession._instantiatedSession or SparkContext._active_spark_context  # noqa: SLF001
    if running is not None:
        running.stop()


def _await_job(job: ForkProcess, born: int, workers: Workers, streams: tuple[Connection, socket.socket]) -> int:
    """The exit status of the job, which has its workers until then.

    Raises:
        ConnectionError: its submitter went away; the job was killed.
    """
    while (ready := wait([job.sentinel, streams[1], workers.socket])) == [workers.socket]:
        workers.fork(streams)
    if job.sentinel not in ready:
        job.kill()
        raise ConnectionError("the submitter of the job has exited")
    job.join()
    status = job.exitcode or 0
    if status and os.getppid() != born:
        return _KILLED  # as the JVM was: the job's own status would only reflect that
    return status if status >= 0 else 128 - status


def _next(
    waiting: socket.socket, door: Path, seconds: float, born: int, workers: Workers
) -> tuple[socket.socket | None, tuple[JobRequest, list[int]] | None]:
    """The next submitter and its job; None where none came in time, or the JVM is gone."""
    try:
        waiting.settimeout(_LOOK)
        end = time.monotonic() + seconds
        while time.monotonic() < end and os.getppid() == born:
            workers.reap()
            with suppress(TimeoutError, ConnectionError):  # a connection that sends no request is no submitter
                connection, _ = waiting.accept()
                connection.settimeout(None)
                return connection, receive(connection)
        return None, None
    finally:
        door.unlink(missing_ok=True)  # no submitter connects to a JVM that is busy, or gone
        waiting.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
