"""What CONTRIBUTING.md names is there, hooks are local, and packages that only tests need stay out of the images."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^ \\;]+)", re.MULTILINE)
IMAGES = ["requirements.txt", "requirements-spark.txt", "requirements-server.txt", "requirements-notebook.txt"]


def targets(text: str) -> set[str]:
    return set(re.findall(r"\bmake ([a-z][a-z-]*)(?=[ `\n])", "".join(re.findall(r"`[^`]+`", text))))


def paths(text: str) -> set[str]:
    """Links, tests given as ``T=``, and words in code that begin with a folder or file of the root."""
    words = re.findall(r"[^\s`'|]+", " ".join(re.findall(r"```.*?```|`[^`]+`", text, flags=re.DOTALL)))
    words = [word.removeprefix("T=") for word in words]
    tops = {path.name for path in ROOT.iterdir()} - {".afterbell"}
    named = {word for word in words if word.split("/")[0] in tops and not re.search(r"[<*]", word)}
    links = {link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link}
    return named | links


def pins(name: str) -> dict[str, str]:
    found = PIN.findall((ROOT / name).read_text(encoding="utf-8"))
    return {package.lower().replace("_", "-"): version for package, version in found}


def test_the_commands_of_the_guide_are_targets_of_the_makefile() -> None:
    there = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert {"setup", "check", "test", "test-failed", "test-durations"} <= targets(CONTRIBUTING) <= there


def test_the_paths_of_the_guide_exist() -> None:
    named = paths(CONTRIBUTING)
    assert {"tests/by_hand.py", "tests/suite/rooms.py", "docs/sources.md"} <= named
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


def test_a_command_or_path_that_is_not_there_would_be_noticed() -> None:
    text = "`make nothing T=tests/nowhere.py::name`, ![x](docs/absent.md#part), `tests/cli`"
    assert targets(text) == {"nothing"}
    assert paths(text) == {"tests/nowhere.py::name", "docs/absent.md", "tests/cli"}


def test_hooks_of_pre_commit_are_local_and_run_what_set_up_has_made() -> None:
    repos = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert {repo["repo"] for repo in repos} == {"local"}
    hooks = [hook for repo in repos for hook in repo["hooks"]]
    assert [hook["id"] for hook in hooks] == ["style", "format", "types"]
    for hook in hooks:
        assert hook["language"] == "system"
        assert "${AFTERBELL_ENV:-.afterbell/env}/" in hook["entry"]


@pytest.mark.parametrize("name", IMAGES)
def test_no_package_that_only_tests_need_is_in_an_image(name: str) -> None:
    lines = (ROOT / "requirements-test.in").read_text(encoding="utf-8").splitlines()
    asked = {line for line in lines if line and not line.startswith(("#", "-"))}
    assert {"pytest", "pytest-xdist"} <= asked <= set(pins("requirements-test.txt"))
    assert asked & set(pins(name)) == set()


@pytest.mark.parametrize("name", IMAGES)
def test_a_package_that_tests_and_images_need_has_one_version(name: str) -> None:
    tests, image = pins("requirements-test.txt"), pins(name)
    both = sorted(set(tests) & set(image))
    assert "packaging" in both
    assert {package: tests[package] for package in both} == {package: image[package] for package in both}


def test_a_wheel_has_every_file_of_the_library() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    library = ROOT / "include" / "afterbell"
    files = {path for path in library.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    packed = {path for path in files if path.suffix == ".py" and (path.parent / "__init__.py").exists()}
    for package, patterns in settings["package-data"].items():
        folder = ROOT.joinpath("include", *package.split("."))
        packed |= {path for pattern in patterns for path in folder.glob(pattern)}
    assert files - packed == set()
