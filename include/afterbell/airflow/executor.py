"""The embedded Airflow's executor: a LocalExecutor in which the death of a worker costs no more than its own task.

Airflow's workers wait for work while they hold a lock that is not released when its holder dies: kill that worker, and
no other ever gets a task. And a killed worker's task is noticed only once its heartbeats are long overdue.
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
    """A queue that workers take work from, one at a time, and report what they took.

    The turn is a lock on a file, which the system releases when a process dies. Made for forked workers.
    """

    def __init__(self) -> None:
        self._reader, self._writer = multiprocessing.Pipe(duplex=False)
        self._report_reader, self._report_writer = multiprocessing.Pipe(duplex=False)
        self._turn = tempfile.TemporaryFile()  # noqa: SIM115 - it is open as long as the inbox is
        self._held: dict[int, Any] = {}
        self._owner = os.getpid()
        self._outstanding: Counter[Any] = Counter()

    def put(self, work: ExecutorWorkload | None) -> None:
        """Add work for the next worker that asks; None ends that worker. Called in the scheduler only."""
        if work is not None:
            self._outstanding[work.key] += 1
        self._writer.send(work)

    def ended(self, key: Any) -> bool:
        """Note that work of ``key`` has ended; whether more of the same key is unfinished. Called in the scheduler."""
        self._outstanding[key] -= 1
        if self._outstanding[key] > 0:
            return True
        del self._outstanding[key]
        return False

    def empty(self) -> bool:
        """Whether nothing waits to be taken."""
        return not self._reader.poll()

    def get(self) -> ExecutorWorkload | None:
        """Wait for work. Called in a worker.

        Raises:
            EOFError: the scheduler has died.
        """
        self._report_writer.send((os.getpid(), None))
        fcntl.lockf(self._turn, fcntl.LOCK_EX)
        try:
            while not self._reader.poll(_LOOK_SECONDS):
                if os.getppid() != self._owner:
                    raise EOFError("the scheduler has died")
            work: ExecutorWorkload | None = self._reader.recv()
            self._report_writer.send((os.getpid(), work and work.key))  # small enough for a pipe to write in one piece
            return work
        finally:
            fcntl.lockf(self._turn, fcntl.LOCK_UN)

    def held_by(self, pid: int) -> Any:
        """The key of the work that a worker has taken and not finished; None if there is no such work."""
        while self._report_reader.poll():
            worker, key = self._report_reader.recv()
            self._held[worker] = key
        return self._held.get(pid)

    def close(self) -> None:
        """Close the pipes and the lock file."""
        for resource in (self._reader, self._writer, self._report_reader, self._report_writer, self._turn):
            resource.close()


class SturdyExecutor(LocalExecutor):
    """Runs tasks in processes of this machine; the task of a killed worker fails at once."""

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
        """Note the new state of a task.

        A task that waited in the triggerer may be taken by a second worker before the first has reported that it
        released it: then it is still running, and the scheduler must not count it as killed from outside.
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
                self._fail_task_of(pid)
        super()._check_workers()  # type: ignore[no-untyped-call]

    def _fail_task_of(self, pid: int) -> None:
        key = self.activity_queue.held_by(pid)
        self.log.warning("worker %s died (exit code %s); it had %s", pid, self.workers[pid].exitcode, key or "no task")
        if key in self.event_buffer:
            self.activity_queue.ended(key)  # reported already
        elif key is not None:
            self.fail(key, f"its worker, process {pid}, died (exit code {self.workers[pid].exitcode})")
