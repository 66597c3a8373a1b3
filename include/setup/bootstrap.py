"""Makes what the project runs in: Python environments, Java, jars. `make setup` runs it; it needs Python 3.11 alone.

    python3.11 include/setup/bootstrap.py [--qlib] [--pools] [--docs] [--lock-jars]

Everything goes to ``.afterbell/env`` (or ``AFTERBELL_ENV``). Each part keeps a stamp with the digest of its inputs, so
a second run takes a second, and a part that broke half-way is made again. ``--qlib`` makes the environment of Qlib
too, which only the bench and the frozen answers need, ``--pools`` that of joblib and Celery, which the bench compares
with; ``--docs`` makes that of the documentation, and nothing else that building it does without. ``--lock-jars``
resolves the jars afresh and writes their digests to ``jars.lock``, for a maintainer who changed a version.
"""

from __future__ import annotations

import sys

if sys.version_info[:2] != (3, 11):
    running = ".".join(map(str, sys.version_info[:3]))
    sys.exit(
        f"setup: Python 3.11 is needed, this is {running} ({sys.executable}).\n"
        "  Install it (Debian, Ubuntu: python3.11 and python3.11-venv; macOS: `brew install python@3.11`;\n"
        "  any machine: pyenv or uv), then run `make setup`, or `make setup PYTHON=/path/to/python3.11`."
    )

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

INCLUDE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(INCLUDE))  # whatever PYTHONSAFEPATH or PYTHONPATH say

from setup.classes import make_classes  # noqa: E402 - after the version check
from setup.environments import Environment, make_environment, make_tools  # noqa: E402
from setup.jars import LOCK, make_jars, write_lock  # noqa: E402
from setup.java import make_java  # noqa: E402
from setup.parts import PARTS, Setup, SetupError  # noqa: E402

ROOT = INCLUDE.parent
_NEEDED_GB = 5.0
"""Environments 1.8 GB (Qlib's 1.1 GB), jars 0.1 GB, and as much again for caches and for Ivy while it works."""
_DOCS_GB = 1.0
"""The tools 0.3 GB, MkDocs 0.1 GB, and as much again for caches."""
_MORE = ("qlib", "pools")
"""Environments that only measurements and frozen answers need."""
_OPTIONS = {"--qlib", "--pools", "--docs", "--lock-jars"}


def set_up_docs(setup: Setup) -> None:
    """Make the environment that the documentation is built in.

    Raises:
        SetupError: it could not be made; the message says what to do.
    """
    setup.env.mkdir(parents=True, exist_ok=True)
    with _alone(setup):
        if not setup.is_complete(("tools", "docs")):
            _check_disk(setup, _DOCS_GB)
        make_tools(setup)
        make_environment(setup, Environment("docs", ROOT / "requirements-docs.txt"))


def set_up(setup: Setup, *, more: Sequence[str] = (), lock_jars: bool = False) -> None:
    """Make every part that is not as it should be, and the environments ``more`` of the measurements.

    Raises:
        SetupError: a part could not be made; the message says what to do.
    """
    setup.env.mkdir(parents=True, exist_ok=True)
    with _alone(setup):
        if not setup.is_complete((*PARTS, *more)):
            _check_disk(setup, _NEEDED_GB)
        make_tools(setup)
        tests = ROOT / "requirements-test.txt"
        airflow = Environment("airflow", ROOT / "requirements.txt", INCLUDE, tests)
        spark = Environment("spark", ROOT / "requirements-spark.txt", INCLUDE, tests)
        with ThreadPoolExecutor(2) as pool:
            futures = [pool.submit(make_environment, setup, item) for item in (spark, airflow)]
        for future in futures:
            future.result()
        for name in more:
            make_environment(setup, Environment(name, ROOT / f"requirements-{name}.txt"))
        java = make_java(setup)
        if lock_jars:
            write_lock(setup, java)
        make_jars(setup, java)
        make_classes(setup, java, [LOCK, spark.requirements])


def _check_disk(setup: Setup, needed: float) -> None:
    free = shutil.disk_usage(setup.env).free / 1e9
    if free < needed:
        raise SetupError(
            f"{setup.env} has {free:.1f} GB free, {needed:.0f} GB are needed: free some space, "
            "or set AFTERBELL_ENV to a folder on a larger disk"
        )


@contextlib.contextmanager
def _alone(setup: Setup) -> Iterator[None]:
    with (setup.env / ".lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            setup.say("waiting for another set-up of the same folder")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def main(argv: list[str]) -> int:
    """Set up and print the outcome; the exit status."""
    if not _OPTIONS.issuperset(argv) or ("--docs" in argv and argv != ["--docs"]):
        print(__doc__, file=sys.stderr)
        return 2
    setup = Setup(Path(os.environ.get("AFTERBELL_ENV") or ROOT / ".afterbell" / "env").absolute())
    try:
        if argv == ["--docs"]:
            set_up_docs(setup)
        else:
            set_up(setup, more=[name for name in _MORE if f"--{name}" in argv], lock_jars="--lock-jars" in argv)
    except SetupError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"setup: {error}: check the disk and the rights of {setup.env}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("setup: interrupted; `make setup` again goes on where this stopped", file=sys.stderr)
        return 130
    setup.say("everything is set up" if setup.worked else "nothing to do: everything is set up")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
