"""The documentation as a site: what MkDocs is told, what the hook makes of links, and the built pages themselves."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from tests.documents.pages import DOCS, ROOT

_LIMIT = 1800
"""Seconds after which a build hangs."""
_FOREIGN = re.compile(
    r"<(?:script|img|iframe|source)\b[^>]*\bsrc=\"?(?:https?:)?//|<link\b[^>]*\bhref=\"?(?:https?:)?//"
)


_CODE = "`[a](../README.md)`\n\n```\n[a](../README.md)\n```\n"


class Settings(yaml.SafeLoader):
    """YAML of MkDocs, whose tags name functions."""


Settings.add_multi_constructor("tag:yaml.org,2002:python/", lambda _loader, suffix, _node: suffix)
MKDOCS: dict[str, Any] = yaml.load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"), Loader=Settings)  # noqa: S506


def hooks() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hooks", ROOT / "include" / "documents" / "hooks.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def nav_pages(node: Any) -> list[str]:
    if isinstance(node, str):
        return [node]
    children = node.values() if isinstance(node, dict) else node
    return [page for child in children for page in nav_pages(child)]


@pytest.mark.parametrize(
    ("page", "markdown", "expected"),
    [
        ("index.md", "[a](docs/runbook.md#roll-back)", "[a](runbook.md#roll-back)"),
        ("index.md", "[a](CONTRIBUTING.md)", "[a](contributing.md)"),
        ("contributing.md", "[a](docs/how-to/add-a-page.md)", "[a](how-to/add-a-page.md)"),
        ("compose.md", "[a](../README.md)", "[a](index.md)"),
        ("adr/0013-x.md", "[a](../next.md) [b](0012-y.md)", "[a](../next.md) [b](0012-y.md)"),
        ("how-to/x.md", "[a](../../CHANGELOG.md#unreleased)", "[a](../changelog.md#unreleased)"),
        ("compose.md", "[`code`](../docker-compose.yaml) and more", "`code` and more"),
        ("compose.md", "[a](https://x.y/docs/z.md) [b](#here)", "[a](https://x.y/docs/z.md) [b](#here)"),
        ("compose.md", _CODE, _CODE),
        ("index.md", "![Tonight](docs/pictures/tonight.png)", "![Tonight](pictures/tonight.png)"),
    ],
)  # fmt: skip
def test_links_of_the_repository_become_links_of_the_site(page, markdown, expected):
    assert hooks().site_links(markdown, page) == expected


def test_every_room_of_the_library_has_a_page_that_says_what_it_is_for():
    pages = hooks().library_pages()
    rooms = {path.name for path in (ROOT / "include" / "afterbell").iterdir() if (path / "__init__.py").exists()}
    assert {f"reference/library/{room}.md" for room in rooms - {"airflow"}} <= set(pages)
    rows = re.findall(
        r"^\| \[`afterbell\.(\w+)`\]\(\w+\.md\) \| (.*) \|$", pages["reference/library/index.md"], re.MULTILINE
    )
    assert len(rows) == len(pages) - 1
    assert [name for name, summary in rows if len(summary) < 20 and name != "cli"] == []


def test_every_document_is_in_the_navigation():
    made = set(hooks().OUTSIDE.values()) | {"reference/library/index.md"}
    shown = nav_pages(MKDOCS["nav"])
    there = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    left_out = {page for page in there if re.match(r"adr/0|pictures/", page)}  # the list of decisions has the former
    assert len(shown) == len(set(shown))
    assert set(shown) == (there - left_out) | made


def test_the_site_is_strict_and_asks_nobody_for_anything():
    assert MKDOCS["strict"] is True
    assert MKDOCS["theme"]["font"] is False
    assert MKDOCS["extra"] == {"generator": False}
    assert [next(iter(each)) if isinstance(each, dict) else each for each in MKDOCS["plugins"]] == [
        "search",
        "mkdocstrings",
    ]
    assert set(MKDOCS["validation"]["links"].values()) == {"warn"}


def test_docs_is_an_option_of_its_own(tmp_path: Path):
    done = subprocess.run(
        ["python3.11", str(ROOT / "include" / "setup" / "bootstrap.py"), "--docs", "--qlib"],
        env={**os.environ, "AFTERBELL_ENV": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site; made where no address can be reached but this machine's."""
    python = Path(os.environ.get("AFTERBELL_ENV") or ROOT / ".afterbell" / "env") / "docs" / "bin" / "python"
    if not python.exists():
        pytest.skip(f"{python} is missing: `make docs` makes it")
    folder = tmp_path_factory.mktemp("site")
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [str(python), "-m", "mkdocs", "build", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT, env=clean | nowhere | {"NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False,
        timeout=_LIMIT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout + done.stderr == ""
    return folder


def test_the_built_pages_load_nothing_from_elsewhere(site: Path):
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 60
    texts = {page.name: page.read_text(encoding="utf-8") for page in pages}
    assert {name: found[0] for name, text in texts.items() if (found := _FOREIGN.search(text))} == {}
    assert [name for name, text in texts.items() if 'class="mermaid"' in text] == [], "its script would be fetched"
    styles = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    assert re.findall(r"(?:url\(|@import )[\"']?(?:https?:)?//[^)]*", styles) == []


def test_the_built_site_has_the_library_the_search_and_the_words(site: Path):
    calendar = (site / "reference" / "library" / "calendar.html").read_text(encoding="utf-8")
    assert 'id="afterbell.calendar.sessions.Exchange"' in calendar
    assert "knowledge-time" in (site / "glossary.html").read_text(encoding="utf-8")
    index = (site / "search" / "search_index.json").read_text(encoding="utf-8")
    assert "On call at four in the morning" in index
    start = (site / "index.html").read_text(encoding="utf-8")
    assert 'href="tutorials/analyst.html"' in start
