"""A cluster manager that exists in tests alone: one module, and nothing else knows of it.

Its servers take drivers at ``/drivers``, show their nodes at ``/nodes`` and their logs at ``/logs``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import requests

from afterbell.cluster.driver_place import DriverNeeds, PlaceCause
from afterbell.cluster.driver_status import DriverState, DriverStatus
from afterbell.cluster.executor_request import ExecutorRequest
from afterbell.cluster.managers.base import ClusterManager, Nodes
from afterbell.cluster.managers.capacity import no_room, taken
from afterbell.cluster.managers.contract import ClusterRefusal, LaunchParts, ReadPage, Sent, SparkLogin
from afterbell.cluster.profile_keys import HOST, OwnKeys, ProfileKeys, own_keys
from afterbell.cluster.properties import node_properties
from afterbell.config.platform import Folders

_PREFIX, _SECRET = "parade://", "PARADE_PASS"


class ParadeKeys(OwnKeys):
    """The queue that jobs wait in."""

    queue: str = ""


def _rules(profile: ProfileKeys) -> Iterator[str]:
    if profile.deploy_mode == "cluster" and not own_keys(profile, ParadeKeys).queue:
        yield "deploy_mode cluster on a parade needs queue: the name of one"


def _properties(profile: ProfileKeys) -> dict[str, str]:
    return node_properties(profile) | {"spark.parade.queue": own_keys(profile, ParadeKeys).queue}


def _servers(master: str) -> list[tuple[str, int]]:
    host, port = master.removeprefix(_PREFIX).split(":")
    return [(host, int(port))]


def _rest_address(profile: ProfileKeys) -> str:
    return profile.master.replace(_PREFIX, "http://")


def _login_secrets(profile: ProfileKeys, login: SparkLogin, inherited: dict[str, str]) -> dict[str, str]:
    return inherited | ({_SECRET: login.password} if login.password else {})


def _executor_settings(properties: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    return {"spark.parade.pass": environment[_SECRET]} if _SECRET in environment else {}


def _launch_parts(folders: Folders, profile: ProfileKeys, files: Sent, environment: dict[str, str]) -> LaunchParts:
    return LaunchParts(files.script, "", ("--in", own_keys(profile, ParadeKeys).queue), (), {}, environment)


@dataclass(frozen=True)
class _Server:
    url: str

    def create(self, payload: Mapping[str, Any], /) -> str:
        return str(requests.post(f"{self.url}/drivers", json=payload, timeout=30).json()["id"])

    def status(self, driver: str, /) -> DriverStatus:
        answer = requests.get(f"{self.url}/drivers/{driver}", timeout=30).json()
        return DriverStatus(DriverState(answer["state"]), message=answer["message"])

    def kill(self, driver: str, /) -> str:
        return requests.post(f"{self.url}/drivers/{driver}/kill", timeout=30).text


@dataclass(frozen=True)
class _Log:
    page: str
    read_page: ReadPage

    def read(self, kind: str, longest: int) -> str:
        return self.read_page(f"{self.page}/{kind}").text[-longest:]


def _find_log(master_ui: str, driver: str, read_page: ReadPage) -> _Log:
    return _Log(f"{master_ui}/logs/{driver}", read_page)


def _nodes(ui: str, read_page: ReadPage) -> list[tuple[int, int]]:
    return [(node["cores"], node["mib"]) for node in read_page(f"{ui}/nodes").json()]


def _executor_cause(request: ExecutorRequest, application: str, read_page: ReadPage) -> str:
    return taken(_nodes(request.ui, read_page), request, "float") or "floats have room"


def _other_causes(request: ExecutorRequest) -> str:
    return "no parade today"


def _driver_needs(profile: ProfileKeys, properties: Mapping[str, str]) -> DriverNeeds:
    return DriverNeeds(profile.driver_cores, profile.driver_memory)


def _place_cause(ui: str, needs: DriverNeeds, read_page: ReadPage) -> PlaceCause | None:
    sizes = _nodes(ui, read_page)
    return no_room(sizes, sizes, needs, "float")


def _refusal(output: str) -> ClusterRefusal | None:
    return ClusterRefusal("the marshal", "The marshal's reason", "too loud") if "MARSHAL" in output else None


MANAGER = ClusterManager(
    name="parade",
    title="parades",
    prefix=_PREFIX,
    pattern=rf"parade://{HOST}",
    example="parade://host:9000",
    keys=ParadeKeys,
    owned={"spark.parade.queue": "queue"},
    rules=_rules,
    properties=_properties,
    secrets=(_SECRET,),
    refusal=_refusal,
    nodes=Nodes(
        servers=_servers,
        rest_address=_rest_address,
        login_secrets=_login_secrets,
        executor_settings=_executor_settings,
        launch_parts=_launch_parts,
        submissions=_Server,
        forgets=timedelta(minutes=1),
        find_log=_find_log,
        executor_request=ExecutorRequest.of,
        executor_cause=_executor_cause,
        other_causes=_other_causes,
        driver_needs=_driver_needs,
        place_cause=_place_cause,
    ),
)
