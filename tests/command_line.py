"""``./afterbell`` as a person types it, with a home of its own."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
_LIMIT = 2400
"""Seconds after which a command hangs."""


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
    """The command line on one home; settings of the shell don't reach it."""

    home: Path

    def __call__(self, *args: str, **env: str) -> Answer:
        """Run a command to its end."""
        found = subprocess.run(
            [str(ROOT / "afterbell"), *args],
            env=self._environment() | env,
            capture_output=True, text=True, timeout=_LIMIT, check=False,
        )  # fmt: skip
        return Answer(found.returncode, found.stdout, found.stderr)

    def on_terminal(self, *args: str, columns: int = 80) -> list[str]:
        """The lines that a command leaves on a terminal of so many columns; colours and what was rewritten are gone."""
        outer, inner = pty.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        env = {name: value for name, value in self._environment().items() if name not in {"COLUMNS", "NO_COLOR"}}
        with subprocess.Popen(
            [str(ROOT / "afterbell"), *args], env=env | {"TERM": "xterm"}, stdin=inner, stdout=inner, stderr=inner
        ):
            os.close(inner)
            text = b"".join(_chunks(outer)).decode()
        os.close(outer)
        lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r\n", "\n").split("\n")
        return [line.rsplit("\r", 1)[-1] for line in lines]

    def _environment(self) -> dict[str, str]:
        # COLUMNS is a terminal's width: whoever reads an answer here wants its lines whole.
        base = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AFTERBELL_", "AWS_")) and name != "COLUMNS"
        }
        kept = {name: os.environ[name] for name in ("AFTERBELL_ENV",) if name in os.environ}
        return base | kept | {"AFTERBELL_HOME": str(self.home)}

    def result(self, *args: str, **env: str) -> Any:
        """The JSON document of a command that must succeed."""
        answer = self(*args, "--json", **env)
        assert answer.status == 0, f"afterbell {' '.join(args)}: {answer.out}{answer.err}"
        return answer.json


def _chunks(outer: int) -> Iterator[bytes]:
    """What comes out of a terminal until nobody has it open any more."""
    while True:
        try:
            chunk = os.read(outer, 65_536)
        except OSError:  # Linux says so of a terminal that nobody has open
            return
        if not chunk:
            return
        yield chunk
