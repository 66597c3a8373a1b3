"""Which code, and in which environment, a release was made with."""

from __future__ import annotations

import ast
import hashlib
import platform
import zipfile
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import afterbell

_LIBRARIES = (
    "pyspark", "numpy", "pandas", "polars", "pyarrow", "lightgbm", "scipy", "great-expectations", "numba", "llvmlite",
    "exchange-calendars", "tzdata",
)  # fmt: skip
"""Whatever computes numbers, or decides which sessions and instants they are of."""


def environment_versions() -> dict[str, str]:
    """Versions of Python and of the libraries that the numbers depend on."""
    return {"python": platform.python_version(), **{name: version(name) for name in _LIBRARIES}}


@lru_cache(maxsize=1)
def code_version() -> str:
    """The library's version and the SHA-256 (16 hex digits) of its code, from a folder or from a zip.

    Comments, docstrings and layout are no code: to explain a line better does not make another candidate.
    """
    digest = hashlib.sha256()
    for name, body in _sources(Path(afterbell.__file__).parent):
        digest.update(name.encode() + b"\0" + code_of(body).encode())
    return f"{afterbell.__version__}+{digest.hexdigest()[:16]}"


def code_of(source: bytes) -> str:
    """A module's syntax tree as text, without its docstrings: equal for sources that differ in words and layout."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [part for part in node.body if not _is_text(part)]
    return ast.dump(tree)


def _is_text(node: ast.stmt) -> bool:
    """A docstring, or the text behind an attribute that says what it is."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


_NUMBERS = (
    "calendar",
    "evaluation",
    "experiments",
    "features",
    "ingest",
    "lake",
    "quality",
    "release",
    "scoring",
    "training",
)


def _sources(package: Path) -> list[tuple[str, bytes]]:
    # Only the rooms that numbers come from: a change of the command line does not make another release.
    if package.is_dir():
        files = sorted(path for path in package.rglob("*.py") if path.relative_to(package).parts[0] in _NUMBERS)
        return [(path.relative_to(package).as_posix(), path.read_bytes()) for path in files]
    with zipfile.ZipFile(package.parent) as archive:
        inside = (name.removeprefix("afterbell/") for name in archive.namelist())
        wanted = sorted(name for name in inside if name.endswith(".py") and name.split("/")[0] in _NUMBERS)
        return [(name, archive.read(f"afterbell/{name}")) for name in wanted]
