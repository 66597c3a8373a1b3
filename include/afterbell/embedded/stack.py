"""The embedded services together: start, stop, status, and the environment that points a step at them."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from afterbell.config.loader import config_folder
from afterbell.config.platform import EMBEDDED, Folders, Platform
from afterbell.config.runtime import HdfsLocation, Runtime, S3Location
from afterbell.embedded.hdfs import Hdfs
from afterbell.embedded.ports import LOOPBACK
from afterbell.embedded.process import Supervisor
from afterbell.embedded.seaweedfs import SeaweedFS, credentials
from afterbell.embedded.service import Context, Progress, Service
from afterbell.errors import ConfigError, ServiceError

_SERVICES: dict[str, type[Service]] = {"s3": SeaweedFS, "hdfs": Hdfs}
_STORES = ("s3", "hdfs")
_ENDING = (signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Endpoints:
    """Where the stores are found.

    Attributes:
        s3_url: address of the S3 service; None for AWS's own.
        hdfs_url: address of WebHDFS.
        access_key: of S3.
        secret_key: of S3; never shown.
    """

    s3_url: str | None
    hdfs_url: str
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)


@dataclass(frozen=True)
class ServiceStatus:
    """One recorded service: the process and port to ask for, whether it is usable, and its log."""

    name: str
    pid: int
    port: int
    healthy: bool
    log: Path


def _quiet(_: str) -> None:
    return


def start(
    folders: Folders,
    platform: Platform,
    names: Sequence[str] = _STORES,
    *,
    attached: bool,
    on_progress: Progress = _quiet,
) -> Endpoints:
    """Start those of ``names`` that are embedded and do not run yet, side by side, and wait until they are healthy.

    Args:
        folders: where things lie.
        platform: the settings; a store with an address of its own is left alone.
        names: the services wanted.
        attached: they end with this process, however it ends, unless another one uses them as well; otherwise they
            run until ``stop``.
        on_progress: told one line at a time what happens.

    Raises:
        PortInUseError: a configured port is taken.
        ServiceError: a service did not come up. What this call started was stopped again.
    """
    wanted = embedded(platform, names)
    context = Context(folders, platform, Supervisor(folders.services))
    if wanted:
        with context.supervisor.lock(on_progress):
            _bring_up(context, [_SERVICES[name](context) for name in wanted], on_progress)
            if not attached:
                for name in wanted:
                    context.supervisor.use(name, detached=True)
                    context.supervisor.leave(name)
    return endpoints(folders, platform, names)


def embedded(platform: Platform, names: Sequence[str]) -> list[str]:
    """Those of ``names`` that the project starts itself.

    Raises:
        ConfigError: there is no such service.
    """
    if unknown := sorted(set(names) - set(_SERVICES)):
        raise ConfigError(f"service {unknown[0]!r} is not known; there are: {', '.join(_SERVICES)}")
    own = platform.embedded_stores()
    return [name for name in dict.fromkeys(names) if name in own or name not in _STORES]


def _bring_up(context: Context, services: list[Service], on_progress: Progress) -> None:
    records = context.supervisor.records()
    missing: list[Service] = []
    for service in services:
        context.supervisor.use(service.name)  # before the look: from here on its guard keeps it
        record = records.get(service.name)
        if not (record and record.alive and service.trouble() is None):
            missing.append(service)
    try:
        for service in missing:
            service.stop()  # half of it may have survived
            context.supervisor.use(service.name)
        _start_all(context, missing, on_progress)
    except BaseException:
        context.cancelled.set()
        for service in missing:
            service.stop()
        for service in services:
            context.supervisor.leave(service.name)
        raise


def _start_all(context: Context, services: list[Service], on_progress: Progress) -> None:
    def run(service: Service) -> None:
        began = time.monotonic()
        on_progress(f"starting {service.name}")
        service.start()
        port = next(iter(service.ports.values()))
        on_progress(f"{service.name} is up on {LOOPBACK}:{port} after {time.monotonic() - began:.1f} s")

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


def endpoints(folders: Folders, platform: Platform, names: Sequence[str] = _STORES) -> Endpoints:
    """The addresses and keys of the stores: the embedded ones as they run, the others as configured.

    An embedded store that is not among ``names`` may be down: its address is then that of port 0, where nobody is.

    Raises:
        ServiceError: an embedded store does not run.
        ConfigError: S3 is an address of the user's own and its keys are not in the environment.
    """
    records = Supervisor(folders.services).records()

    def port(name: str) -> int:
        record = records.get(name)
        if not (record and record.alive):
            if name not in names:
                return 0
            raise ServiceError(f"the embedded service {name!r} does not run: start it with `make up`")
        return record.ports[name]

    s3_url: str | None = platform.s3.endpoint
    if s3_url == EMBEDDED:
        s3_url = f"http://{LOOPBACK}:{port('s3')}"
        keys = credentials(folders.services)
    else:
        s3_url = None if s3_url == "aws" else s3_url
        keys = _keys(os.environ)
    hdfs_url = f"http://{LOOPBACK}:{port('hdfs')}" if platform.hdfs.url == EMBEDDED else platform.hdfs.url
    return Endpoints(s3_url, hdfs_url, *keys)


def _keys(env: Mapping[str, str]) -> tuple[str, str]:
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    found = tuple(env.get(name, "") for name in names)
    if missing := [name for name, value in zip(names, found, strict=True) if not value]:
        raise ConfigError(
            f"s3.endpoint names a store of your own, but {' and '.join(missing)} are not in the environment"
        )
    return found[0], found[1]


def stop(folders: Folders, names: Sequence[str] | None = None, on_progress: Progress = _quiet) -> list[str]:
    """Stop ``names`` (all by default), whoever uses them; those that were there to be stopped.

    Raises:
        ServiceError: a process would not end.
    """
    context = Context(folders, Platform(), Supervisor(folders.services))
    stopped: list[str] = []
    with context.supervisor.lock(on_progress):
        for name in reversed(list(_SERVICES)):
            if (names is None or name in names) and _SERVICES[name](context).stop():
                stopped.append(name)
                on_progress(f"{name} is stopped")
    return stopped


def status(folders: Folders, platform: Platform | None = None) -> list[ServiceStatus]:
    """Every recorded service that still runs, asked for its health."""
    context = Context(folders, platform or Platform(), Supervisor(folders.services))
    found = []
    for name, record in context.supervisor.records().items():
        running_parts = [item for item in record.components if item.alive]
        if name in _SERVICES and running_parts:
            healthy = record.alive and _SERVICES[name](context).trouble() is None
            first = running_parts[0]
            found.append(ServiceStatus(name, first.pid, next(iter(record.ports.values())), healthy, Path(first.log)))
    return found


@contextlib.contextmanager
def running(
    folders: Folders, platform: Platform, names: Sequence[str] = _STORES, *, on_progress: Progress = _quiet
) -> Iterator[Endpoints]:
    """The services for the length of a block: started where they do not run, stopped where nobody else uses them.

    They are stopped as well when the block fails, on Ctrl-C, on SIGTERM and SIGHUP, and, by their guards, when this
    process is killed. Services that ``start(attached=False)`` left running stay.

    Raises:
        PortInUseError: a configured port is taken.
        ServiceError: a service did not come up.
    """
    with _signals_raise():
        found = start(folders, platform, names, attached=True, on_progress=on_progress)
        try:
            yield found
        finally:
            _leave(folders, embedded(platform, names), on_progress)


def _leave(folders: Folders, names: Sequence[str], on_progress: Progress) -> None:
    context = Context(folders, Platform(), Supervisor(folders.services))
    if not names:
        return
    with context.supervisor.lock(on_progress):
        for name in reversed(names):
            if context.supervisor.leave(name):
                _SERVICES[name](context).stop()


@contextlib.contextmanager
def _signals_raise() -> Iterator[None]:
    """SIGTERM and SIGHUP end this process by an exception, so that blocks are left in order."""

    def leave(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, leave) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def step_env(folders: Folders, platform: Platform, found: Endpoints) -> dict[str, str]:
    """The variables that a step reads: for environments handed to children alone, since the S3 keys are among them."""
    lake = platform.lake_location(folders.home)
    if platform.lake.catalog == EMBEDDED:
        (folders.home / "lake").mkdir(parents=True, exist_ok=True)  # SQLite makes the file, not its folder
    s3 = platform.s3
    runtime = Runtime(
        s3=S3Location(found.s3_url, s3.region, s3.feed_bucket, s3.artifact_bucket),
        hdfs=HdfsLocation(found.hdfs_url, platform.hdfs.user, platform.hdfs.root),
        lake=lake,
        home=folders.home,
    )
    return runtime.to_env() | {
        "AFTERBELL_CONFIG": str(config_folder()),
        "AFTERBELL_ENV": str(folders.env),
        "AWS_ACCESS_KEY_ID": found.access_key,
        "AWS_SECRET_ACCESS_KEY": found.secret_key,
        "AWS_DEFAULT_REGION": s3.region,
    }
