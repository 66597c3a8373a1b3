"""Submit a Spark job to a warm JVM, or start a JVM that waits for further jobs.

``python submit.py <spark-submit> <arguments of spark-submit>``, with the seconds that the JVM shall wait in the
variable ``AFTERBELL_WARM`` (0: it ends with this job). To its caller it is spark-submit: its output and exit status
are the job's, and when it is killed, so is the job. A JVM serves jobs that are submitted alike in everything but
name, script and arguments, under the same variables, and one at a time.
"""

from __future__ import annotations

import hashlib
import json
import os
import select
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, NoReturn

sys.path[0] = str(Path(__file__).resolve().parents[3])

from afterbell.cluster.warm.protocol import (  # noqa: E402 - the line above finds it
    TAKEN,
    JobRequest,
    connect,
    listen,
    send,
)
from afterbell.config.environment import HOME, WARM, WORKERS  # noqa: E402 - as above

_FLAGS = {"--verbose", "-v", "--supervise"}
_LOOK = 0.1
_SERVER = Path(__file__).with_name("serve.py")
_PASSING = ("AIRFLOW", "_AIRFLOW", "__AIRFLOW")
_PASSING_WHOLE = {"_", "SHLVL", "PWD", "OLDPWD", WARM}
"""Variables with these prefixes or names differ from task to task, and mean nothing to Spark."""


def parted(arguments: Sequence[str]) -> tuple[list[str], str, list[str]]:
    """spark-submit's options without the job's name, the script, and the script's arguments.

    Raises:
        ValueError: there is no script.
    """
    options: list[str] = []
    position = 0
    while position < len(arguments):
        word = arguments[position]
        if not word.startswith("-"):
            return options, word, list(arguments[position + 1 :])
        width = 1 if word in _FLAGS or "=" in word else 2
        if word.partition("=")[0] != "--name":
            options += arguments[position : position + width]
        position += width
    raise ValueError(f"no script among the arguments: {' '.join(arguments)}")


def likeness(spark_submit: str, options: Sequence[str], environment: Mapping[str, str]) -> str:
    """A digest of the settings that jobs must share to run on one JVM."""
    lasting = {
        name: value
        for name, value in environment.items()
        if not name.startswith(_PASSING) and name not in _PASSING_WHOLE
    }
    text = json.dumps([spark_submit, list(options), lasting], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def main(spark_submit: str, arguments: Sequence[str]) -> int:
    """Run the job to its end; its exit status."""
    options, script, own = parted(arguments)
    environment = dict(os.environ)
    idle_seconds = float(environment[WARM])
    request = JobRequest(str(Path(script).resolve()), own, environment, str(Path.cwd()), idle_seconds)
    folder = Path(environment[HOME], "drivers")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    like = likeness(spark_submit, options, environment)
    for door in sorted(folder.glob(f"{like}-*.door")):
        status = _hand_over(door, request)
        if status is not None:
            return status
    if idle_seconds:
        door = folder / f"{like}-{os.getpid()}.door"
        try:
            waiting = listen(door.with_suffix(".first"))
        except OSError as error:  # not every file system has sockets
            print(
                f"afterbell: this step's JVM is not kept for the next: {folder}: {error}", file=sys.stderr, flush=True
            )
        else:
            with waiting:
                return _start_jvm(spark_submit, options, door, waiting, request)
    return _submit_cold(spark_submit, arguments, environment)


def _submit_cold(spark_submit: str, arguments: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    """Become the plain spark-submit that would have run without a warm JVM."""
    os.execve(spark_submit, [spark_submit, *arguments], _without_warm(environment))  # noqa: S606 - argv, and no shell


def _without_warm(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables with which ``spark-submit`` does not come here again."""
    return {name: value for name, value in environment.items() if name != WARM}


def _hand_over(door: Path, request: JobRequest) -> int | None:
    """The status of the job at the JVM behind ``door``; None where no JVM took it."""
    connection = connect(door)
    if connection is None:
        door.unlink(missing_ok=True)  # the JVM that listened there was killed
        return None
    with connection:
        try:
            log = door.with_suffix(".log").open("rb")
        except FileNotFoundError:
            return None  # its time was up in this very moment
        with log:
            log.seek(0, os.SEEK_END)
            return _follow(connection, log, request)


def _start_jvm(
    spark_submit: str, options: Sequence[str], door: Path, waiting: socket.socket, request: JobRequest
) -> int:
    """Start a JVM, which fetches the job from where ``waiting`` listens, and waits at ``door`` for others afterwards.

    It outlives this process, if the job ends well.
    """
    first, log = door.with_suffix(".first"), door.with_suffix(".log")
    own = forked_workers(door.with_suffix(".workers")) if _is_local(options) else []
    argv = [spark_submit, *options, *own, "--name", "afterbell", str(_SERVER), str(first), str(door)]
    log.touch(mode=0o600)
    with log.open("rb") as read, log.open("wb") as written:
        try:
            jvm = subprocess.Popen(
                argv,
                env=_without_warm(request.environment),
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            waiting.settimeout(_LOOK)
            while jvm.poll() is None:
                _copy(read)
                try:
                    connection, _ = waiting.accept()
                except TimeoutError:
                    continue
                connection.settimeout(None)
                with connection:
                    status = _follow(connection, read, request)
                return 1 if status is None else status
            _copy(read)
            log.unlink(missing_ok=True)
            return jvm.returncode or 1
        finally:
            first.unlink(missing_ok=True)


def _is_local(options: Sequence[str]) -> bool:
    """Whether executors are on this machine, in the JVM itself."""
    # Spark's own local mode. This process runs beside spark-submit and imports no profile: it has to start at once.
    return any(master.startswith("local") for word, master in pairwise(options) if word == "--master")


def forked_workers(door: Path) -> list[str]:
    """Spark's options for Python workers that are forked where the libraries are imported."""
    return [
        "--conf", "spark.python.daemon.module=afterbell.cluster.warm.workers",
        "--conf", f"spark.executorEnv.{WORKERS}={door}",
        "--conf", f"spark.executorEnv.PYTHONPATH={sys.path[0]}",
    ]  # fmt: skip


def _follow(connection: socket.socket, log: BinaryIO, request: JobRequest) -> int | None:
    """The status of the job, once it has ended; None where it was not taken.

    Its own output comes by itself, through the files that were handed over; Java's is in ``log``.
    """
    try:
        send(connection, request, [1, 2])
        if connection.recv(1) != TAKEN:
            return None
    except OSError:
        return None
    while not select.select([connection], [], [], _LOOK)[0]:
        _copy(log)
    answer = connection.recv(4096)
    _copy(log)
    if answer:
        return int(json.loads(answer)["status"])
    print("afterbell: this driver's JVM ended before its job did", file=sys.stderr, flush=True)
    return 1


def _copy(log: BinaryIO) -> None:
    """Print what Java has printed since the last call."""
    while output := log.read(65536):
        os.write(1, output)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
