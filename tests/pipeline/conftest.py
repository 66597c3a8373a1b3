"""The whole daily job on small markets, through the command line, each market in a home of its own."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from afterbell.config.platform import Folders, Platform
from afterbell.embedded import stack

ROOT = Path(__file__).resolve().parents[2]
SYMBOLS, SESSIONS = 250, 170


@dataclass(frozen=True)
class Answer:
    """What a command answered."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class CommandLine:
    """``./afterbell`` with a home of its own."""

    home: Path

    def __call__(self, *args: str, **env: str) -> Answer:
        base = {name: value for name, value in os.environ.items() if not name.startswith(("AFTERBELL_", "AWS_"))}
        kept = {name: os.environ[name] for name in ("AFTERBELL_ENV",) if name in os.environ}
        found = subprocess.run(
            [str(ROOT / "afterbell"), *args],
            env=base | kept | {"AFTERBELL_HOME": str(self.home)} | env,
            capture_output=True, text=True, timeout=2400, check=False,
        )  # fmt: skip
        return Answer(found.returncode, found.stdout, found.stderr)


@pytest.fixture
def afterbell(tmp_path):
    """The command line with an empty home."""
    return CommandLine(tmp_path)


@contextmanager
def stores_of(home: Path) -> Iterator[None]:
    """S3 and HDFS of a home for the length of a block: every command of its own would start and stop them."""
    set_up = Folders.from_env()
    with stack.running(Folders(root=set_up.root, home=home, env=set_up.env), Platform()):
        yield


def demo(home: Path, signal: float) -> tuple[CommandLine, Any]:
    """Run the demo on a small market; returns its command line and its summary."""
    command = CommandLine(home)
    answer = command("demo", "--symbols", str(SYMBOLS), "--sessions", str(SESSIONS), "--signal", str(signal), "--json")
    assert answer.status == 0, answer.out + answer.err
    return command, answer.json


@pytest.fixture(scope="session")
def planted(tmp_path_factory):
    """A market with the default signal, after one daily run; for all tests that may read it, and leave its champion."""
    home = tmp_path_factory.mktemp("planted")
    with stores_of(home):
        yield demo(home, 0.10)


@pytest.fixture(scope="session")
def unplanted(tmp_path_factory):
    """A market without any signal, after one daily run, whose command started and stopped everything by itself."""
    return demo(tmp_path_factory.mktemp("unplanted"), 0.0)
