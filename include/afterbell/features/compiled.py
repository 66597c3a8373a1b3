"""Kernels compiled by Numba for the current processor, and kept on disk for the next process.

Compiling takes a second a kernel, loading a compiled one milliseconds. Numba keeps what it compiled by the path and
the time stamp of a source file; the library reaches executors as an archive in a folder of its own each time, so here
the key is the text of the sources. The folder is the user's own, since what lies there is run as code:
``AFTERBELL_KERNEL_CACHE``, or ``afterbell/kernels`` in the user's cache folder. Where it can't be written, or others
could put their code there, every process compiles again.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import inspect
import os
import stat
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core.caching import CacheImpl, _CacheLocator

Compute = TypeVar("Compute", bound=Callable[..., Any])


class SourceLocator(_CacheLocator):
    """Where Numba keeps a compiled function: by the text of its module and of the modules that it imports from here."""

    def __init__(self, function: Callable[..., Any], _path: str) -> None:
        self._line = function.__code__.co_firstlineno
        self._stamp = sources_digest(function.__module__)
        self._folder = cache_folder() / self._stamp[:16]

    def get_cache_path(self) -> str:
        """The folder."""
        return str(self._folder)

    def get_source_stamp(self) -> str:
        """What makes a kept function stale when it changes."""
        return self._stamp

    def get_disambiguator(self) -> str:
        """Distinguishes functions of the same name."""
        return str(self._line)

    @classmethod
    def from_function(cls, function: Callable[..., Any], path: str) -> SourceLocator | None:
        """The place for ``function``; None where it can't be written or is not ours alone."""
        if not function.__module__.startswith(_ROOM):
            return None
        locator = cls(function, path)
        try:
            locator._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            locator.ensure_cache_path()  # type: ignore[no-untyped-call]
        except OSError:
            return None
        return locator if _is_ours(locator._folder.resolve()) else None


def compiled(function: Compute) -> Compute:
    """Compile ``function`` at its first call, for one thread, keeping the order of all sums as it is written.

    No fast mathematics: the same values give the same bits, whatever else the machine does.
    """
    # Nowhere else: Numba's own folders may be another's, and one it can't write would fail the first call.
    kept = SourceLocator.from_function(function, "") is not None
    return cast("Compute", numba.njit(cache=kept, error_model="numpy", nogil=True)(function))


@dataclass(frozen=True)
class Kernel:
    """A compiled kernel: see ``kernels`` for what it takes.

    Attributes:
        function: the compiled function.
        answers: how many answers it gives for each window.
        module: where it is defined.
        name: its name there.
    """

    function: Callable[..., None]
    answers: int
    module: str
    name: str

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str, str]]:
        """By its name: Numba would send the source, which its receiver compiles without looking for a kept kernel."""
        return _load_kernel, (self.module, self.name)


def _load_kernel(module: str, name: str) -> Kernel:
    return cast("Kernel", getattr(importlib.import_module(module), name))


def kernel(answers: int = 1) -> Callable[[Callable[..., None]], Kernel]:
    """Make a kernel of a function that gives ``answers`` answers."""

    def make(function: Callable[..., None]) -> Kernel:
        return Kernel(compiled(function), answers, function.__module__, function.__name__)

    return make


def cache_folder() -> Path:
    """Where compiled kernels are kept."""
    named, home = os.environ.get("AFTERBELL_KERNEL_CACHE"), os.environ.get("XDG_CACHE_HOME")
    if named:
        return Path(named)
    try:
        base = Path(home) if home else Path.home() / ".cache"
    except RuntimeError:  # an executor may have no home
        base = Path(tempfile.gettempdir()) / f"afterbell-{os.getuid()}"
    return base / "afterbell" / "kernels"


@cache
def sources_digest(module: str) -> str:
    """64 hexadecimal digits that change with the text of ``module`` or of a module of this room that it uses."""
    digest = hashlib.sha256()
    for name in sorted(used_modules(module)):
        digest.update(name.encode() + b"\0" + inspect.getsource(sys.modules[name]).encode())
    return digest.hexdigest()


def used_modules(module: str) -> set[str]:
    """``module`` and the modules of this room that it imports from, and those that they import from."""
    modules: set[str] = set()
    pending = [module]
    while pending:
        name = pending.pop()
        if name not in modules:
            modules.add(name)
            pending += _imports_of(name)
    return modules


@cache
def _imports_of(module: str) -> list[str]:
    """From the text of its imports: a constant that it takes from elsewhere does not record its module."""
    nodes = list(ast.walk(ast.parse(inspect.getsource(sys.modules[module]))))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return [name for name in names if name.startswith(f"{_ROOM}.") and name in sys.modules]


def _is_ours(folder: Path) -> bool:
    """Whether no other user can write there, nor put another folder in its place."""
    status = folder.stat()
    others = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return status.st_uid == os.getuid() and not others and not any(map(_is_open_to_others, folder.parents))


def _is_open_to_others(parent: Path) -> bool:
    status = parent.stat()
    owned = status.st_uid in {0, os.getuid()}
    return not owned or bool(status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX)


_ROOM = "afterbell.features"
CacheImpl._locator_classes.insert(0, SourceLocator)  # noqa: SLF001 - Numba's public switch names classes for all code
