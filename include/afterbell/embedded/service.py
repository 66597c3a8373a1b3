"""The interface of an embedded service to the stack that starts it."""

from __future__ import annotations

import os
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from afterbell.config.platform import Folders, Platform
from afterbell.embedded.child import guarded
from afterbell.embedded.guard import GRACE_SECONDS
from afterbell.embedded.ports import is_free, take_port
from afterbell.embedded.process import Component, Started, Supervisor, last_lines
from afterbell.errors import ServiceError

Progress = Callable[[str], None]
_PASSED_ON = ("HOME", "PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "USER", "LOGNAME")


def plain_environment() -> dict[str, str]:
    """The caller's environment less what could mislead another program (PYTHONPATH, HADOOP_*, AWS_*...)."""
    return {name: os.environ[name] for name in _PASSED_ON if name in os.environ}


@dataclass(frozen=True)
class ServiceContext:
    """The context in which a service starts.

    Attributes:
        folders: where things lie.
        platform: the settings.
        supervisor: starts and records the processes.
        cancelled: set when the start is to be given up.
        environment: variables for Airflow beside its own, the connections above all; secrets may be among them.
    """

    folders: Folders
    platform: Platform
    supervisor: Supervisor
    cancelled: threading.Event = field(default_factory=threading.Event)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)


class Service(ABC):
    """One embedded service: how it is started, and when it is healthy."""

    name: str
    timeout: float = 90.0
    """Seconds from start to healthy, on a slow and busy machine."""
    grace: float = GRACE_SECONDS
    """Seconds its programs get to end by themselves."""
    restart: float | None = None
    """Seconds after which a program of it that ends by itself is started again; None for never."""

    def __init__(self, context: ServiceContext) -> None:
        self.context = context
        self.before: dict[str, int] = {}
        """Ports that it had before it died; taken again where they are free, so that its callers find it."""

    @property
    def folder(self) -> Path:
        """Its logs and configuration."""
        return self.context.supervisor.folder / self.name

    @property
    def ports(self) -> dict[str, int]:
        """The recorded ports by name; empty where it was never started."""
        record = self.context.supervisor.records().get(self.name)
        return record.ports if record else {}

    def port(self, name: str, configured: int = 0) -> int:
        """A port to listen on: the configured one, else the one that it had before, else any free one.

        Raises:
            PortInUseError: the configured one is taken.
        """
        before = self.before.get(name)
        return before if not configured and before and is_free(before) else take_port(configured, name)

    @abstractmethod
    def take_ports(self) -> dict[str, int]:
        """Ports to listen on; the one that callers use comes first.

        Raises:
            PortInUseError: a configured one is taken.
        """

    @abstractmethod
    def launch(self) -> None:
        """Start the programs, without waiting for them to be healthy."""

    @abstractmethod
    def trouble(self) -> str | None:
        """Why the service is not usable, by a real request; None if it is healthy."""

    def is_current(self) -> bool:
        """Whether it runs with the settings of the caller."""
        return True

    def stop(self) -> bool:
        """End it with everything it started; whether there was anything to end."""
        return self.context.supervisor.stop(self.name)

    def start(self) -> None:
        """Start it and wait until it is healthy.

        Raises:
            PortInUseError: a configured port is taken; nothing was started.
            ServiceError: it did not come up; the message ends with its log.
        """
        self.context.supervisor.begin(self.name, self.take_ports())
        self.launch()
        deadline = time.monotonic() + self.timeout
        while (trouble := self.trouble()) is not None:
            if dead := next((item for item in self.components() if not item.alive), None):
                raise self.failure(f"{dead.name} ended while starting", Path(dead.log))
            if time.monotonic() > deadline:
                log = Path(self.components()[0].log)
                raise self.failure(f"not healthy after {self.timeout:.0f} s ({trouble})", log)
            self._go_on(0.25)

    def components(self) -> tuple[Started, ...]:
        """The recorded programs."""
        record = self.context.supervisor.records().get(self.name)
        return record.components if record else ()

    def spawn(self, name: str, argv: list[str], env: dict[str, str]) -> None:
        """Start one program of this service."""
        self.context.supervisor.launch(self.name, Component(name, tuple(argv), env, self.grace, self.restart))

    def run(self, name: str, argv: list[str], env: dict[str, str]) -> None:
        """Run a program of this service to its end.

        Raises:
            ServiceError: it failed; the message ends with its log.
        """
        log = self.folder / f"{name}.log"
        with guarded(argv, env, log) as process:
            while process.poll() is None:
                self._go_on(0.1)
        if process.returncode:
            raise self.failure(f"{name} failed with status {process.returncode}", log)

    def _go_on(self, seconds: float) -> None:
        if self.context.cancelled.wait(seconds):
            raise ServiceError(f"service {self.name!r}: start cancelled")

    def failure(self, what: str, log: Path) -> ServiceError:
        """The error of a start that failed, with the end of the log."""
        return ServiceError(f"service {self.name!r}: {what}; the end of {log}:\n{last_lines(log)}")
