"""``./afterbell`` as a person types it, with a home of its own."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class CommandLine:
    """``./afterbell`` with a home of its own."""

    home: Path

    def __call__(self, *args: str) -> Any:
        kept = {name: text for name, text in os.environ.items() if not name.startswith(("AWS_", "AIRFLOW"))}
        found = subprocess.run(
            [str(ROOT / "afterbell"), *args, "--json"],
            env=kept | {"AFTERBELL_HOME": str(self.home)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if found.returncode:
            raise AssertionError(f"afterbell {' '.join(args)}: {found.stderr or found.stdout}")
        return json.loads(found.stdout)
