"""The code version and the environment that a release was made with."""

from __future__ import annotations

import ast
import hashlib
import platform
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import afterbell
from afterbell.packages import NUMBERS


def environment_versions(packages: Iterable[str] = ()) -> dict[str, str]:
    """Versions of Python and of the libraries that the numbers depend on; ``packages`` are further ones."""
    names = dict.fromkeys([*NUMBERS, *packages])
    return {"python": platform.python_version(), **{name: version(name) for name in names}}


@lru_cache(maxsize=1)
def code_version() -> str:
    """The library's version and the SHA-256 (16 hex digits) of the code that models and their figures come from.

    Those are the modules of ``_NUMBERS`` that the steps in ``_ENTRIES`` import, directly or through others. What the
    steps before them computed is pinned otherwise: features by the hashes of their definitions, tables by their
    snapshots. Comments, docstrings and layout are not code: a better explanation does not make another candidate.
    """
    return f"{afterbell.__version__}+{code_digest(_sources(Path(afterbell.__file__).parent))}"


def code_digest(sources: Mapping[str, bytes]) -> str:
    """16 hexadecimal digits of the modules among ``sources`` that make models and judge them.

    Args:
        sources: every module of the library, by its path below the package (``training/fits.py``).

    Raises:
        KeyError: an entry of the computation is missing.
    """
    digest = hashlib.sha256()
    for path, tree in sorted(used_modules(sources).items()):
        digest.update(path.encode() + b"\0" + code_of(tree).encode())
    return digest.hexdigest()[:16]


def used_modules(sources: Mapping[str, bytes]) -> dict[str, ast.Module]:
    """The modules that ``code_digest`` covers, parsed, by their paths."""
    used: dict[str, ast.Module] = {}
    waiting = [*_ENTRIES, *(path for path in sources if path.startswith(_REGISTERED))]
    while waiting:
        path = waiting.pop()
        if path not in used:
            used[path] = ast.parse(sources[path])
            waiting += [name for name in _imports_of(used[path]) if name in sources and _room(name) in _NUMBERS]
    return used


def _room(path: str) -> str:
    return path.partition("/")[0]


def _imports_of(tree: ast.Module) -> Iterator[str]:
    """Paths of the modules of the library that a module may import; ``from a import b`` may name a module or not."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            package, _, module = name.partition(".")
            if package == "afterbell" and module:
                yield f"{module.replace('.', '/')}.py"
                yield f"{module.replace('.', '/')}/__init__.py"


def code_of(tree: ast.Module) -> str:
    """A module's syntax tree as text, without its docstrings: equal for sources that differ in words and layout.

    The docstrings are taken out of ``tree`` itself.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [part for part in node.body if not _is_text(part)]
    return ast.dump(tree)


def _is_text(node: ast.stmt) -> bool:
    """A docstring, or the text behind an attribute that says what it is."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


_ENTRIES = (
    "training/prepare.py",
    "training/spark_fits.py",
    "training/candidate.py",
    "evaluation/candidate_scores.py",
    "evaluation/metrics.py",
    "evaluation/gate.py",
    "evaluation/trial_scores.py",
    "training/search/source.py",
)
"""Where the computation of models begins, of their figures, of the verdict, and of a search."""

_REGISTERED = ("training/families/",)
"""Folders whose modules register themselves: nothing imports them by their names."""

_NUMBERS = frozenset({"calendar", "evaluation", "experiments", "features", "lake", "training"})
"""Rooms that these compute in; what they import of others moves no number."""


def _sources(package: Path) -> dict[str, bytes]:
    if package.is_dir():
        return {path.relative_to(package).as_posix(): path.read_bytes() for path in package.rglob("*.py")}
    with zipfile.ZipFile(package.parent) as archive:
        names = [name for name in archive.namelist() if name.startswith("afterbell/") and name.endswith(".py")]
        return {name.removeprefix("afterbell/"): archive.read(name) for name in names}
