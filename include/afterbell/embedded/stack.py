"""The embedded services together: start, stop, status, and the environment that points a step at them."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from afterbell.config.platform import Folders, Platform
from afterbell.durations import format_duration
from afterbell.embedded.airflow import USER, Airflow
from afterbell.embedded.endpoints import STORES, Endpoints, endpoints, step_env
from afterbell.embedded.hdfs import Hdfs
from afterbell.embedded.ports import LOOPBACK
from afterbell.embedded.private import own_folder
from afterbell.embedded.process import Supervisor
from afterbell.embedded.seaweedfs import SeaweedFS
from afterbell.embedded.service import Progress, Service, ServiceContext
from afterbell.errors import ConfigError, ServiceError

__all__ = [
    "Endpoints", "Login", "ServiceStatus", "embedded", "endpoints", "running", "start", "start_airflow", "status",
    "step_env", "stop",
]  # fmt: skip
_PAUSE = 0.25
"""Seconds between two checks of a service that runs, but does not answer."""
_SERVICES: dict[str, type[Service]] = {"s3": SeaweedFS, "hdfs": Hdfs, "airflow": Airflow}


@dataclass(frozen=True)
class ServiceStatus:
    """One recorded service: its process and port, whether it is usable, and its log."""

    name: str
    pid: int
    port: int
    healthy: bool
    log: Path


@dataclass(frozen=True)
class Login:
    """The address of Airflow's pages, the user, and the file with the password."""

    url: str
    user: str
    password_file: Path


def _quiet(_: str) -> None:
    return


def start(
    folders: Folders,
    platform: Platform,
    names: Sequence[str] = STORES,
    *,
    attached: bool,
    on_progress: Progress = _quiet,
    environment: Mapping[str, str] | None = None,
) -> Endpoints:
    """Start those of ``names`` that are embedded and do not run yet, side by side, and wait until they are healthy.

    Args:
        folders: where things lie.
        platform: the settings; a store with an address of its own is left alone.
        names: the services to start.
        attached: they end with this process, however it ends, unless another one uses them as well; otherwise they
            run until ``stop``.
        on_progress: called with each line of progress.
        environment: variables for Airflow beside its own (``AIRFLOW_CONN_*``); where they differ from those it runs
            with, it is restarted.

    Raises:
        PortInUseError: a configured port is taken.
        ServiceError: a service did not come up. What this call started was stopped again.
    """
    own_services = embedded(platform, names)
    context = ServiceContext(folders, platform, Supervisor(folders.services), environment=environment or {})
    if own_services:
        own_folder(folders.home)  # the lake, matrices, the stores' files and Airflow's database lie below
        with context.supervisor.lock(on_progress):
            _bring_up(context, [_SERVICES[name](context) for name in own_services], on_progress)
            if not attached:
                for name in own_services:
                    context.supervisor.use(name, detached=True)
                    context.supervisor.leave(name)
    return endpoints(folders, platform, names)


def start_airflow(
    folders: Folders, platform: Platform, environment: Mapping[str, str], on_progress: Progress = _quiet
) -> Login:
    """Start Airflow's four components; they run until ``stop``.

    Args:
        folders: where things lie.
        platform: the settings.
        environment: variables for Airflow beside its own, the connections (``AIRFLOW_CONN_*``) above all.
        on_progress: called with each line of progress.

    Raises:
        PortInUseError: the configured port is taken.
        ServiceError: Airflow did not come up; what was started of it was stopped again.
    """
    start(folders, platform, ("airflow",), attached=False, on_progress=on_progress, environment=environment)
    service = Airflow(ServiceContext(folders, platform, Supervisor(folders.services)))
    return Login(f"http://{LOOPBACK}:{service.ports['ui']}", USER, service.password_file)


def embedded(platform: Platform, names: Sequence[str]) -> list[str]:
    """The services among ``names`` that the project starts itself.

    Raises:
        ConfigError: there is no such service.
    """
    if unknown := sorted(set(names) - set(_SERVICES)):
        raise ConfigError(f"service {unknown[0]!r} is not known; there are: {', '.join(_SERVICES)}")
    own = platform.embedded_stores()
    return [name for name in dict.fromkeys(names) if name in own or name not in STORES]


def _bring_up(context: ServiceContext, services: list[Service], on_progress: Progress) -> None:
    records = context.supervisor.records()
    joined = [service.name for service in services if not context.supervisor.uses(service.name)]
    missing: list[Service] = []
    try:
        for service in services:
            context.supervisor.use(service.name)  # before the look: from here on its guard keeps it
            record = records.get(service.name)
            if not (record and record.alive and service.is_current() and _answers(context, service, on_progress)):
                missing.append(service)
        for service in missing:
            service.before = service.ports
            service.stop()  # half of it may have survived
            context.supervisor.use(service.name)
        _start_all(context, missing, on_progress)
    except BaseException:
        context.cancelled.set()
        for service in missing:
            service.stop()
        for name in joined:
            context.supervisor.leave(name)
        raise


def _answers(context: ServiceContext, service: Service, on_progress: Progress) -> bool:
    """Whether a service that runs can be used; one that doesn't answer yet may be busy, and is waited for.

    Raises:
        ServiceError: it does not answer for as long as a start may take, and others use it: it is left alone.
    """
    deadline, announced = time.monotonic() + service.timeout, False
    while (trouble := service.trouble()) is not None:
        if not all(item.alive for item in service.components()):
            return False
        if time.monotonic() > deadline:
            if not context.supervisor.used_by_others(service.name):
                return False
            raise ServiceError(
                f"service {service.name!r} runs, but has not answered for {service.timeout:.0f} s ({trouble}); other "
                f"commands use it, so it was left alone: wait for them, or stop it with `make down`, and try again "
                f"(logs: {service.folder})"
            )
        if not announced:
            on_progress(f"{service.name} runs, but does not answer yet ({trouble}): waiting for it")
        announced = True
        time.sleep(_PAUSE)
    return True


def _start_all(context: ServiceContext, services: list[Service], on_progress: Progress) -> None:
    def run(service: Service) -> None:
        began = time.monotonic()
        on_progress(f"starting {service.name}")
        service.start()
        port = next(iter(service.ports.values()))
        on_progress(f"{service.name} is up on {LOOPBACK}:{port} after {format_duration(time.monotonic() - began)}")

    if not services:
        return
    pool = ThreadPoolExecutor(len(services))
    try:
        pending: set[Future[None]] = {pool.submit(run, service) for service in services}
        while pending:
            done, pending = wait(pending, timeout=0.5, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
    except BaseException:
        context.cancelled.set()
        raise
    finally:
        pool.shutdown(wait=True)


def stop(folders: Folders, names: Sequence[str] | None = None, on_progress: Progress = _quiet) -> list[str]:
    """Stop ``names`` (all by default), even if others use them; returns those that were stopped.

    Raises:
        ServiceError: a process would not end.
    """
    context = ServiceContext(folders, Platform(), Supervisor(folders.services))
    stopped: list[str] = []
    with context.supervisor.lock(on_progress):
        for name in reversed(list(_SERVICES)):
            if (names is None or name in names) and _SERVICES[name](context).stop():
                stopped.append(name)
                on_progress(f"{name} is stopped")
    return stopped


def status(folders: Folders, platform: Platform | None = None) -> list[ServiceStatus]:
    """Every recorded service that still runs, with its health."""
    context = ServiceContext(folders, platform or Platform(), Supervisor(folders.services))
    statuses = []
    for name, record in context.supervisor.records().items():
        running_parts = [item for item in record.components if item.alive]
        if name in _SERVICES and running_parts:
            healthy = record.alive and _SERVICES[name](context).trouble() is None
            first = running_parts[0]
            statuses.append(ServiceStatus(name, first.pid, next(iter(record.ports.values())), healthy, Path(first.log)))
    return statuses


@contextlib.contextmanager
def running(
    folders: Folders, platform: Platform, names: Sequence[str] = STORES, *, on_progress: Progress = _quiet
) -> Iterator[Endpoints]:
    """The services for the length of a block: started where they do not run, stopped where nobody else uses them.

    They are stopped as well when the block fails, on Ctrl-C, on SIGTERM and SIGHUP, and, by their guards, when this
    process is killed. Services that ``start(attached=False)`` left running stay.

    Raises:
        PortInUseError: a configured port is taken.
        ServiceError: a service did not come up.
    """
    supervisor = Supervisor(folders.services)
    joined = [name for name in embedded(platform, names) if not supervisor.uses(name)]  # blocks may be nested
    with signals_raise():
        addresses = start(folders, platform, names, attached=True, on_progress=on_progress)
        try:
            yield addresses
        finally:
            _leave(folders, joined, on_progress)


def _leave(folders: Folders, names: Sequence[str], on_progress: Progress) -> None:
    context = ServiceContext(folders, Platform(), Supervisor(folders.services))
    if not names:
        return
    with context.supervisor.lock(on_progress):
        for name in reversed(names):
            if context.supervisor.leave(name):
                _SERVICES[name](context).stop()


_ENDING = (signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def signals_raise() -> Iterator[None]:
    """SIGTERM and SIGHUP end this process by an exception, so that blocks are left in order."""

    def leave(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handled = [number for number in _ENDING if signal.getsignal(number) is not signal.SIG_IGN]  # `nohup` stays in force
    before = {number: signal.signal(number, leave) for number in handled}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
