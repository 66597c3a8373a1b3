"""Types that a cluster manager and its callers exchange."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from afterbell.cluster.driver_status import DriverStatus
from afterbell.errors import AfterbellError


@dataclass(frozen=True)
class SparkLogin:
    """Fields of the Airflow connection of Spark, without the master.

    Attributes:
        conn_id: its name, for messages.
        login: empty where it has none.
        password: empty where it has none.
    """

    conn_id: str
    login: str
    password: str


@dataclass(frozen=True)
class Sent:
    """Addresses at which the nodes read the files of a driver.

    Attributes:
        script: the application.
        library: the package with its configuration, as a zip.
        jars: of the lake and of S3.
        logging: what drivers log.
        own: the files that the cluster manager needs besides, by the names it gives them.
        folder: whether nodes read all of these as local files.
    """

    script: str
    library: str
    jars: tuple[str, ...]
    logging: str
    own: Mapping[str, str]
    folder: bool


@dataclass(frozen=True)
class LaunchParts:
    """Fields that a cluster manager adds to the request that launches a driver.

    Attributes:
        resource: the address of the application.
        main_class: the class that starts it; empty for a Python script.
        arguments: before those of the script.
        java_options: of the driver's JVM, before those of its logging.
        properties: Spark's properties; the profile's win over them.
        environment: all variables of the driver but those that name its Python.
        joined: properties that the profile adds to instead, each with the separator.
    """

    resource: str
    main_class: str
    arguments: tuple[str, ...]
    java_options: tuple[str, ...]
    properties: Mapping[str, str]
    environment: Mapping[str, str]
    joined: Mapping[str, str] = field(default_factory=dict)


class Submissions(Protocol):
    """The server of a cluster that launches drivers; safe to share between threads."""

    def create(self, payload: Mapping[str, object], /) -> str:
        """Launch a driver and return its id.

        Raises:
            ClusterUnavailableError: no driver was launched; it may be asked again.
            UnknownOutcomeError: there may be a driver, of unknown id.
            ConfigError: the server refused the request as wrong.
        """
        ...

    def status(self, driver: str, /) -> DriverStatus:
        """The state of the driver.

        Raises:
            ClusterUnavailableError: the server is not reachable, or not ready to answer.
            ConfigError: this is not the address of such a server.
        """
        ...

    def kill(self, driver: str, /) -> str:
        """Ask for the driver's end, which comes later; returns the server's message. Errors are those of ``status``.

        A driver that has ended already, or that the server doesn't know, is no error.
        """
        ...


class PageAnswer(Protocol):
    """The answer of a page of the cluster, as ``requests`` gives it."""

    @property
    def text(self) -> str:
        """Its text."""
        ...

    def json(self) -> Any:
        """Its JSON document; raises ValueError if it is not JSON."""
        ...


ReadPage = Callable[[str], PageAnswer]
"""Reads the page of an address. Its errors are OSError (of the network, or an HTTP status from 400 on)."""

UNREADABLE = (OSError, ValueError, LookupError, TypeError, AttributeError)
"""What reading a page may raise where it cannot be reached, or holds something else than expected."""


class DriverFiles(Protocol):
    """The log files of a driver."""

    @property
    def page(self) -> str:
        """The page that shows all of it."""
        ...

    def read(self, kind: str, longest: int) -> str:
        """The last ``longest`` bytes of ``stdout`` or ``stderr``; raises one of ``UNREADABLE``."""
        ...


class DriverErrors(Protocol):
    """Keeps the errors that the cluster manager reports to a driver, while its session opens."""

    def refusal(self, properties: Mapping[str, str]) -> AfterbellError | None:
        """Why the cluster manager refused the driver with these properties; None while it gave no reason."""
        ...

    def close(self) -> None:
        """Stop keeping them."""
        ...


@dataclass(frozen=True)
class ClusterRefusal:
    """A cluster manager refused an application, as the output of its driver shows.

    Attributes:
        by: who refused it.
        heading: what the reason stands under.
        reason: in the manager's own words; empty where the output has none.
    """

    by: str
    heading: str
    reason: str

    def add_to(self, message: str) -> str:
        """``message`` with the reason, where it lacks that."""
        return message if not self.reason or self.reason in message else f"{message}\n{self.heading}: {self.reason}"
