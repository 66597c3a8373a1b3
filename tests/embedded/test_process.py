"""Processes: ended whole, recognised for sure, and never left behind, whoever dies first."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from afterbell.embedded.process import Component, Started, Supervisor, last_lines
from tests.patience import LONG

WAITS = "import signal; signal.pause()"
# Ignores SIGTERM, and so does its child, which moves to a session of its own.
STUBBORN = """
import os, signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = (
    "import os, signal; os.setsid(); signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('up', flush=True); signal.pause()"
)
process = subprocess.Popen([sys.executable, "-c", child], stdout=subprocess.PIPE)
process.stdout.readline()
print("ready", process.pid, flush=True)
signal.pause()
"""
PARENT = """
import os, signal, sys
from pathlib import Path
from afterbell.embedded.process import Component, Supervisor
supervisor = Supervisor(Path(sys.argv[1]))
with supervisor.lock(print):
    supervisor.use("probe")
    supervisor.begin("probe", {"probe": 1})
    program = [sys.executable, "-c", sys.argv[2]]
    print(supervisor.launch("probe", Component("main", tuple(program), dict(os.environ), 1.0)).pid, flush=True)
signal.pause()
"""


@pytest.fixture
def supervisor(tmp_path: Path) -> Supervisor:
    return Supervisor(tmp_path)


def launch(supervisor: Supervisor, program: str, grace: float = 1.0, restart: float | None = None) -> Started:
    with supervisor.lock(print):
        supervisor.use("probe")
        supervisor.begin("probe", {"probe": 1})
        component = Component("main", (sys.executable, "-c", program), dict(os.environ), grace, restart)
        return supervisor.launch("probe", component)


def wait_for_line(log: Path, start: str, process: Started) -> str:
    """Block until the program wrote a line that starts so: it then stands in its final wait."""
    with log.open() as stream:
        while process.alive:
            line = stream.readline()
            if line.startswith(start):
                return line
    raise AssertionError(last_lines(log))


def gone(pids: list[int]) -> bool:
    processes = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    _, left = psutil.wait_procs(processes, timeout=LONG)
    return not left


def test_stop_ends_a_program_that_ignores_sigterm_and_its_child_in_another_session(supervisor: Supervisor) -> None:
    started = launch(supervisor, STUBBORN)
    grandchild = int(wait_for_line(Path(started.log), "ready", started).split()[1])
    family = [started.pid, grandchild, *(item.pid for item in psutil.Process(started.pid).children(recursive=True))]
    assert supervisor.stop("probe")
    assert gone(family)
    assert supervisor.records() == {}


def test_a_reused_process_number_is_not_taken_for_the_service(supervisor: Supervisor) -> None:
    with subprocess.Popen([sys.executable, "-c", WAITS]) as stranger:
        created = psutil.Process(stranger.pid).create_time()
        supervisor.begin("probe", {"probe": 1})
        before_the_reboot = Started("main", stranger.pid, created - 3600, "log")
        text = f'{{"probe": {{"ports": {{"probe": 1}}, "components": [{before_the_reboot.__dict__}]}}}}'
        (supervisor.folder / "state.json").write_text(text.replace("'", '"'))
        assert supervisor.records()["probe"].components == (before_the_reboot,)
        assert not supervisor.records()["probe"].alive
        assert not supervisor.stop("probe")
        assert stranger.poll() is None
        stranger.kill()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"s3": 1}', '{"s3": {"ports": {}, "components": [{"pid": 1}]}}'])
def test_a_state_file_that_makes_no_sense_counts_as_nothing_running(supervisor: Supervisor, text: str) -> None:
    (supervisor.folder / "state.json").write_text(text)
    assert supervisor.records() == {}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_parent_leaves_no_orphan(tmp_path: Path, number: signal.Signals) -> None:
    argv = [sys.executable, "-c", PARENT, str(tmp_path), STUBBORN]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=environment()) as parent:
        assert parent.stdout is not None
        guard = int(parent.stdout.readline())
        supervisor = Supervisor(tmp_path)
        started = supervisor.records()["probe"].components[0]
        wait_for_line(Path(started.log), "ready", started)
        family = [guard, *(item.pid for item in psutil.Process(guard).children(recursive=True))]
        assert len(family) == 3
        parent.send_signal(number)
    assert gone(family)
    assert supervisor.marked("probe") == []


def test_a_killed_guard_takes_its_program_along(supervisor: Supervisor) -> None:
    started = launch(supervisor, "print('ready', flush=True); " + WAITS)
    wait_for_line(Path(started.log), "ready", started)
    program = psutil.Process(started.pid).children()[0]
    os.kill(started.pid, signal.SIGKILL)
    assert gone([program.pid])
    supervisor.stop("probe")


def test_a_program_that_ends_by_itself_takes_its_guard_along(supervisor: Supervisor) -> None:
    started = launch(supervisor, "print('bye', flush=True); raise SystemExit(3)")
    assert gone([started.pid])
    assert not supervisor.records()["probe"].alive
    assert "status 3" in last_lines(Path(started.log))


def test_a_program_that_is_killed_is_started_again_without_what_it_had_started(supervisor: Supervisor) -> None:
    started = launch(supervisor, STUBBORN, restart=0.0)
    child = int(wait_for_line(Path(started.log), "ready", started).split()[1])
    for program in psutil.Process(started.pid).children():
        program.kill()
    wait_for_line(Path(started.log), "guard: started again", started)
    assert gone([child])
    assert started.alive
    assert supervisor.records()["probe"].alive
    with Path(started.log).open() as stream:
        while "ready" not in stream.read().partition("guard: started again")[2]:
            stream.seek(0)
    assert supervisor.stop("probe")
    assert supervisor.marked("probe") == []


def test_a_program_that_cannot_start_is_not_started_again(supervisor: Supervisor) -> None:
    started = launch(supervisor, "raise SystemExit(3)", restart=60.0)
    assert gone([started.pid])
    assert not supervisor.records()["probe"].alive
    assert "started again" not in last_lines(Path(started.log))


def test_a_program_between_two_lives_can_be_stopped(supervisor: Supervisor) -> None:
    started = launch(supervisor, "raise SystemExit(3)", restart=0.0)
    wait_for_line(Path(started.log), "guard: started again", started)
    assert supervisor.stop("probe")
    assert gone([started.pid])


def test_the_service_stays_while_another_user_lives(supervisor: Supervisor) -> None:
    started = launch(supervisor, WAITS)
    with subprocess.Popen([sys.executable, "-c", WAITS]) as other:
        created = psutil.Process(other.pid).create_time()
        (supervisor.folder / "probe" / "leases" / f"{other.pid}-{created:.2f}").touch()
        assert not supervisor.leave("probe")
        assert started.alive
        other.kill()
    assert gone([started.pid])  # the guard saw by itself that the last user died


def test_no_secret_of_the_environment_is_written_down(supervisor: Supervisor) -> None:
    component = Component("main", (sys.executable, "-c", WAITS), dict(os.environ) | {"SECRET": "canary-7f3a"})
    with supervisor.lock(print):
        supervisor.use("probe")
        supervisor.begin("probe", {"probe": 1})
        supervisor.launch("probe", component)
    supervisor.stop("probe")
    assert "canary-7f3a" not in repr(component)
    files = [path for path in supervisor.folder.rglob("*") if path.is_file()]
    assert files
    assert all(b"canary-7f3a" not in path.read_bytes() for path in files)


def environment() -> dict[str, str]:
    return dict(os.environ) | {"PYTHONPATH": str(Path(__file__).resolve().parents[2] / "include")}
