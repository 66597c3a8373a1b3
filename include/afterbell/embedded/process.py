"""Starting, recording and ending the processes of the embedded services.

Everything is kept below one folder: ``state.json`` (what runs), ``lock`` (one command at a time changes it), and per
service its log files and the leases of its users (see ``guard``).
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

from afterbell.config.environment import SERVICE
from afterbell.embedded import guard
from afterbell.errors import ServiceError

_LOCK_SECONDS = 300.0
_STOP_SECONDS = 2 * guard.GRACE_SECONDS


@dataclass(frozen=True)
class Component:
    """One program of a service, as it is to be started.

    Attributes:
        name: unique within the service; also names the log file.
        argv: the program and its arguments; no secret among them.
        env: its whole environment.
        grace: seconds it gets to end by itself before it is killed.
        restart: where it ends by itself after so many seconds, it is started again; None for never.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    grace: float = guard.GRACE_SECONDS
    restart: float | None = None


@dataclass(frozen=True)
class Started:
    """One running program: its guard's process, and when that was created (seconds since the epoch)."""

    name: str
    pid: int
    created: float
    log: str

    @property
    def alive(self) -> bool:
        """Whether it still runs; the number alone is ambiguous, after a reboot for instance."""
        with contextlib.suppress(OSError):
            os.waitpid(self.pid, os.WNOHANG)  # where it is our own child
        return guard.is_alive(self.pid, self.created)


@dataclass(frozen=True)
class ProcessRecord:
    """One service: the ports it listens on by name, and its programs."""

    ports: dict[str, int]
    components: tuple[Started, ...] = ()

    @property
    def alive(self) -> bool:
        """Whether every program of it still runs."""
        return bool(self.components) and all(item.alive for item in self.components)


class Supervisor:
    """The processes whose state is kept in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._state = folder / "state.json"
        self._writing = threading.Lock()

    @contextlib.contextmanager
    def lock(self, on_wait: Callable[[str], None]) -> Iterator[None]:
        """Hold the folder: no other command starts or stops anything meanwhile.

        Raises:
            ServiceError: another command held it for minutes.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            deadline, announced = time.monotonic() + _LOCK_SECONDS, False
            while not _locked(handle):
                if time.monotonic() > deadline:
                    raise ServiceError(
                        f"another command has been starting or stopping services for {_LOCK_SECONDS:.0f} s "
                        f"({self.folder / 'lock'} is locked): wait for it or end it, then try again"
                    )
                if not announced:
                    on_wait("waiting for another command that is starting or stopping services")
                announced = True
                time.sleep(0.1)
            yield
        finally:
            os.close(handle)

    def records(self) -> dict[str, ProcessRecord]:
        """All recorded services, whether they still run or not; none where the file cannot be read."""
        try:
            state = json.loads(self._state.read_text(encoding="utf-8"))
            return {
                name: ProcessRecord(dict(body["ports"]), tuple(Started(**item) for item in body["components"]))
                for name, body in state.items()
            }
        except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
            return {}  # what is not recorded, `marked` finds by its variable

    def _record(self, service: str, record: ProcessRecord | None) -> None:
        with self._writing:
            records = self.records()
            records.pop(service, None)
            if record is not None:
                records[service] = record
            text = json.dumps({name: asdict(item) for name, item in records.items()}, indent=1)
            temporary = self._state.with_suffix(".new")
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(self._state)

    def begin(self, service: str, ports: dict[str, int]) -> Path:
        """Record that ``service`` is about to start on ``ports``; returns its folder, empty of old logs."""
        folder = self.folder / service
        folder.mkdir(parents=True, exist_ok=True)
        for log in folder.glob("*.log"):
            log.replace(log.with_suffix(".log.previous"))
        self._record(service, ProcessRecord(ports))
        return folder

    def launch(self, service: str, component: Component) -> Started:
        """Start one program under a guard, in a session of its own, and record it."""
        folder = self.folder / service
        log = folder / f"{component.name}.log"
        argv = [
            sys.executable,
            "-I",
            guard.__file__,
            str(folder / "leases"),
            str(self.folder / "lock"),
        ]
        flags = os.O_CREAT | os.O_WRONLY | os.O_APPEND
        pid = os.posix_spawn(
            argv[0],
            argv,
            {**component.env, SERVICE: self._mark(service), **_orders(component)},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(log), flags, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,  # the terminal's Ctrl-C is the command's, which then stops what it started
            setsigmask=[],
        )
        started = Started(component.name, pid, psutil.Process(pid).create_time(), str(log))
        record = self.records()[service]
        self._record(service, ProcessRecord(record.ports, (*record.components, started)))
        return started

    def use(self, service: str, *, detached: bool = False) -> None:
        """Record that this process uses ``service``, or that it is to run until it is stopped."""
        leases = self.folder / service / "leases"
        leases.mkdir(parents=True, exist_ok=True)
        (leases / (guard.DETACHED if detached else _own_lease())).touch()

    def uses(self, service: str) -> bool:
        """Whether this process has a lease on ``service``."""
        return (self.folder / service / "leases" / _own_lease()).exists()

    def used_by_others(self, service: str) -> bool:
        """Whether anybody but this process uses ``service``, or it is to run until it is stopped."""
        return guard.has_users(self.folder / service / "leases", but=_own_lease())

    def leave(self, service: str) -> bool:
        """Give back this process's lease; whether nobody uses ``service`` any more."""
        leases = self.folder / service / "leases"
        (leases / _own_lease()).unlink(missing_ok=True)
        return not guard.has_users(leases)

    def stop(self, service: str) -> bool:
        """End ``service`` with everything it started; whether there was anything to end."""
        shutil.rmtree(self.folder / service / "leases", ignore_errors=True)
        record = self.records().get(service, ProcessRecord({}))
        guards = [psutil.Process(item.pid) for item in record.components if item.alive]
        for process in guards:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGTERM)
        psutil.wait_procs(guards, timeout=_STOP_SECONDS)
        left = self.marked(service)
        guard.end_all(left, guard.GRACE_SECONDS)
        if still := self.marked(service):
            raise ServiceError(
                f"service {service!r} could not be stopped: processes {[item.pid for item in still]} are still "
                f"running; end them manually (logs: {self.folder / service})"
            )
        self._record(service, None)
        return bool(guards or left)

    def marked(self, service: str) -> list[psutil.Process]:
        """Every living process of ``service``, wherever it moved; never this one or one above it."""
        own = {os.getpid(), *(item.pid for item in psutil.Process().parents())}
        return [item for item in psutil.process_iter() if item.pid not in own and self._is_marked(item, service)]

    def _is_marked(self, process: psutil.Process, service: str) -> bool:
        try:
            return (
                bool(process.environ().get(SERVICE) == self._mark(service)) and process.status() != psutil.STATUS_ZOMBIE
            )
        except (psutil.Error, OSError):
            return False  # ended meanwhile, or another user's

    def _mark(self, service: str) -> str:
        return f"{self.folder.resolve()}:{service}"


def _orders(component: Component) -> dict[str, str]:
    restart = {} if component.restart is None else {guard.RESTART: str(component.restart)}
    return {guard.COMMAND: json.dumps(component.argv), guard.GRACE: str(component.grace), **restart}


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _own_lease() -> str:
    return f"{os.getpid()}-{psutil.Process().create_time():.2f}"


def last_lines(log: Path, count: int = 15) -> str:
    """The end of a log file, for a message."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "(no log)"
    return "\n".join(lines[-count:]) or "(empty)"
