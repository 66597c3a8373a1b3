"""``./afterbell`` as a person types it, with a home of its own."""

from __future__ import annotations

import json
import os
import subprocess
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
        base = {name: value for name, value in os.environ.items() if not name.startswith(("AFTERBELL_", "AWS_"))}
        kept = {name: os.environ[name] for name in ("AFTERBELL_ENV",) if name in os.environ}
        found = subprocess.run(
            [str(ROOT / "afterbell"), *args],
            env=base | kept | {"AFTERBELL_HOME": str(self.home)} | env,
            capture_output=True, text=True, timeout=_LIMIT, check=False,
        )  # fmt: skip
        return Answer(found.returncode, found.stdout, found.stderr)

    def result(self, *args: str, **env: str) -> Any:
        """The JSON document of a command that must succeed."""
        answer = self(*args, "--json", **env)
        assert answer.status == 0, f"afterbell {' '.join(args)}: {answer.out}{answer.err}"
        return answer.json
