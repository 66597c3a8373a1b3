"""The death of a worker, whether it works or waits, costs no more than its own task."""

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Event

import psutil
import pytest
from airflow.executors.base_executor import BaseExecutor
from airflow.models.taskinstancekey import TaskInstanceKey
from airflow.utils.state import TaskInstanceState

from afterbell.airflow.executor import SturdyExecutor

SECONDS = 600  # far beyond what a busy machine takes: to reach it is to fail
_PAUSE = Event()


@dataclass(frozen=True)
class Work:
    """What the scheduler hands to a worker, as much of it as a worker looks at."""

    task: str
    running_state = None
    success_state = TaskInstanceState.SUCCESS
    failure_state = TaskInstanceState.FAILED

    @property
    def key(self) -> TaskInstanceKey:
        return TaskInstanceKey("dag", self.task, "run", 1)

    @property
    def display_name(self) -> str:
        return self.task


class Office:
    """An executor with two workers, whose work is to wait for a file: ``done`` ends all work, ``one`` that of one."""

    def __init__(self, done: Path) -> None:
        self.done, self.one = done, done.with_name("one")
        self.executor = SturdyExecutor(parallelism=2)

    def hand_out(self, task: str) -> TaskInstanceKey:
        work = Work(task)
        self.executor.queued_tasks[work.key] = work
        self.executor._process_workloads([work])
        return work.key

    def until(self, holds: Callable[[], object]) -> None:
        for _ in range(SECONDS * 20):
            self.executor.sync()
            if holds():
                return
            _PAUSE.wait(0.05)
        raise AssertionError(f"not within {SECONDS} s")

    def kill(self, which: Callable[[int], bool]) -> None:
        victim = next(pid for pid in self.executor.workers if which(pid))
        os.kill(victim, signal.SIGKILL)
        self.executor.workers[victim].join(SECONDS)

    def waiting(self) -> int:
        return sum("<idle>" in " ".join(psutil.Process(pid).cmdline()) for pid in self.executor.workers)

    def task_of(self, pid: int) -> str | None:
        key = self.executor.activity_queue.held_by(pid)
        return key and key.task_id

    def said(self, key: TaskInstanceKey) -> tuple[object, object] | None:
        return self.executor.event_buffer.get(key)


def _taken(permit: Path) -> bool:
    try:
        permit.unlink()
    except FileNotFoundError:
        return False
    return True


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Office]:
    found = Office(tmp_path / "done")

    def work(*_: object, **__: object) -> None:
        while not found.done.exists() and not _taken(found.one):
            _PAUSE.wait(0.05)

    monkeypatch.setattr(BaseExecutor, "run_workload", work)
    found.executor.start()
    yield found
    found.done.touch()
    found.executor.end()


@pytest.mark.parametrize("number", [0, 1], ids=["the one that is next", "the one behind"])
def test_work_is_done_after_a_worker_that_waited_was_killed(office: Office, number: int):
    office.until(lambda: office.waiting() == 2)
    office.kill(lambda pid: list(office.executor.workers).index(pid) == number)
    office.done.touch()
    keys = [office.hand_out(task) for task in ("one", "two", "three")]
    office.until(lambda: all(office.said(key) == (TaskInstanceState.SUCCESS, None) for key in keys))


def test_what_a_killed_worker_was_doing_has_failed_and_the_others_go_on(office: Office):
    first, second = office.hand_out("first"), office.hand_out("second")
    office.until(lambda: {office.task_of(pid) for pid in office.executor.workers} == {"first", "second"})
    office.kill(lambda pid: office.task_of(pid) == "first")
    office.until(lambda: office.said(first))
    state, why = office.said(first) or (None, None)
    assert state == TaskInstanceState.FAILED
    assert "died (exit code -9)" in str(why)
    assert office.said(second) is None
    office.done.touch()
    office.until(lambda: office.said(second) == (TaskInstanceState.SUCCESS, None))


def test_a_worker_that_dies_after_its_work_takes_nothing_with_it(office: Office):
    office.done.touch()
    key = office.hand_out("only")
    office.until(lambda: office.said(key))
    for pid in list(office.executor.workers):
        office.kill(lambda each, pid=pid: each == pid)
    again = office.hand_out("again")
    office.until(lambda: office.said(again) == (TaskInstanceState.SUCCESS, None))
    assert office.said(key) == (TaskInstanceState.SUCCESS, None)


def test_a_task_that_goes_on_in_another_worker_is_running_when_the_first_lets_go_of_it(office: Office):
    first = office.hand_out("waits in the triggerer")
    again = office.hand_out("waits in the triggerer")
    office.until(lambda: all(office.task_of(pid) for pid in office.executor.workers))
    office.executor.running.add(again)  # as the scheduler does with what it hands out
    office.one.touch()
    office.until(lambda: office.said(first))
    assert again in office.executor.running
    office.executor.event_buffer.clear()
    office.done.touch()
    office.until(lambda: office.said(again) == (TaskInstanceState.SUCCESS, None))
    assert office.executor.running == set()


def _scheduler(tell: Connection) -> None:
    executor = SturdyExecutor(parallelism=2)
    executor.start()
    tell.send(list(executor.workers))
    _PAUSE.wait()


def _lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_workers_go_home_when_their_scheduler_is_killed():
    heard, tell = get_context("fork").Pipe(duplex=False)
    scheduler = get_context("fork").Process(target=_scheduler, args=(tell,))
    scheduler.start()
    workers = [psutil.Process(pid) for pid in heard.recv()]
    scheduler.kill()
    scheduler.join()
    for _ in range(SECONDS * 10):
        if not any(_lives(each) for each in workers):
            return
        _PAUSE.wait(0.1)
    raise AssertionError(f"workers live on: {workers}")
