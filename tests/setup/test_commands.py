"""`make` and the set-up script as a user calls them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BOOTSTRAP = ROOT / "include" / "setup" / "bootstrap.py"


def make(*words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        [shutil.which("make") or "make", "--no-print-directory", *words],
        cwd=ROOT,
        env=clean | (env or {}),
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_names_every_command() -> None:
    listed = re.findall(r"^  make (\S+)\s+\S", make("help").stdout, flags=re.MULTILINE)
    assert listed == [
        "help",
        "setup",
        "demo",
        "up",
        "down",
        "test",
        "check",
        "test-failed",
        "test-compose",
        "compose-env",
        "images",
        "docs",
        "chaos",
        "picture",
        "lint",
        "bench",
        "replay",
        "answers",
        "clean",
        "lock",
    ]


def test_a_parameter_reaches_the_program_as_it_was_typed_and_runs_nothing(tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    hostile = f"$(shell touch {touched}) `touch {touched}` \"; touch {touched}; ' $HOME ${{x}}"
    shown = make("--eval", "show: ; @env", "show", f"DROPS={hostile}").stdout
    assert f"DROPS={hostile}\n" in shown
    assert not touched.exists()


def test_parameters_that_were_not_given_are_not_in_the_environment() -> None:
    shown = make("--eval", "show: ; @env", "show", "SESSION=2016-06-30").stdout
    assert "\nSESSION=2016-06-30\n" in shown
    assert "\nDROPS=" not in shown
    assert "\nSIGNAL=" not in shown


def test_leftovers_of_another_environment_do_not_reach_the_programs() -> None:
    shown = make("--eval", "show: ; @env", "show", env={"PYTHONPATH": "/elsewhere", "VIRTUAL_ENV": "/elsewhere"}).stdout
    assert "/elsewhere" not in shown


def test_a_python_that_is_not_there_says_how_to_get_one() -> None:
    done = make("setup", "PYTHON=python3.11-absent")
    assert done.returncode != 0
    assert "python3.11-absent was not found" in done.stderr
    assert "make setup PYTHON=" in done.stderr


@pytest.mark.parametrize("version", [(3, 10, 9), (3, 12, 1)])
def test_another_version_of_python_is_refused_with_the_way_out(version: tuple[int, int, int]) -> None:
    program = f"import sys; sys.version_info = {version}; exec(compile(open({str(BOOTSTRAP)!r}).read(), 'b', 'exec'))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Python 3.11 is needed, this is " + ".".join(map(str, version)) in done.stderr
    assert "python3.11-venv" in done.stderr


def test_a_full_disk_is_noticed_before_anything_is_fetched(tmp_path: Path) -> None:
    program = (
        "import runpy, shutil, sys; sys.argv = ['bootstrap.py'];"
        "shutil.disk_usage = lambda path: type('U', (), {'free': 10**8})();"
        f"runpy.run_path({str(BOOTSTRAP)!r}, run_name='__main__')"
    )
    env = dict(os.environ) | {"AFTERBELL_ENV": str(tmp_path / "env")}
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "0.1 GB free" in done.stderr
    assert "AFTERBELL_ENV" in done.stderr


def test_an_unknown_option_is_refused() -> None:
    done = subprocess.run([sys.executable, str(BOOTSTRAP), "--force"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
