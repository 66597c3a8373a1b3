"""Runs a scenario in a Spark driver of its own, on a lake of its own, and reads back what it saw."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from bench.driver import ELSEWHERE, ROOT, driver_env
from tests.forked_drivers import start_driver, workers_options
from tests.java import java_for
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
    submit = f"{TWO_CORES}{_PATIENT} {workers_options()}"
    return driver_env(step, home / "local", submit) | {"SPARK_AUTH_SOCKET_TIMEOUT": str(LONG)}


def tail(log: Path, characters: int = 6000) -> str:
    """The end of a program's log, for an assertion's message."""
    return f"the end of {log.name}:\n{log.read_text(encoding='utf-8', errors='replace')[-characters:]}"


def run_scenario(
    script: str, home: Path, stores: dict[str, str] | None = None, *, own_java: bool = False
) -> dict[str, Any]:
    """Run ``script`` (a path from the project's root), which writes JSON to the path it is given.

    Its Python process is its own. Its JVM may have served others before, unless ``own_java``: for scenarios that
    break things that a JVM remembers.
    """
    env, java_log = scenario_env(home, stores), home / "scenario.log"
    if own_java:
        return _run(script, home, env, java_log)
    with java_for(env, home, any_stores=stores is None) as java:
        return _run(script, home, env | java.address, java.log)


def _run(script: str, home: Path, env: dict[str, str], java_log: Path) -> dict[str, Any]:
    answer, log = home / "answer.json", home / "scenario.log"
    with log.open("w", encoding="utf-8") as stream, Path(os.devnull).open("rb") as nothing:
        streams = (nothing.fileno(), stream.fileno(), stream.fileno())
        driver = start_driver(ROOT / script, [str(answer)], env, home, streams)
    try:
        status: int | str = driver.wait(_LIMIT)
    except TimeoutError:
        driver.kill()
        status = f"none after {_LIMIT} s"
    assert status == 0, f"exit status {status}; {tail(log)}{'' if java_log == log else f'; {tail(java_log)}'}"
    found: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    return found
