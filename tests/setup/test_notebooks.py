"""The example notebooks of the image: whole, without outputs, and of no particular machine."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "include" / "containers" / "notebooks").glob("*.ipynb"))
NAMES = [path.stem for path in NOTEBOOKS]
each = pytest.mark.parametrize("notebook", NOTEBOOKS, ids=NAMES)

FORBIDDEN = {
    "an address": re.compile(r"\b[a-z][a-z0-9+.-]*://", re.IGNORECASE),
    "a host with a port": re.compile(
        r"\b(?:localhost|\d{1,3}(?:\.\d{1,3}){3}|[a-z][a-z0-9.-]*[a-z0-9]):\d{2,5}\b", re.IGNORECASE
    ),
    "a path of a machine": re.compile(
        r"(?<![\w./<])~?/(?:home|root|work|tmp|opt|srv|usr|var|etc|mnt|data|Users)\b|\b[A-Z]:\\"
    ),
    "a key": re.compile(
        r"AKIA[0-9A-Z]{16}|-----BEGIN|\b[A-Za-z0-9+/_-]{40,}={0,2}(?![\w-])"
        r"|(?:secret|password|passwd|token|access_?key)\w*[\"']?\s*[:=]\s*[\"'][^\"']+[\"']",
        re.IGNORECASE,
    ),
}
UNPICKLING = {"pickle", "cloudpickle", "joblib", "dill"}


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def cells(path: Path, kind: str = "") -> list[tuple[str, dict[str, Any]]]:
    """The cells of a kind, or all, with their text."""
    found = [cell for cell in read(path)["cells"] if cell["cell_type"] == kind or not kind]
    return [("".join(cell["source"]), cell) for cell in found]


def reasons(text: str) -> list[str]:
    return [name for name, pattern in FORBIDDEN.items() if pattern.search(text)]


def test_the_image_has_its_three_notebooks() -> None:
    assert NAMES == ["01-bars-as-of-a-date", "02-explore-features", "03-open-a-release"]


@each
def test_it_is_a_notebook_of_format_4_5(notebook: Path) -> None:
    found = read(notebook)
    assert (found["nbformat"], found["nbformat_minor"]) == (4, 5)
    assert found["metadata"]["kernelspec"]["name"] == "python3"
    ids = [cell["id"] for cell in found["cells"]]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name) for name in ids)
    assert {cell["cell_type"] for cell in found["cells"]} == {"markdown", "code"}
    assert found["cells"][0]["cell_type"] == "markdown"


@each
def test_it_holds_no_outputs(notebook: Path) -> None:
    found = cells(notebook, "code")
    assert all(cell["outputs"] == [] for _, cell in found)
    assert all(cell["execution_count"] is None for _, cell in found)
    assert not any("attachments" in cell for _, cell in cells(notebook))


@each
def test_every_code_cell_compiles(notebook: Path) -> None:
    for text, cell in cells(notebook, "code"):
        compile(text, f"{notebook.name}, {cell['id']}", "exec")


@each
def test_it_names_no_machine_and_no_key(notebook: Path) -> None:
    found = {cell["id"]: reasons(text) for text, cell in cells(notebook)}
    assert {name: told for name, told in found.items() if told} == {}


@each
def test_it_unpickles_nothing(notebook: Path) -> None:
    tree = ast.parse("\n".join(text for text, _ in cells(notebook, "code")))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    called = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not UNPICKLING & {name.split(".")[0] for name in imported}
    assert not {"read_pickle", "to_pickle"} & called


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("open('http://s3:8333')", ["an address", "a host with a port"]),
        ("connect('namenode:9870')", ["a host with a port"]),
        ("connect('127.0.0.1:8080')", ["a host with a port"]),
        ("open('/home/somebody/lake.db')", ["a path of a machine"]),
        ("secret_key = 'abc'", ["a key"]),
        ("{'aws_secret_access_key': \"abc\"}", ["a key"]),
        ("'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY0'", ["a key"]),
        ("rows[1:10], {'a': 12}, 10 / 2, 'drops / rows'", []),
        ("for name in values: 10", []),
    ],
)
def test_what_counts_as_a_machine_or_a_key(text: str, told: list[str]) -> None:
    assert reasons(text) == told
