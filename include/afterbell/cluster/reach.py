"""Whether a cluster can be reached, checked before a driver is submitted."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from afterbell.cluster.profile import ClusterProfile
from afterbell.errors import ClusterUnavailableError

_TRIES = 3
_PAUSE_SECONDS = 2.0
_CONNECT_SECONDS = 5.0


def require_reachable(cluster: ClusterProfile, environment: Mapping[str, str]) -> None:
    """Connect to the master that drivers of ``cluster`` are handed to, three times at most.

    Args:
        cluster: the profile, with the master that drivers go to.
        environment: of the process that submits: on some clusters it must name a library.

    Raises:
        ClusterUnavailableError: none of its addresses accepted the connection.
        ConfigError: the machine that submits lacks what the cluster manager needs there.
    """
    nodes = cluster.manager.nodes
    if nodes is None:
        return
    nodes.check_submitter(cluster, environment)
    places = addresses(cluster)
    troubles: list[str] = []
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(_PAUSE_SECONDS * attempt)
        troubles = [trouble for place in places if (trouble := _trouble(*place))]
        if len(troubles) < len(places):
            return
    raise ClusterUnavailableError(
        f"cannot connect to {cluster.rest_address or cluster.master} from {socket.gethostname()} "
        f"({'; '.join(troubles)}; tried {_TRIES} times): nothing was submitted. Start it, or correct the master "
        "of the Spark connection"
    )


def addresses(cluster: ClusterProfile) -> list[tuple[str, int]]:
    """Host and port of the servers that take drivers: the masters, ZooKeeper's servers, or the REST address."""
    if cluster.rest_address:
        url = urlsplit(cluster.rest_address)
        return [(url.hostname or "", url.port or (443 if url.scheme == "https" else 80))]
    return cluster.manager.require_nodes().servers(cluster.master)


def _trouble(host: str, port: int) -> str:
    try:
        socket.create_connection((host, port), timeout=_CONNECT_SECONDS).close()
    except OSError as error:
        return f"{host}:{port}: {error}"
    return ""
