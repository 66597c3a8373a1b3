"""Ports: an occupied one is an error that says what to do, a free one really is free."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from afterbell.embedded.ports import free_port, take_port
from afterbell.errors import PortInUseError


@pytest.fixture
def occupied() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_an_occupied_port_names_the_port_its_owner_and_the_way_out(occupied: int) -> None:
    with pytest.raises(PortInUseError) as error:
        take_port(occupied, "s3")
    message = str(error.value)
    assert f"port {occupied}" in message
    assert f"process {os.getpid()} " in message
    assert "ports.s3" in message
    assert "AFTERBELL_S3_PORT" in message


def test_a_configured_port_that_is_free_is_taken() -> None:
    port = free_port()
    assert take_port(port, "ui") == port


def test_zero_takes_a_port_that_a_server_can_listen_on() -> None:
    with socket.create_server(("127.0.0.1", take_port(0, "hdfs"))):
        pass


def test_free_ports_are_never_handed_out_twice() -> None:
    ports = [free_port() for _ in range(50)]
    assert len(set(ports)) == 50
