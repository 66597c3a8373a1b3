"""The protocol between the submitter of a job and a warm JVM, over a Unix socket in a folder of their own.

A request is a length and that many bytes of JSON, with standard output and error beside it as open files. The answer is
``TAKEN``, then, when the job has ended, its exit status as JSON. Python workers are requested in the same way; there
``TAKEN`` is all, and the connection lasts as long as they do. Needs nothing of the project: the sides are scripts.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

TAKEN = b"+"
"""The job will be run, here and nowhere else; before it, a job that got no answer may be handed to another."""
_MOST_STREAMS = 3
_LENGTH = struct.Struct("!I")


@dataclass(frozen=True)
class JobRequest:
    """A job.

    Attributes:
        script: path of the Python file.
        arguments: its own.
        environment: all of its variables.
        folder: its working directory.
        idle_seconds: how long the JVM waits for another job after this one; 0 ends it.
    """

    script: str
    arguments: list[str]
    environment: dict[str, str]
    folder: str
    idle_seconds: float


def send(connection: socket.socket, request: JobRequest, streams: list[int]) -> None:
    """Send ``request`` with the open files ``streams``."""
    body = json.dumps(asdict(request)).encode()
    socket.send_fds(connection, [_LENGTH.pack(len(body))], streams)
    connection.sendall(body)


def receive(connection: socket.socket) -> tuple[JobRequest, list[int]]:
    """The request that came over ``connection``, and the open files with it.

    Raises:
        ConnectionError: the other side went away before it had sent all of it.
    """
    head, streams, _, _ = socket.recv_fds(connection, _LENGTH.size, _MOST_STREAMS)
    body = _receive_exactly(connection, _LENGTH.unpack(head)[0]) if len(head) == _LENGTH.size else b""
    if not body:
        raise ConnectionError("the request of a job was received incompletely")
    return JobRequest(**json.loads(body)), streams


def _receive_exactly(connection: socket.socket, length: int) -> bytes:
    received = b""
    while len(received) < length:
        part = connection.recv(length - len(received))
        if not part:
            return b""
        received += part
    return received


@contextmanager
def short(path: Path) -> Iterator[str]:
    """A short name of ``path``, for the block: a Unix socket's may have 107 bytes, and folders are deep."""
    handle = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{handle}/{path.name}"
    finally:
        os.close(handle)


def listen(path: Path) -> socket.socket:
    """A socket that listens at ``path``; the name appears when connecting is possible."""
    listener = socket.socket(socket.AF_UNIX)
    hidden = path.with_suffix(".new")
    hidden.unlink(missing_ok=True)
    with short(hidden) as name:
        listener.bind(name)
    hidden.chmod(0o600)
    listener.listen(1)
    hidden.rename(path)
    return listener


def connect(path: Path) -> socket.socket | None:
    """A connection to the process that listens at ``path``; None where none does."""
    connection = socket.socket(socket.AF_UNIX)
    try:
        with short(path) as name:
            connection.connect(name)
    except OSError:
        connection.close()
        return None
    return connection
