"""Two checkouts that share an environment (``AFTERBELL_ENV``) run their own code each."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from afterbell.cli import airflow_run
from afterbell.cli.context import Opened
from afterbell.cluster.submission import step_environment, submission
from afterbell.config.platform import Folders, Platform
from afterbell.config.runtime import HdfsLocation, LakeLocation, Runtime, S3Location
from afterbell.embedded.airflow import Airflow
from afterbell.embedded.process import Supervisor
from afterbell.embedded.service import ServiceContext

_WHERE = "import afterbell; print(afterbell.__file__)"


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """Another checkout, with the environment of this one."""
    here = Folders.from_env()
    root = tmp_path_factory.mktemp("second")
    shutil.copytree(here.root / "include", root / "include", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(here.root / "afterbell", root / "afterbell")
    return replace(here, root=root, home=root / "home")


def asked(python: Path, env: dict[str, str]) -> Path:
    """Where a process of this environment finds the library."""
    argv = [str(python), "-c", _WHERE]
    return Path(subprocess.run(argv, env=env, capture_output=True, text=True, check=True, cwd="/").stdout.strip())


def test_a_step_without_spark_runs_the_checkout_it_was_started_from(second: Folders) -> None:
    assert asked(second.spark_python, step_environment(second)).is_relative_to(second.root)


def test_a_driver_is_sent_the_library_of_its_checkout(second: Folders) -> None:
    module = second.root / "include" / "afterbell" / "errors.py"
    before = submission(second, "local[1]").py_files
    module.write_text(module.read_text() + "\n# of the second checkout\n")
    assert submission(second, "local[1]").py_files != before


def test_airflow_of_a_run_and_of_the_page_run_the_checkout_that_started_them(second: Folders) -> None:
    opened = Opened(
        second, Platform(), _nowhere(second), {"AFTERBELL_S3_REGION": "us-east-1"} | _nowhere(second).to_env()
    )
    run = airflow_run._environment(opened, "local", second.home / "airflow")
    supervisor = Supervisor(second.services)
    supervisor.begin("airflow", {"ui": 9})
    page = Airflow(ServiceContext(second, Platform(), supervisor))._environment()
    for env in (run, page):
        assert asked(
            second.airflow_python, {"PATH": os.environ["PATH"], "PYTHONPATH": env["PYTHONPATH"]}
        ).is_relative_to(second.root)


def test_the_command_line_is_that_of_its_checkout(second: Folders) -> None:
    (second.root / "include" / "afterbell" / "cli" / "demo.py").write_text("raise SystemExit('the second checkout')\n")
    env = {"PATH": os.environ["PATH"], "AFTERBELL_ENV": str(second.env), "HOME": os.environ["HOME"]}
    done = subprocess.run([second.root / "afterbell", "--help"], env=env, capture_output=True, text=True, check=False)
    assert "the second checkout" in done.stderr


def _nowhere(folders: Folders) -> Runtime:
    return Runtime(
        S3Location("http://127.0.0.1:9", "us-east-1", "feed", "artifacts"),
        HdfsLocation("http://127.0.0.1:9", "afterbell", "/feed"),
        LakeLocation(f"jdbc:sqlite:{folders.home}/catalog.db", f"file:{folders.home}/warehouse"),
        folders.home,
    )
