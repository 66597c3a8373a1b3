"""Stands between a command and one process of a service, so that nothing is ever left behind.

Started as a script of its own, in a session of its own. It runs the given program and ends it, with all of its
descendants, as soon as it gets SIGTERM, the program ends by itself, or no user of the service lives. A program
that is to be started again when it ends by itself is, on a clean slate: nothing of its last life lives on.
Users are files in the folder of leases, named ``<pid>-<create time>``; a file ``detached`` stands for "until SIGTERM".
A user killed by SIGKILL cannot remove its lease, so the guard checks for itself.

The program is in the guard's environment, not in its arguments: a command that ends processes by their
name must not end the guard along with the program that it is to start again.

Needs psutil and nothing else of the project: it must start at once.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

DETACHED = "detached"
COMMAND = "AFTERBELL_GUARD_COMMAND"
"""Variable with the program and its arguments, a JSON list."""
GRACE_SECONDS = 12.0
"""What a program gets to end by itself before it is killed, where the variable of the name below sets nothing else."""
GRACE = "AFTERBELL_GUARD_GRACE"
RESTART = "AFTERBELL_GUARD_RESTART"
"""Variable that, where it is set, has a program which ends by itself started again. Its value is the seconds that the
first life must have lasted: a program that ends sooner cannot start at all."""
_LONGEST_PAUSE = 30.0
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_SAME_PROCESS_SECONDS = 2.0  # the clock may be set while a process runs
_STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
_WATCHED = _STOP_SIGNALS | {signal.SIGCHLD}


def is_alive(pid: int, created: float) -> bool:
    """Whether the process that had ``pid`` and was created then (seconds since the epoch) still runs."""
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - created) < _SAME_PROCESS_SECONDS
        return bool(same and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def has_users(leases: Path, but: str = "") -> bool:
    """Whether any user of the service still lives, the holder of the lease ``but`` left out."""
    for lease in leases.iterdir() if leases.is_dir() else ():
        if lease.name == but:
            continue
        pid, _, created = lease.name.partition("-")
        if lease.name == DETACHED or (created and is_alive(int(pid), float(created))):
            return True
    return False


def end_all(processes: list[psutil.Process], grace: float) -> None:
    """SIGTERM to all, SIGKILL to those that are left after ``grace`` seconds."""
    for number, wait in ((signal.SIGTERM, grace), (signal.SIGKILL, GRACE_SECONDS)):
        for process in processes:
            try:
                process.send_signal(number)
            except psutil.NoSuchProcess:
                continue
        _, processes = psutil.wait_procs(processes, timeout=wait)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def _in_child() -> None:
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)  # should the guard itself be killed
    signal.pthread_sigmask(signal.SIG_SETMASK, set())


def _reap(child: subprocess.Popen[bytes]) -> None:
    """Collect what ended: the child, and orphans of the child, which become ours."""
    # The kernel knows them. To look through all processes of the machine once a second would cost 1 % of a core.
    while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
        if ended.si_pid == child.pid:
            child.poll()
            return
        os.waitpid(ended.si_pid, 0)


def _may_leave(leases: Path, lock: Path) -> bool:
    """Whether nobody uses the service, and nobody is about to: starters hold the lock."""
    if has_users(leases):
        return False
    handle = os.open(lock, os.O_RDONLY)
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        if not has_users(leases):
            return (
                True  # kept open on purpose: locked until this process has ended, so a starter finds the service gone
            )
    os.close(handle)
    return False


def _log(text: str) -> None:
    print(f"guard: {text}", flush=True)


def _watch(child: subprocess.Popen[bytes], leases: Path, lock: Path) -> bool:
    """Wait for a reason to end; whether it is that the program ended by itself."""
    while child.returncode is None:
        received = signal.sigtimedwait(_WATCHED, 1.0)
        if received is not None and received.si_signo in _STOP_SIGNALS:
            _log("asked to stop")
            return False
        _reap(child)
        if received is None and _may_leave(leases, lock):
            _log("nobody uses the service any more")
            return False
    _log(f"the service ended by itself with status {child.returncode}")
    return True


def _run_once(command: list[str], leases: Path, lock: Path) -> tuple[bool, int]:
    """One life of the program, with all of its descendants; whether it ended by itself, and its status."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=_in_child)  # noqa: PLW1509 - one thread
    by_itself = _watch(child, leases, lock)
    end_all(psutil.Process().children(recursive=True), float(os.environ.get(GRACE) or GRACE_SECONDS))
    for left in psutil.Process().children(recursive=True):  # what the dying started meanwhile
        left.kill()
    return by_itself, child.poll() or 0


def _stop_requested_within(seconds: float) -> bool:
    """Wait for so long, or until the service is to stop; whether it is."""
    return signal.sigtimedwait(_STOP_SIGNALS, seconds) is not None


def main(argv: list[str]) -> int:
    """Run the program that `COMMAND` holds under the leases in ``argv[0]`` and the lock file ``argv[1]``."""
    leases, lock, command = Path(argv[0]), Path(argv[1]), json.loads(os.environ.pop(COMMAND))
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
    started, lives, pause, shortest = time.monotonic(), 0, 1.0, os.environ.get(RESTART)
    while True:
        born = time.monotonic()
        again, status = _run_once(command, leases, lock)
        lives, lasted = lives + 1, time.monotonic() - born
        again = again and shortest is not None and (lives > 1 or lasted >= float(shortest))
        pause = 1.0 if lasted > 2 * _LONGEST_PAUSE else min(2 * pause, _LONGEST_PAUSE)
        if not again or _stop_requested_within(pause):
            break
        _log(f"started again after {lasted:.0f} s")
    _log(f"done after {time.monotonic() - started:.0f} s")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
