"""One cluster for all tests of this room: images built, containers started, sixty sessions delivered, removed again."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from afterbell.embedded.ports import free_port
from containers.base_image import base_image
from tests.clusters.programs import until
from tests.compose.cluster import ROOT, Cluster, absent, secrets_file
from tests.real_drops import DROPS, paths, thinned
from tests.small import GATE, edit

_PORTS = ("AIRFLOW_PORT", "S3_PORT", "SPARK_HISTORY_PORT", "NOTEBOOK_PORT", "PROMETHEUS_PORT")
_SESSIONS = 60
"""Of the first run; two more are delivered for the runs after it."""
_ONE_IN = 6
_SPLIT = {"folds": 2, "test_sessions": 12, "min_train_sessions": 15, "embargo": 2}


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """Everything up and healthy; the seconds that this took are its ``healthy_seconds``."""
    if why := absent():
        pytest.skip(f"{why}: the containers are not started")
    folder = tmp_path_factory.mktemp("compose")
    variables = {name: str(free_port()) for name in _PORTS}
    variables |= {"AFTERBELL_CONFIG_FOLDER": str(configuration(folder)), "AFTERBELL_METRICS": "True"}
    variables["AFTERBELL_BASE"] = base_image(ROOT / ".env")
    found = Cluster(f"afterbell-{os.getpid()}", secrets_file(folder), variables)
    found("--profile", "notebook", "--profile", "monitoring", "build", quiet=False)
    try:
        began = time.monotonic()
        found("--profile", "notebook", "--profile", "monitoring", "up", "-d")
        until("everything is healthy", lambda: not found.unhealthy() or print(found.unhealthy()), 600)
        found.healthy_seconds = time.monotonic() - began
        yield found
    finally:
        if os.environ.get("AFTERBELL_KEEP_CONTAINERS") != "yes":
            found("--profile", "notebook", "--profile", "monitoring", "--profile", "tools", "down", "-v", "-t", "3")


@pytest.fixture(scope="session")
def sessions(cluster, tmp_path_factory):
    """The sixtieth session of the drops that were delivered, and the two after it."""
    folder = tmp_path_factory.mktemp("drops")
    folder.chmod(0o755)
    days = real(folder) if DROPS.is_dir() else simulated(folder)
    subprocess.run(["chmod", "-R", "a+rX", str(folder)], check=True)
    told = cluster.command("upload", "/drops", mount=folder)
    assert told["objects"] > _SESSIONS
    return [f"{day[:4]}-{day[4:6]}-{day[6:8]}" for day in days]


def real(folder: Path) -> list[str]:
    """The first drops of the real market, with a part of its symbols."""
    days = sorted({path.name[:8] for kind, path in paths() if kind == "s3"})
    for kind, path in paths():
        if path.name[:8] <= days[_SESSIONS + 1]:
            target = folder / kind / path.relative_to(DROPS / kind)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(thinned(path, _ONE_IN))
    return days[_SESSIONS - 1 : _SESSIONS + 2]


def simulated(folder: Path) -> list[str]:
    """Where the real drops aren't: as many of a made-up market."""
    asked = ["simulate", "--symbols", "300", "--sessions", str(_SESSIONS + 2), "--out", str(folder), "--json"]
    subprocess.run([str(ROOT / "afterbell"), *asked], check=True, capture_output=True)
    return sorted({path.name[:8] for path in folder.glob("hdfs/reports/*/*.csv.gz")})[-3:]


def configuration(folder: Path) -> Path:
    """The project's, for sixty sessions of a part of the market: one horizon, small folds, a lenient gate."""
    target = folder / "config"
    shutil.copytree(ROOT / "include" / "config", target)
    path = target / "models" / "daily.yaml"
    models = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump(models | {"horizons": [1], "split": _SPLIT}))
    edit(target / "gate.yaml", GATE)
    for each in (folder, *target.rglob("*")):
        each.chmod(0o755 if each.is_dir() else 0o644)
    target.chmod(0o755)
    return target
