"""Whether a cluster can be reached, checked before a driver is submitted."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from afterbell.cluster.profile import ClusterProfile
from afterbell.errors import ClusterUnavailableError, ConfigError

_TRIES = 3
_PAUSE_SECONDS = 2.0
_CONNECT_SECONDS = 5.0
LIBMESOS = "MESOS_NATIVE_JAVA_LIBRARY"


def require_reachable(cluster: ClusterProfile, environment: Mapping[str, str]) -> None:
    """Connect to the master that drivers of ``cluster`` are handed to, three times at most.

    Args:
        cluster: the profile, with the master that drivers go to.
        environment: of the process that submits; Mesos' library must be named there.

    Raises:
        ClusterUnavailableError: none of its addresses accepted the connection.
        ConfigError: the driver would start beside the submitter on Mesos, and libmesos is missing.
    """
    if cluster.manager == "local":
        return
    if cluster.manager == "mesos" and cluster.deploy_mode == "client":
        _require_libmesos(environment)
    places = addresses(cluster)
    troubles: list[str] = []
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(_PAUSE_SECONDS * attempt)
        troubles = [trouble for place in places if (trouble := _trouble(*place))]
        if len(troubles) < len(places):
            return
    raise ClusterUnavailableError(
        f"{cluster.rest_address or cluster.master} is not reached from {socket.gethostname()} ({'; '.join(troubles)}; "
        f"tried {_TRIES} times), and nothing was submitted: start it, or correct the master of the Spark connection"
    )


def addresses(cluster: ClusterProfile) -> list[tuple[str, int]]:
    """Host and port of the servers that take drivers: the masters, ZooKeeper's servers, or the REST address."""
    if cluster.rest_address:
        url = urlsplit(cluster.rest_address)
        return [(url.hostname or "", url.port or (443 if url.scheme == "https" else 80))]
    named = re.sub(r"^(spark|mesos)://(zk://)?", "", cluster.master).split("/")[0]
    pairs = [address.rsplit(":", 1) for address in named.split(",")]
    return [(host, int(port)) for host, port in pairs]


def _trouble(host: str, port: int) -> str:
    try:
        socket.create_connection((host, port), timeout=_CONNECT_SECONDS).close()
    except OSError as error:
        return f"{host}:{port}: {error}"
    return ""


def _require_libmesos(environment: Mapping[str, str]) -> None:
    named = environment.get(LIBMESOS, "")
    if not named or not Path(named).is_file():
        raise ConfigError(
            f"drivers beside the submitter need Mesos' library on this machine, and {LIBMESOS} is {named!r}: set it to "
            "the path of libmesos.so in the environment of Airflow's workers, or use the profile mesos-cluster"
        )
