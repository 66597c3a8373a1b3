"""The interface of a cluster manager: its own keys of profiles, and its functions for drivers and executors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from afterbell.cluster.driver_place import DriverNeeds, PlaceCause
from afterbell.cluster.executor_request import ExecutorRequest
from afterbell.cluster.managers.contract import (
    ClusterRefusal,
    DriverErrors,
    DriverFiles,
    LaunchParts,
    ReadPage,
    Sent,
    SparkLogin,
    Submissions,
)
from afterbell.cluster.profile_keys import OwnKeys, ProfileKeys
from afterbell.config.platform import Folders
from afterbell.errors import AfterbellError, ConfigError


def no_check(*_: Any) -> None:
    """Nothing is needed on the machine that submits."""


def no_problems(*_: Any) -> tuple[str, ...]:
    """No problem, whatever is checked."""
    return ()


def no_settings(*_: Any) -> dict[str, str]:
    """No property, whatever the driver has."""
    return {}


def no_errors(*_: Any) -> None:
    """Errors are not recorded, none has a special meaning, and no output shows a refusal."""
    return


def not_by_task(*_: Any) -> bool:
    """Executors live as long as the job."""
    return False


@dataclass(frozen=True)
class Nodes:
    """Functions of a cluster manager whose drivers and executors run on nodes, not only on the submitter's machine.

    Pages of the cluster are read by the function that is handed over: a manager knows which, and what they mean.

    Attributes:
        servers: host and port of the servers that take drivers in client mode, from the master's address.
        rest_address: the address that takes drivers on the cluster, from the profile's keys.
        check_submitter: raises ConfigError where the submitter's machine lacks something, by its environment.
        missing_secrets: sentences on secrets that the profile needs and the environment lacks.
        open_doors: sentences on where the cluster accepts anybody without a check, beyond those of every cluster.
        login_secrets: variables of a driver with the cluster's secrets: those of the submitter's environment (the last
            argument), and those that the connection sets. Raises ConfigError where these don't go together.
        files: beside those of every driver, by a name each; see ``Sent.own``.
        launch_parts: what is added to the request for a driver on the cluster: of the project's folders, the profile,
            the files in place, and the variables of the stores.
        submissions: the client of the server at an address.
        forgets: how long a driver that the cluster doesn't know may still leave a result.
        find_log: where the log of a driver lies, from the address of the cluster's pages and the driver's id; raises
            one of ``UNREADABLE``.
        executor_request: the needs of one executor, by Spark's properties.
        executor_cause: why an application (its id) has no executor, by the cluster's pages; raises one of
            ``UNREADABLE``.
        other_causes: why it may have none besides memory and cores, where the pages cannot be read.
        driver_needs: what a driver on the cluster needs, by the profile and Spark's properties.
        place_cause: why it has no place, by the pages below an address; None where they may hide the cause; raises one
            of ``UNREADABLE``.
        executor_settings: properties that a driver sets for its executors before its session opens, by its properties
            and its environment. Raises ConfigError where a secret is missing, or can't be carried.
        driver_errors: keeps the errors that are reported to a driver, given its JVM as py4j shows it.
        session_error: what a session's failure to open means, by its text; None where it means nothing special.
        by_task: whether each task has an executor of its own, so that a job without any has no trouble.
        acceptance: properties that decide whether a driver is accepted, for messages.
    """

    servers: Callable[[str], list[tuple[str, int]]]
    rest_address: Callable[[ProfileKeys], str]
    login_secrets: Callable[[ProfileKeys, SparkLogin, dict[str, str]], dict[str, str]]
    launch_parts: Callable[[Folders, ProfileKeys, Sent, dict[str, str]], LaunchParts]
    submissions: Callable[[str], Submissions]
    forgets: timedelta
    find_log: Callable[[str, str, ReadPage], DriverFiles]
    executor_request: Callable[[Mapping[str, str]], ExecutorRequest]
    executor_cause: Callable[[ExecutorRequest, str, ReadPage], str]
    other_causes: Callable[[ExecutorRequest], str]
    driver_needs: Callable[[ProfileKeys, Mapping[str, str]], DriverNeeds]
    place_cause: Callable[[str, DriverNeeds, ReadPage], PlaceCause | None]
    check_submitter: Callable[[ProfileKeys, Mapping[str, str]], None] = no_check
    missing_secrets: Callable[[ProfileKeys, Mapping[str, str]], Iterable[str]] = no_problems
    open_doors: Callable[[ProfileKeys], Iterable[str]] = no_problems
    files: Mapping[str, Path] = field(default_factory=dict)
    executor_settings: Callable[[Mapping[str, str], Mapping[str, str]], dict[str, str]] = no_settings
    driver_errors: Callable[[Any], DriverErrors | None] = no_errors
    session_error: Callable[[Mapping[str, str], str, DriverErrors | None], AfterbellError | None] = no_errors
    by_task: Callable[[Mapping[str, str]], bool] = not_by_task
    acceptance: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClusterManager:
    """One cluster manager. A module of this package that defines ``MANAGER`` is registered under its name.

    Attributes:
        name: small letters.
        prefix: what the addresses of its masters begin with, and no other manager's do.
        pattern: a regular expression of whole such addresses.
        example: such an address, for messages.
        rules: one sentence for each combination of a profile's keys that cannot work with it.
        properties: Spark's properties beside those of every driver, by the profile's keys; empty texts set nothing.
        title: what messages about ``keys`` call it.
        keys: the keys of profiles that are for it alone.
        owned: Spark's properties that have one of these keys, which is to be set instead.
        secret_names: a regular expression of its properties that name a secret and hold none; empty for none.
        secrets: variables with the secrets of such a cluster, which a driver on it is given.
        public: those of them that may be shown.
        inherited: further variables that drivers in client mode need of its environment.
        refusal: whether the output of a driver shows that the manager refused it.
        nodes: what it does on nodes; None where everything runs on the submitter's machine.
    """

    name: str
    prefix: str
    pattern: str
    example: str
    rules: Callable[[ProfileKeys], Iterable[str]]
    properties: Callable[[ProfileKeys], dict[str, str]]
    title: str = ""
    keys: type[OwnKeys] = OwnKeys
    owned: Mapping[str, str] = field(default_factory=dict)
    secret_names: str = ""
    secrets: tuple[str, ...] = ()
    public: tuple[str, ...] = ()
    inherited: tuple[str, ...] = ()
    refusal: Callable[[str], ClusterRefusal | None] = no_errors
    nodes: Nodes | None = None

    def require_nodes(self) -> Nodes:
        """``nodes``.

        Raises:
            ConfigError: there are none.
        """
        if self.nodes is None:
            raise ConfigError(f"the cluster manager {self.name} has no nodes: everything runs on this machine")
        return self.nodes
