"""The embedded Airflow's executor: LocalExecutor, but that the death of a worker costs no more than its own task.

Airflow's workers wait for work with a lock in their hands that dies with nobody: kill the one that holds it, and no
other is ever handed a task. And what a killed worker was doing is asked for only once its heartbeats are long overdue.
"""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import tempfile
from collections import Counter
from typing import TYPE_CHECKING, Any

from airflow.executors.local_executor import LocalExecutor

if TYPE_CHECKING:
    from airflow.executors.workloads import ExecutorWorkload

_LOOK_SECONDS = 0.5


class Inbox:
    """Where workers take their work from, one at a time, and say what they took.

    Whose turn it is, is a lock on a file: the system takes it back from a process that dies. Made for forked workers.
    """

    def __init__(self) -> None:
        self._reader, self._writer = multiprocessing.Pipe(duplex=False)
        self._heard, self._say = multiprocessing.Pipe(duplex=False)
        self._turn = tempfile.TemporaryFile()  # noqa: SIM115 - it is open as long as the inbox is
        self._held: dict[int, Any] = {}
        self._owner = os.getpid()
        self._out: Counter[Any] = Counter()

    def put(self, work: ExecutorWorkload | None) -> None:
        """Leave work for the next worker that asks; None sends it home. The scheduler alone puts."""
        if work is not None:
            self._out[work.key] += 1
        self._writer.send(work)

    def ended(self, key: Any) -> bool:
        """Note that work of ``key`` has ended; whether more of the same key is out. In the scheduler."""
        self._out[key] -= 1
        if self._out[key] > 0:
            return True
        del self._out[key]
        return False

    def empty(self) -> bool:
        """Whether nothing waits to be taken."""
        return not self._reader.poll()

    def get(self) -> ExecutorWorkload | None:
        """Wait for work; in a worker.

        Raises:
            EOFError: the scheduler has died.
        """
        self._say.send((os.getpid(), None))
        fcntl.lockf(self._turn, fcntl.LOCK_EX)
        try:
            while not self._reader.poll(_LOOK_SECONDS):
                if os.getppid() != self._owner:
                    raise EOFError("the scheduler has died")
            work: ExecutorWorkload | None = self._reader.recv()
            self._say.send((os.getpid(), work and work.key))  # a pipe takes so little in one piece
            return work
        finally:
            fcntl.lockf(self._turn, fcntl.LOCK_UN)

    def held_by(self, pid: int) -> Any:
        """The key of the work that a worker has taken and not finished; None where there is none."""
        while self._heard.poll():
            worker, key = self._heard.recv()
            self._held[worker] = key
        return self._held.get(pid)

    def close(self) -> None:
        """No more work."""
        for each in (self._reader, self._writer, self._heard, self._say, self._turn):
            each.close()


class SturdyExecutor(LocalExecutor):
    """Runs tasks in processes of this machine; what a killed worker was doing has failed at once."""

    activity_queue: Any

    def start(self) -> None:
        """Start the workers."""
        forks, self.is_mp_using_fork = self.is_mp_using_fork, False
        super().start()  # without workers
        self.is_mp_using_fork = forks
        if forks:
            self.activity_queue.close()
            self.activity_queue = Inbox()
            self._spawn_workers_with_gc_freeze(self.parallelism)  # type: ignore[no-untyped-call]

    def change_state(self, key: Any, state: Any, info: Any = None, remove_running: bool = True) -> None:
        """Note what became of a task.

        One that waited in the triggerer and goes on may be in a second worker's hands before the first has said that
        it let go of it: then it is running still, and the scheduler doesn't take it for killed by somebody else.
        """
        super().change_state(key, state, info, remove_running)
        if self.is_mp_using_fork and self.activity_queue.ended(key):
            self.running.add(key)

    def _check_workers(self) -> None:
        if self.is_mp_using_fork:
            dead = [pid for pid, process in self.workers.items() if not process.is_alive()]
            if dead:
                self._read_results()  # type: ignore[no-untyped-call]  # what they finished before they died
            for pid in dead:
                self._lose(pid)
        super()._check_workers()  # type: ignore[no-untyped-call]

    def _lose(self, pid: int) -> None:
        key = self.activity_queue.held_by(pid)
        self.log.warning("worker %s died (exit code %s); it had %s", pid, self.workers[pid].exitcode, key or "no task")
        if key in self.event_buffer:
            self.activity_queue.ended(key)  # told already
        elif key is not None:
            self.fail(key, f"its worker, process {pid}, died (exit code {self.workers[pid].exitcode})")
