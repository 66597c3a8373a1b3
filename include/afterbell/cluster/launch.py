"""A driver on the cluster before it is launched: the one way for steps, library steps and ``doctor``.

What one of them sends, all of them send: a check that is green where the step fails would be worth nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from afterbell.cluster.managers import manager_named
from afterbell.cluster.managers.contract import Sent, Submissions
from afterbell.cluster.payload import payload, sent
from afterbell.cluster.profile import ClusterProfile
from afterbell.cluster.rest import RestSubmissions
from afterbell.config.platform import Folders


@dataclass(frozen=True)
class Launch:
    """The request to launch a driver on the cluster, before its files are placed.

    Attributes:
        folders: the project.
        cluster: the profile, in cluster mode.
        script: the application's file.
        environment: variables of the driver: those of the stores and the secrets of the cluster.
        conf: Spark properties besides those of the profile.
    """

    folders: Folders
    cluster: ClusterProfile
    script: Path
    environment: Mapping[str, str]
    conf: Mapping[str, str] = field(default_factory=dict)

    def place_files(self) -> LaunchRequests:
        """Put script, library and jars where the nodes read them.

        Raises:
            ConfigError: the project is not set up, or the share cannot be written.
            StoreUnavailableError: the share's store did not answer.
        """
        return LaunchRequests(self, sent(self.folders, self.cluster, self.script, self.environment))


def submissions_at(address: str, manager: str = "") -> Submissions:
    """The client of the server that launches drivers at ``address``.

    Args:
        address: of the server, as ``ClusterProfile.rest_address`` has it.
        manager: the name of its cluster manager; empty in notes from before they had one, whose servers all speak the
            REST submission protocol.

    Raises:
        ConfigError: there is no such manager, or it has no nodes.
    """
    return manager_named(manager).require_nodes().submissions(address) if manager else RestSubmissions(address)


@dataclass(frozen=True)
class LaunchRequests:
    """Requests of the REST submission protocol for a launch whose files are in place."""

    launch: Launch
    files: Sent

    def request(self, *arguments: str) -> dict[str, object]:
        """The request that launches the script with ``arguments``."""
        own = self.launch
        return payload(own.folders, own.cluster, self.files, arguments, own.environment, own.conf)
