"""What MkDocs can't do by itself: pages of files that lie outside ``docs``, and a page of the library for each room.

The README, CONTRIBUTING.md and CHANGELOG.md are pages of the site; links between them and ``docs`` work in both places.
MkDocs calls the functions by their names (``mkdocs.yml``); it runs in an environment of its own, which has nothing else
of the project.
"""

from __future__ import annotations

import ast
import posixpath
import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))  # MkDocs loads this file by its path
from rooms import MARK, draw_rooms, read_layers  # type: ignore[import-not-found]

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "include" / "afterbell"
OUTSIDE = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
"""Pages of the site by the files of the project's root that they are."""
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s#]*)(#[^()\s]*)?\)")
_FENCE = re.compile(r"(^```.*?^```$|`[^`\n]+`)", re.MULTILINE | re.DOTALL)
_PAGE = "---\ntitle: {name}\n---\n\n::: {name}\n    options:\n      heading_level: 1\n"
_LEFT_OUT = {"__pycache__", "airflow"}
"""Not in the reference: it shows what may be called from a notebook or a job, and that is not what Airflow loads."""


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that are no files of ``docs``."""
    from mkdocs.structure.files import File  # noqa: PLC0415 - tests read this module without MkDocs

    pages = {page: (ROOT / name).read_text(encoding="utf-8") for name, page in OUTSIDE.items()} | library_pages()
    for page, text in pages.items():
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Point the links of a page to pages of the site, and draw the rooms where it wants them."""
    if MARK in markdown:
        markdown = markdown.replace(MARK, draw_rooms(read_layers(ROOT / "pyproject.toml"), _summary))
    return site_links(markdown, page.file.src_uri)


def site_links(markdown: str, page: str) -> str:
    """The text of ``page`` with its links as the site needs them.

    Args:
        markdown: as it is written in the repository, where it works too.
        page: its path within the site, such as ``adr/index.md``.
    """
    source = next((name for name, other in OUTSIDE.items() if other == page), f"docs/{page}")

    def change(link: re.Match[str]) -> str:
        picture, text, target, anchor = link[1], link[2], link[3], link[4] or ""
        if not target or "://" in target or target.startswith("mailto:"):
            return link[0]
        place = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        site_page = OUTSIDE.get(place) or (place.removeprefix("docs/") if place.startswith("docs/") else None)
        if site_page is None:
            return text  # a file of the project, which the site doesn't have
        return f"{picture}[{text}]({posixpath.relpath(site_page, posixpath.dirname(page) or '.')}{anchor})"

    # Code stands aside while links are changed, and comes back: a link's text may have code in it.
    kept: list[str] = []

    def aside(code: re.Match[str]) -> str:
        kept.append(code[0])
        return f"\0{len(kept) - 1}\0"

    changed = _LINK.sub(change, _FENCE.sub(aside, markdown))
    return re.sub(r"\0(\d+)\0", lambda mark: kept[int(mark[1])], changed)


def library_pages() -> dict[str, str]:
    """A page of the reference for each room of the library, and the list of them; texts by path within the site."""
    rooms = sorted(path for path in LIBRARY.iterdir() if path.name not in _LEFT_OUT)
    names = [path.stem for path in rooms if path.is_dir() or (path.suffix == ".py" and path.name != "__init__.py")]
    pages = {f"reference/library/{name}.md": _PAGE.format(name=f"afterbell.{name}") for name in names}
    lines = [f"| [`afterbell.{name}`]({name}.md) | {_summary(name)} |" for name in names]
    head = "# The library\n\nOut of the docstrings of `include/afterbell`.\n\n| package | concern |\n|---|---|\n"
    return pages | {"reference/library/index.md": head + "\n".join(lines) + "\n"}


def _summary(name: str) -> str:
    folder = LIBRARY / name
    file = folder / "__init__.py" if folder.is_dir() else LIBRARY / f"{name}.py"
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return text.split("\n\n")[0].replace("\n", " ").replace("|", "\\|")
