"""The packages whose versions must agree: each is locked, installed, loaded in the images, and in no other list."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib.metadata import packages_distributions, version
from pathlib import Path

import pytest

from afterbell.packages import ABSENT, NUMBERS, PRELOADED, SHARED, installed_versions
from afterbell.training.packages import all_packages

ROOT = Path(__file__).resolve().parents[2]
COMPUTES = ["requirements-spark.txt", "requirements-notebook.txt"]
PIN = re.compile(r"^([a-z0-9-]+)(?:\[[^\]]*\])?==([^ \\]+)", re.MULTILINE)


def _pins(name: str) -> dict[str, str]:
    return dict(PIN.findall((ROOT / name).read_text(encoding="utf-8")))


@pytest.mark.parametrize("package", all_packages())
def test_each_is_locked_and_installed_in_that_version(package: str) -> None:
    assert [_pins(name)[package] for name in COMPUTES] == [version(package)] * 2


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-server.txt"])
def test_what_the_orchestrator_has_of_them_decides_the_same_sessions(name: str) -> None:
    """It computes no numbers, but which session a run is for."""
    both = ("exchange-calendars", "tzdata", "pyarrow", "boto3", "requests", "pydantic")
    assert {package: _pins(name)[package] for package in both} == installed_versions(both)


def test_a_family_brings_its_own_packages() -> None:
    assert {"lightgbm", "xgboost-cpu"} == set(all_packages()) - set(SHARED)
    assert set(NUMBERS) < set(SHARED)


def test_an_absent_package_has_no_version() -> None:
    assert installed_versions(["numpy", "no-such-package"]) == {"numpy": version("numpy"), "no-such-package": ABSENT}


def test_what_is_preloaded_comes_with_a_locked_package() -> None:
    locked, providers = _pins("requirements-spark.txt"), packages_distributions()
    for module in PRELOADED:
        (package,) = {name.lower().replace("_", "-") for name in providers[module.partition(".")[0]]}
        assert package in locked, module


def test_the_images_load_each_of_them() -> None:
    """What their build imports once parts are left out; the packages' own metadata name their modules."""
    tree = ast.parse((ROOT / "include/setup/images.py").read_text(encoding="utf-8"))
    (loaded,) = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_LOADED"
    ]
    code = f"import sys, {loaded['spark']}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = set(done.stdout.split())
    assert [name for name in all_packages() if not _modules_of(name) & modules] == []


def _modules_of(package: str) -> set[str]:
    return {
        module
        for module, providers in packages_distributions().items()
        if package in {name.lower().replace("_", "-") for name in providers}
    }


def test_no_other_list_names_them() -> None:
    """Names of two of them in one tuple or list are such a list."""
    lists = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for folder in ("include/afterbell", "spark_jobs", "dags", "plugins")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Tuple | ast.List | ast.Set) and len(_strings(node) & {*all_packages()}) > 1
    ]
    assert {entry.partition(":")[0] for entry in lists} == {"include/afterbell/packages.py"}


def _strings(node: ast.Tuple | ast.List | ast.Set) -> set[str]:
    return {part.value for part in node.elts if isinstance(part, ast.Constant) and isinstance(part.value, str)}
