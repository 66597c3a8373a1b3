"""Which environment a test belongs to, by its folder; and the sets of tests that run together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
AIRFLOW = ("tests/airflow", "tests/dags", "tests/plugins")
"""Rooms whose tests import Airflow."""
CONTAINERS = "tests/compose"
"""Needs Docker, and runs by itself."""


class UnknownTestError(Exception):
    """What was given is no test: the message says what was found and gives a good value."""


@dataclass(frozen=True)
class Target:
    """One test, file or folder, as pytest takes it.

    Attributes:
        node: relative to the project's root, such as ``tests/cluster/test_rest.py::test_an_id``.
        environment: ``airflow`` or ``spark``.
        folder: whether it is a whole folder.
    """

    node: str
    environment: str
    folder: bool


def find_target(text: str) -> Target:
    """What somebody typed as ``T=``: ``path`` or ``path::name``, below ``tests``.

    Raises:
        UnknownTestError: there is no such file or folder.
    """
    place, _, name = text.strip().partition("::")
    path = (ROOT / place).resolve()
    tests = ROOT / "tests"
    if not place or not (path == tests or tests in path.parents) or not path.exists():
        raise UnknownTestError(
            f"T={text}: no such file or folder below {tests}; give one like T=tests/cluster/test_rest.py, "
            "T=tests/cluster, or T='tests/cluster/test_rest.py::NAME'"
        )
    if name and path.is_dir():
        raise UnknownTestError(f"T={text}: {place} is a folder, which has no test {name!r}: name its file")
    relative = path.relative_to(ROOT).as_posix()
    return Target(f"{relative}::{name}" if name else relative, environment_of(relative), path.is_dir())


def environment_of(path: str) -> str:
    """The environment that the tests below ``path`` (from the project's root) run in."""
    return "airflow" if any(path == room or path.startswith(f"{room}/") for room in AIRFLOW) else "spark"


def selection(environment: str) -> list[str]:
    """Arguments of pytest for all tests of one environment, those in containers left out."""
    if environment == "airflow":
        return [room for room in AIRFLOW if (ROOT / room).is_dir()]
    return [*(f"--ignore={room}" for room in (*AIRFLOW, CONTAINERS)), "tests"]
