"""Ports on 127.0.0.1: the configured one or any free one."""

from __future__ import annotations

import errno
import random
import socket
import sys
import threading

import psutil

from afterbell.config.environment import PORTS
from afterbell.errors import PortInUseError, ServiceError

LOOPBACK = "127.0.0.1"
# Below the range that the system takes for outgoing connections, so that none takes the port before the service does.
_FIRST, _LAST = 20_000, 31_999
_taken: set[int] = set()
_lock = threading.Lock()


def is_free(port: int) -> bool:
    """Whether a server could listen on ``port`` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            if error.errno in {errno.EADDRINUSE, errno.EACCES}:
                return False
            raise
    return True


def free_port() -> int:
    """A port that nobody listens on; never the same one twice in a process.

    Raises:
        ServiceError: no free port was found.
    """
    with _lock:
        for _ in range(1000):
            port = random.SystemRandom().randint(_FIRST, _LAST)
            if port not in _taken and is_free(port) and _is_ours(port):
                _taken.add(port)
                return port
    raise ServiceError(f"no free port between {_FIRST} and {_LAST} on {LOOPBACK}: stop some servers, then try again")


def _is_ours(port: int) -> bool:
    """Whether no other process has drawn the port and not used it yet; it is this one's for as long as it lives."""
    if sys.platform != "linux":
        return True
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0afterbell-port-{port}")  # a name that the kernel takes back with the process
    except OSError:
        claim.close()
        return False
    claim.detach()  # open for as long as this process lives
    return True


def take_port(configured: int, name: str) -> int:
    """The port ``configured`` of the setting ``ports.<name>``, or a free one where it is 0.

    Raises:
        PortInUseError: another process listens there; the message names it where it is known.
    """
    if configured == 0:
        return free_port()
    if not is_free(configured):
        raise PortInUseError(
            f"port {configured} on {LOOPBACK} (ports.{name}) is taken{_owner(configured)}: stop that process, or set "
            f"ports.{name} in include/config/platform.yaml or {PORTS[name]} to another port "
            "(0 takes any free one)"
        )
    return configured


def _owner(port: int) -> str:
    try:
        for connection in psutil.net_connections(kind="tcp"):
            if (
                connection.laddr
                and connection.laddr.port == port
                and connection.status == psutil.CONN_LISTEN
                and connection.pid
            ):
                return f" by process {connection.pid} ({psutil.Process(connection.pid).name()})"
    except psutil.Error:
        return ""  # other users' processes show to root alone
    return ""
