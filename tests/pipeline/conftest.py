"""The whole daily job on small markets, through the command line, each market in a home of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from afterbell.config.platform import Folders, Platform
from afterbell.embedded import stack
from tests.command_line import CommandLine
from tests.patience import wait_long_for_services

SYMBOLS, SESSIONS = 250, 170


@pytest.fixture
def afterbell(tmp_path):
    """The command line with an empty home."""
    return CommandLine(tmp_path)


@contextmanager
def stores_of(home: Path) -> Iterator[None]:
    """S3 and HDFS of a home for the length of a block: every command of its own would start and stop them."""
    wait_long_for_services()
    with stack.running(replace(Folders.from_env(), home=home), Platform()):
        yield


@pytest.fixture(scope="session")
def planted(tmp_path_factory):
    """A market with the default signal, after one daily run; for all tests that may read it, and leave its champion."""
    home = tmp_path_factory.mktemp("planted")
    command = CommandLine(home)
    market = ("--symbols", str(SYMBOLS), "--sessions", str(SESSIONS), "--signal", "0.10")
    with stores_of(home):
        yield command, command.result("demo", *market)
