"""The Python environments: tools, Airflow, Spark, on demand Qlib and MkDocs. Locked, every package by its hash."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from setup.parts import NETWORK_HINT, Setup, SetupError, clean_environment, digest_of

_ROOT = Path(__file__).resolve().parents[2]
_VERSION = "python3.11"
_VENV_HINT = (
    "this Python cannot make environments: install its venv module (Debian, Ubuntu: python3.11-venv), or free some disk"
)


@dataclass(frozen=True)
class Environment:
    """One environment.

    Attributes:
        name: its folder.
        requirements: its locked packages.
        library: folder put on its path, so that the project's own package is found there.
        tests: locked packages that only tests need, on top of them.
    """

    name: str
    requirements: Path
    library: Path | None = None
    tests: Path | None = None

    @property
    def locked(self) -> list[Path]:
        """Every file of locked packages."""
        return [self.requirements, *([self.tests] if self.tests else [])]


def make_tools(setup: Setup) -> None:
    """Make the environment of uv, ruff, mypy and import-linter, which installs and checks the others."""
    environment = Environment("tools", _ROOT / "requirements-dev.txt")
    folder = setup.env / "tools"

    def make() -> None:
        setup.say("tools: making the environment")
        _prepare(setup, environment)
        _create(setup, environment)
        only_uv = setup.env / "uv.txt"
        only_uv.write_text(pinned(environment.requirements, "uv"), encoding="utf-8")
        _pip(setup, environment, [only_uv])
        _install(setup, environment)
        _finish(setup, environment)

    setup.part("tools", _inputs(environment), lambda: _works(folder), make)


def make_environment(setup: Setup, environment: Environment) -> None:
    """Make one of the environments that the project's code runs in.

    Raises:
        SetupError: a package could not be fetched, or its bytes are not those that were locked.
    """
    folder = setup.env / environment.name

    def make() -> None:
        setup.say(f"{environment.name}: installing packages")
        _prepare(setup, environment)
        _create(setup, environment)
        _install(setup, environment)
        _finish(setup, environment)

    setup.part(
        environment.name, _inputs(environment), lambda: _works(folder) and _has_library(folder, environment), make
    )


def pinned(requirements: Path, package: str) -> str:
    """The entry of one package with its hashes, out of a locked file.

    Raises:
        SetupError: it is missing.
    """
    lines = requirements.read_text(encoding="utf-8").splitlines()
    start = next((i for i, line in enumerate(lines) if line.startswith(f"{package}==")), None)
    if start is None:
        raise SetupError(f"{requirements} does not pin {package}: run `make lock` in a working checkout")
    end = start
    while lines[end].endswith("\\"):
        end += 1
    return "\n".join(lines[start : end + 1]) + "\n"


def _inputs(environment: Environment) -> str:
    return digest_of([*environment.locked, sys.version, sys.base_prefix, str(environment.library), "1"])


def _prepare(setup: Setup, environment: Environment) -> None:
    folder, marker = setup.env / environment.name, _marker(setup, environment)
    if folder.exists() and (marker.exists() or setup.moved(environment.name) or not _works(folder)):
        shutil.rmtree(folder)
    marker.touch()
    (setup.env / "logs" / f"{environment.name}.log").unlink(missing_ok=True)


def _create(setup: Setup, environment: Environment) -> None:
    folder = setup.env / environment.name
    if not _works(folder):
        setup.run(environment.name, [sys.executable, "-m", "venv", folder], hint=_VENV_HINT)


def _finish(setup: Setup, environment: Environment) -> None:
    if environment.library:
        path = setup.env / environment.name / "lib" / _VERSION / "site-packages" / "afterbell.pth"
        path.write_text(f"{environment.library}\n", encoding="utf-8")
    _marker(setup, environment).unlink()


def _marker(setup: Setup, environment: Environment) -> Path:
    return setup.env / f".{environment.name}.incomplete"


def _works(folder: Path) -> bool:
    python = folder / "bin" / "python"
    return python.exists() and subprocess.run([python, "-I", "-c", ""], check=False).returncode == 0


def _has_library(folder: Path, environment: Environment) -> bool:
    return environment.library is None or (folder / "lib" / _VERSION / "site-packages" / "afterbell.pth").exists()


def _install(setup: Setup, environment: Environment) -> None:
    uv = setup.env / "tools" / "bin" / "uv"
    python = setup.env / environment.name / "bin" / "python"
    if not _runs(uv):
        setup.say(f"{environment.name}: uv does not run here, so pip installs (slower)")
        _pip(setup, environment, environment.locked)
        return
    argv: list[str | Path] = [uv, "pip", "install", "--require-hashes", "--python", python]
    if environment.name != "tools":  # they keep their pip
        argv.append("--exact")
    settings = {"UV_SYSTEM_CERTS": "1", "UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", **_index(setup)}
    setup.run(environment.name, [*argv, *_named(environment.locked)], settings, NETWORK_HINT)


def _runs(uv: Path) -> bool:
    try:
        return subprocess.run([uv, "--version"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _index(setup: Setup) -> dict[str, str]:
    """The index that pip's own configuration files name: uv does not read them."""
    pip: list[str | Path] = [setup.env / "tools" / "bin" / "python", "-m", "pip", "config", "list"]
    done = subprocess.run(pip, env=clean_environment(), capture_output=True, text=True, check=False)
    for line in done.stdout.splitlines():
        name, _, value = line.partition("=")
        if name in {"global.index-url", ":env:.index-url"}:
            return {"UV_DEFAULT_INDEX": value.strip("'\"")}
    return {}


def _named(requirements: list[Path]) -> list[str | Path]:
    """Files of packages as uv and pip are given them."""
    return [word for path in requirements for word in ("-r", path)]


def _pip(setup: Setup, environment: Environment, requirements: list[Path]) -> None:
    python = setup.env / environment.name / "bin" / "python"
    argv: list[str | Path] = [python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    settings = {"PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0"}
    if not any((python.parents[1] / "lib" / _VERSION / "site-packages").glob("pip")):
        setup.run(environment.name, [python, "-m", "ensurepip"], settings, _VENV_HINT)
    setup.run(environment.name, [*argv, "--require-hashes", *_named(requirements)], settings, NETWORK_HINT)
