"""Runs a scenario in a Spark driver of its own, on a lake of its own, and reads back what it saw."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from afterbell.config.platform import Folders
from bench.driver import ELSEWHERE, ROOT, driver_env
from tests.patience import LONG

_LIMIT = 4 * LONG
TWO_CORES = "--master local[2] --driver-memory 1g --conf spark.sql.shuffle.partitions=2"
# Spark gives up on its own parts after two minutes, and on a socket between Java and Python after fifteen seconds.
_PATIENT = f" --conf spark.network.timeout={LONG}s --conf spark.python.authenticate.socketTimeout={LONG}s"


def scenario_env(home: Path, stores: dict[str, str] | None = None) -> dict[str, str]:
    """The environment of a Spark driver with a lake of its own below ``home``."""
    lake = {
        "AFTERBELL_HOME": str(home),
        "AFTERBELL_LAKE_CATALOG": f"jdbc:sqlite:{home}/catalog.db",
        "AFTERBELL_LAKE_WAREHOUSE": f"file:{home}/warehouse",
    }
    step = (ELSEWHERE if stores is None else stores) | lake
    return driver_env(step, home / "local", TWO_CORES + _PATIENT) | {"SPARK_AUTH_SOCKET_TIMEOUT": str(LONG)}


def tail(log: Path, characters: int = 6000) -> str:
    """The end of a program's log, for an assertion's message."""
    return f"the end of {log.name}:\n{log.read_text(encoding='utf-8', errors='replace')[-characters:]}"


def run_scenario(script: str, home: Path, stores: dict[str, str] | None = None) -> dict[str, Any]:
    """Run ``script`` (a path from the project's root), which writes JSON to the path it is given."""
    answer, log = home / "answer.json", home / "scenario.log"
    with log.open("w", encoding="utf-8") as stream:
        try:
            status: int | str = subprocess.run(
                [str(Folders.from_env().spark_python), str(ROOT / script), str(answer)],
                env=scenario_env(home, stores),
                cwd=home,
                stdout=stream,
                stderr=subprocess.STDOUT,
                timeout=_LIMIT,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            status = f"none after {_LIMIT} s"
    assert status == 0, f"exit status {status}; {tail(log)}"
    found: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    return found
