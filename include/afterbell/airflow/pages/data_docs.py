"""Data Docs: the pages that Great Expectations left on the machine of the driver, where that is this machine.

They lie below ``AFTERBELL_HOME/quality/<run>/data_docs``. On a cluster they lie elsewhere; the quality report in the
store holds the same.
"""

from __future__ import annotations

from pathlib import Path

from afterbell.config.platform import Folders

_MOST = 2_000
_SHOWN = 8
_KINDS = {".html": "text/html; charset=utf-8", ".css": "text/css", ".png": "image/png", ".svg": "image/svg+xml"}


def docs_folder(slug: str) -> Path | None:
    """The folder of a run's Data Docs, if it is on this machine; ``slug`` has been checked."""
    folder = Folders.from_env().home / "quality" / slug / "data_docs"
    return folder if (folder / "index.html").is_file() else None


def docs_pages(slug: str) -> list[dict[str, str]]:
    """The page of each suite of a run; the index that leads to them is drawn by scripts, which don't run here."""
    folder = docs_folder(slug)
    if folder is None:
        return []
    pages = sorted(folder.glob("validations/*/**/*.html"))[:_SHOWN]
    return [{"suite": page.relative_to(folder).parts[1], "page": page.relative_to(folder).as_posix()} for page in pages]


def docs_page(slug: str, name: str) -> tuple[bytes, str] | None:
    """One file of them and its media type; None where no file has that name.

    The name is looked for among the files that are there and never becomes a path itself.
    """
    folder = docs_folder(slug)
    if folder is None:
        return None
    known = {path.relative_to(folder).as_posix(): path for path in _files(folder)}
    path = known.get(name)
    if path is None or path.suffix not in _KINDS or not path.resolve().is_relative_to(folder.resolve()):
        return None
    return path.read_bytes(), _KINDS[path.suffix]


def _files(folder: Path) -> list[Path]:
    files: list[Path] = []
    for path in folder.rglob("*"):
        if path.is_file():
            files.append(path)
        if len(files) >= _MOST:
            break
    return files
