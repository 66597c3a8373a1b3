"""Spark's own cluster manager: a master, and workers that run executors and drivers.

It starts ``SparkSubmit`` on a worker, which fetches the script and starts Python. A worker serves the log of a driver
on its own page, whose address the master's page shows.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import NotRequired, TypedDict
from urllib.parse import urlencode

from afterbell.cluster.driver_place import DriverNeeds, PlaceCause
from afterbell.cluster.executor_request import ExecutorRequest
from afterbell.cluster.managers.base import ClusterManager, Nodes
from afterbell.cluster.managers.capacity import no_room, taken, too_large
from afterbell.cluster.managers.contract import LaunchParts, ReadPage, Sent, SparkLogin, Submissions
from afterbell.cluster.profile_keys import HOST, ProfileKeys
from afterbell.cluster.properties import node_properties
from afterbell.config.environment import SPARK_SECRET
from afterbell.config.platform import Folders
from afterbell.errors import ConfigError

_PREFIX = "spark://"
_SECRET = "spark.authenticate.secret"  # noqa: S105 - the property's name
_OPENED = (
    "java.lang", "java.lang.invoke", "java.lang.reflect", "java.io", "java.net", "java.nio", "java.util",
    "java.util.concurrent", "java.util.concurrent.atomic", "jdk.internal.ref", "sun.nio.ch", "sun.nio.cs",
    "sun.security.action", "sun.util.calendar",
)  # fmt: skip
_MODULES = (
    "-XX:+IgnoreUnrecognizedVMOptions",
    *(f"--add-opens=java.base/{name}=ALL-UNNAMED" for name in _OPENED),
)
"""Options of Java 17 that Spark needs; spark-submit adds them itself, a standalone worker does not."""
_HEADING = re.compile(r"\A==== Bytes \d+-\d+ of \d+ of [^\n]* ====\n(Launch Command: [^\n]*\n=+\n)?")
"""What a worker puts before the text of a log: its own line, and the command line of the driver."""


def _rules(profile: ProfileKeys) -> Iterator[str]:
    if profile.deploy_mode == "cluster" and not profile.rest_url:
        yield "deploy_mode cluster on a standalone master needs rest_url: http://<master's host>:6066"


def _servers(master: str) -> list[tuple[str, int]]:
    pairs = [address.rsplit(":", 1) for address in master.removeprefix(_PREFIX).split(",")]
    return [(host, int(port)) for host, port in pairs]


def _rest_address(profile: ProfileKeys) -> str:
    return profile.rest_url


def _missing_secrets(profile: ProfileKeys, environment: Mapping[str, str]) -> Iterator[str]:
    if profile.conf.get("spark.authenticate") == "true" and not environment.get(SPARK_SECRET):
        yield f"spark.authenticate is on and has no secret: set the Spark connection's password, or {SPARK_SECRET}"


def _login_secrets(profile: ProfileKeys, login: SparkLogin, inherited: dict[str, str]) -> dict[str, str]:  # noqa: ARG001
    """The connection's password is the secret of ``spark.authenticate``."""
    return inherited | ({SPARK_SECRET: login.password} if login.password else {})


def _executor_settings(properties: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """The secret of ``spark.authenticate``, where that is on: a standalone master hands it to executors."""
    if properties.get("spark.authenticate") != "true":
        return {}
    secret = properties.get(_SECRET) or environment.get(SPARK_SECRET, "")
    if not secret:
        raise ConfigError(
            f"spark.authenticate is on, and there is no secret: set the Spark connection's password, or {SPARK_SECRET}"
        )
    return {} if _SECRET in properties else {_SECRET: secret}


def _launch_parts(folders: Folders, profile: ProfileKeys, files: Sent, environment: dict[str, str]) -> LaunchParts:  # noqa: ARG001
    """``SparkSubmit`` replaces the word in braces by the fetched script's path."""
    jars = () if files.folder else ("--jars", ",".join(files.jars))
    path = os.pathsep.join(files.jars)
    return LaunchParts(
        resource=Path(files.script).as_uri() if files.folder else files.script,
        main_class="org.apache.spark.deploy.SparkSubmit",
        arguments=("--master", profile.master, "--py-files", files.library, *jars, "{{USER_JAR}}"),
        java_options=_MODULES,
        properties={"spark.driver.extraClassPath": path, "spark.executor.extraClassPath": path} if files.folder else {},
        environment=environment,
    )


def _submissions(address: str) -> Submissions:
    from afterbell.cluster.rest import RestSubmissions  # noqa: PLC0415 - requests: profiles need no network

    return RestSubmissions(address)


@dataclass(frozen=True)
class _WorkerLog:
    url: str
    driver: str
    read_page: ReadPage

    @property
    def page(self) -> str:
        return f"{self.url}/logPage/?{urlencode({'driverId': self.driver, 'logType': 'stdout'})}"

    def read(self, kind: str, longest: int) -> str:
        query = urlencode({"driverId": self.driver, "logType": kind, "byteLength": longest})
        return _HEADING.sub("", self.read_page(f"{self.url}/log/?{query}").text)


def _find_log(master_ui: str, driver: str, read_page: ReadPage) -> _WorkerLog:
    state: MasterState = read_page(f"{master_ui}/json/").json()
    mine = [entry for entry in (*state["activedrivers"], *state["completeddrivers"]) if entry["id"] == driver]
    if not mine:
        raise LookupError(f"{master_ui} does not list {driver}")
    workers = {worker["id"]: worker["webuiaddress"] for worker in state["workers"]}
    if mine[0].get("worker") not in workers:
        raise LookupError(f"{master_ui} does not list the worker of {driver} ({mine[0].get('worker')})")
    return _WorkerLog(workers[mine[0]["worker"]].rstrip("/"), driver, read_page)


def _executor_cause(request: ExecutorRequest, application: str, read_page: ReadPage) -> str:
    return standalone_cause(read_page(f"{request.ui}/json/").json(), application, request)


class Worker(TypedDict):
    """A worker; memory in MiB."""

    id: str
    webuiaddress: str
    state: str
    cores: int
    memory: int
    coresfree: int
    memoryfree: int


class CoreHolder(TypedDict):
    """An application or a driver; of the latter ``worker`` is the id of its worker, once it has one."""

    id: str
    cores: NotRequired[int]
    worker: NotRequired[str]


class MasterState(TypedDict, total=False):
    """The document of a standalone master at ``/json/``."""

    workers: Sequence[Worker]
    activeapps: Sequence[CoreHolder]
    activedrivers: Sequence[CoreHolder]
    completeddrivers: Sequence[CoreHolder]


def standalone_cause(state: MasterState, application: str, request: ExecutorRequest) -> str:
    """Why an application has no executor, by a standalone master's ``/json/``.

    Args:
        state: what the master answered; memory in MiB.
        application: the Spark application's id.
        request: the needs of one executor.
    """
    sizes, free = _worker_sizes(state)
    if not sizes:
        return "no worker is registered with the master: start one, or look at the workers' logs"
    if any(app.get("id") == application and app.get("cores") for app in state.get("activeapps", [])):
        return (
            "workers gave cores, and no executor on them has reported to the driver: look at "
            f"work/{application}/<n>/stderr on a worker. It needs Java, and must reach the driver (spark.driver.host, "
            "spark.driver.port); a slow start needs a larger first_executor_seconds"
        )
    # The master counts a worker's free cores and an application's own at two moments: cores that nobody else holds are
    # those of this driver's executors, which come and go.
    busy = taken(free, request, "worker") if _others_hold_cores(state, application) else ""
    return (
        too_large(sizes, request, "worker")
        or busy
        or "workers have room: either executors end as soon as they start, or the master gives none. Look at "
        f"work/{application}/<n>/stderr on a worker, and at the master's log"
    )


def _others_hold_cores(state: MasterState, application: str) -> bool:
    """Whether another application, or a driver on the cluster, holds cores of the workers."""
    applications = any(app.get("id") != application and app.get("cores") for app in state.get("activeapps", []))
    return applications or any(driver.get("cores") for driver in state.get("activedrivers", []))


def _worker_sizes(state: MasterState) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Cores and MiB of each living worker, and how much of them is free."""
    alive = [worker for worker in state.get("workers", []) if worker.get("state") == "ALIVE"]
    sizes = [(int(worker["cores"]), int(worker["memory"])) for worker in alive]
    return sizes, [(int(worker["coresfree"]), int(worker["memoryfree"])) for worker in alive]


def _other_causes(request: ExecutorRequest) -> str:  # noqa: ARG001 - as all managers are called
    return "executors that can't reach the driver"


def _driver_needs(profile: ProfileKeys, properties: Mapping[str, str]) -> DriverNeeds:  # noqa: ARG001
    return DriverNeeds(profile.driver_cores, profile.driver_memory)


def _place_cause(ui: str, needs: DriverNeeds, read_page: ReadPage) -> PlaceCause | None:
    return standalone_place_cause(read_page(f"{ui}/json/").json(), needs)


def standalone_place_cause(state: MasterState, needs: DriverNeeds) -> PlaceCause:
    """Why a driver has no place, by a standalone master's ``/json/``."""
    sizes, free = _worker_sizes(state)
    if not sizes:
        return PlaceCause("no worker is registered with the master: start one, or look at the workers' logs")
    return no_room(sizes, free, needs, "worker") or PlaceCause("workers have room: look at the master's log")


MANAGER = ClusterManager(
    name="standalone",
    prefix=_PREFIX,
    pattern=rf"spark://{HOST}(,{HOST})*",
    example="spark://host:7077",
    rules=_rules,
    properties=node_properties,
    secrets=(SPARK_SECRET,),
    nodes=Nodes(
        servers=_servers,
        rest_address=_rest_address,
        missing_secrets=_missing_secrets,
        login_secrets=_login_secrets,
        executor_settings=_executor_settings,
        launch_parts=_launch_parts,
        submissions=_submissions,
        forgets=timedelta(minutes=2),  # a restarted master kills the drivers that it doesn't know
        find_log=_find_log,
        executor_request=ExecutorRequest.of,
        executor_cause=_executor_cause,
        other_causes=_other_causes,
        driver_needs=_driver_needs,
        place_cause=_place_cause,
    ),
)
