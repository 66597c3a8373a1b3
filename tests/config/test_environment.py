"""The environment variables: one module has their names, and the manual lists the same."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from afterbell.cluster.secrets import secret_values
from afterbell.config import environment
from afterbell.config.environment import PORTS, VARIABLES, Audience
from afterbell.config.platform import Ports

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "include" / "afterbell"
ELSEWHERE = {
    "embedded/guard.py": {"AFTERBELL_GUARD_COMMAND", "AFTERBELL_GUARD_GRACE", "AFTERBELL_GUARD_RESTART"},
    "features/compiled.py": {"AFTERBELL_KERNEL_CACHE"},
}
"""Modules that can't import the names: a script that runs alone, and code that the factors' definitions are made of."""
_NAME = re.compile(r"_?AFTERBELL_[A-Z][A-Z0-9_]*")
_PART = re.compile(r"AFTERBELL_(?:[A-Z]|$)")
_TOPS = ("Dockerfile", "Makefile", "docker-compose.yaml", "afterbell", "README.md", "CONTRIBUTING.md")
_FOLDERS = ("include", "docs", "dags", "plugins", "spark_jobs", "bench", ".ci")


def _names(text: str) -> set[str]:
    """The variables in a text; a connection of Airflow is none."""
    connections = re.sub(r"AIRFLOW_CONN_AFTERBELL_\w+", "", text)
    return {name if name in VARIABLES else name.removeprefix("_") for name in _NAME.findall(connections)}


def _files() -> Iterator[Path]:
    yield from (ROOT / name for name in _TOPS)
    for folder in _FOLDERS:
        yield from (path for path in sorted((ROOT / folder).rglob("*")) if path.is_file())


def _texts(tree: ast.Module) -> Iterator[str]:
    """The string constants of a module that are no docstrings, parts of f-strings among them."""
    words = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in words:
            yield node.value


@pytest.mark.parametrize("room", ["include/afterbell", "dags", "plugins", "spark_jobs"])
def test_no_other_module_spells_a_name(room: str) -> None:
    spelled = {
        path.relative_to(LIBRARY if room.startswith("include") else ROOT).as_posix(): set(texts)
        for path in (ROOT / room).rglob("*.py")
        if path != LIBRARY / "config" / "environment.py"
        and (texts := [text for text in _texts(ast.parse(path.read_text(encoding="utf-8"))) if _PART.search(text)])
    }
    assert spelled == (ELSEWHERE if room == "include/afterbell" else {})


def test_a_name_in_an_f_string_would_be_noticed_and_one_in_a_docstring_is_allowed() -> None:
    tree = ast.parse('def f(x):\n    """AFTERBELL_HOME"""\n    return f"AFTERBELL_{x}", {"AFTERBELL_ENV": 1}\n')
    assert sorted(text for text in _texts(tree) if _PART.search(text)) == ["AFTERBELL_", "AFTERBELL_ENV"]


def test_names_of_scripts_of_the_containers_and_of_the_manual_are_in_the_module() -> None:
    unknown = {}
    for path in _files():
        try:
            names = _names(path.read_text(encoding="utf-8"))
        except UnicodeDecodeError:
            continue  # a picture
        if names - set(VARIABLES):
            unknown[path.relative_to(ROOT).as_posix()] = names - set(VARIABLES)
    assert unknown == {}


def test_every_variable_is_used() -> None:
    """By a module through its constant, or by its name in a script or a file that can't import it."""
    used = set(PORTS.values())
    for path in _files():
        if path.suffix == ".py":
            constants = _imported(ast.parse(path.read_text(encoding="utf-8")))
            used |= {name for name in VARIABLES if _constant(name) in constants}
        if path.suffix not in {".md", ".pyc", ".png"} and path != LIBRARY / "config" / "environment.py":
            used |= _names(path.read_text(encoding="utf-8", errors="replace"))
    assert set(VARIABLES) - used == set()


def _imported(tree: ast.Module) -> set[str]:
    """What a module imports from that of the names."""
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {alias.name for node in imports if node.module == environment.__name__ for alias in node.names}


def _constant(name: str) -> str:
    return name.removeprefix("_").removeprefix("AFTERBELL_")


def test_a_constant_has_the_name_of_its_variable() -> None:
    assert {name: getattr(environment, _constant(name)) for name in VARIABLES} == {name: name for name in VARIABLES}


def test_every_port_of_the_platform_has_a_variable() -> None:
    assert {name: f"AFTERBELL_{name.upper()}_PORT" for name in Ports.model_fields} == PORTS


def test_what_holds_a_secret_is_never_shown() -> None:
    secrets = {name for name, variable in VARIABLES.items() if variable.secret}
    assert {name for name in VARIABLES if re.search("SECRET|COOKIE|_KEY$", name)} == secrets
    values = {name: f"canary-{number}" for number, name in enumerate(sorted(secrets))}
    assert set(values.values()) <= set(secret_values(values))


@pytest.mark.parametrize("audience", list(Audience))
def test_the_manual_lists_each_with_its_meaning_and_default(audience: Audience) -> None:
    page = (ROOT / "docs" / "reference" / "configuration.md").read_text(encoding="utf-8")
    tables = re.findall(r"^\| variable \|.*\n\|[-|]+\n((?:\|.*\n)+)", page, flags=re.MULTILINE)
    (rows,) = [rows for rows in tables if _audience(rows) == {audience}]
    shown = [line for line in rows.splitlines() if "AFTERBELL_" in line]
    assert shown == [
        f"| `{variable.name}` | {variable.meaning} | {variable.default} |"
        for variable in VARIABLES.values()
        if variable.audience is audience
    ]


def _audience(rows: str) -> set[Audience]:
    return {
        VARIABLES[name].audience for name in re.findall(r"^\| `(\w+)`", rows, flags=re.MULTILINE) if name in VARIABLES
    }
