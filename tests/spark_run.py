"""Runs a scenario in a Spark driver of its own, on a lake of its own, and reads back what it saw."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from afterbell.config.platform import Folders
from bench.driver import ELSEWHERE, ROOT, driver_env

TWO_CORES = "--master local[2] --driver-memory 1g --conf spark.sql.shuffle.partitions=2"


def scenario_env(home: Path, stores: dict[str, str] | None = None) -> dict[str, str]:
    """The environment of a Spark driver with a lake of its own below ``home``."""
    lake = {
        "AFTERBELL_HOME": str(home),
        "AFTERBELL_LAKE_CATALOG": f"jdbc:sqlite:{home}/catalog.db",
        "AFTERBELL_LAKE_WAREHOUSE": f"file:{home}/warehouse",
    }
    step = (ELSEWHERE if stores is None else stores) | lake
    return driver_env(step, home / "local", TWO_CORES)


def run_scenario(script: str, home: Path, stores: dict[str, str] | None = None, seconds: int = 600) -> dict[str, Any]:
    """Run ``script`` (a path from the project's root), ``seconds`` at most; it writes JSON to the path it is given."""
    answer = home / "answer.json"
    done = subprocess.run(
        [str(Folders.from_env().spark_python), str(ROOT / script), str(answer)],
        env=scenario_env(home, stores),
        cwd=home,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-6000:]
    found: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    return found
