"""One program that lives no longer than the command that runs it, however that command ends."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil

from afterbell.embedded import guard


@contextlib.contextmanager
def guarded(argv: Sequence[str], env: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``argv`` with its output in ``log``; at the end of the block it is ended with all of its descendants.

    A guard stands between: should this process be killed, it ends the program too.

    Args:
        argv: the program and its arguments.
        env: its whole environment.
        log: file its output is appended to.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="afterbell-run-") as folder, log.open("ab") as stream:
        leases, lock = Path(folder, "leases"), Path(folder, "lock")
        leases.mkdir()
        lock.touch()
        own = psutil.Process()
        (leases / f"{own.pid}-{own.create_time():.2f}").touch()
        process = subprocess.Popen(
            [sys.executable, "-I", guard.__file__, str(leases), str(lock)],
            env=dict(env) | {guard.COMMAND: json.dumps(list(argv))},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # the terminal's Ctrl-C is the command's, which then ends the program in order
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.wait()
