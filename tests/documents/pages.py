"""The project's documents as tests read them: links, anchors, commands, and names of files."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
_CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+)\)")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_MADE = {"reference/library/index.md"}
"""Pages that only the built site has."""


def documents() -> list[Path]:
    """Every document of the project, the README first."""
    outside = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
    return [*outside, *sorted(DOCS.rglob("*.md"))]


def name_of(path: Path) -> str:
    """The path of a document from the project's root."""
    return path.relative_to(ROOT).as_posix()


def links(text: str) -> list[str]:
    """Where the links of a page lead, in their order; code has none."""
    prose = re.sub(r"`[^`\n]+`", "", _CODE.sub("", _COMMENT.sub("", text)))
    return _LINK.findall(prose)


def anchors(text: str) -> set[str]:
    """The addresses of the headings of a page."""
    found: dict[str, int] = {}
    result = set()
    for heading in re.findall(r"^#{1,6} (.+)$", _CODE.sub("", text), flags=re.MULTILINE):
        slug = re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", heading.strip().lower()))
        count = found.get(slug, 0)
        found[slug] = count + 1
        result.add(f"{slug}_{count}" if count else slug)
    return result


def broken_links(path: Path, text: str) -> list[str]:
    """The links of a document that lead to no file, or to no heading of it."""
    bad = []
    for link in links(text):
        if "://" in link or link.startswith("mailto:"):
            continue
        place, _, anchor = link.partition("#")
        target = (path.parent / place).resolve() if place else path
        if not target.exists() or (
            anchor and target.suffix == ".md" and anchor not in anchors(target.read_text(encoding="utf-8"))
        ):
            bad.append(link)
    return bad


def commands(text: str) -> list[list[str]]:
    """The ``./afterbell`` commands of a page as words, of its blocks and of its sentences; comments are cut off."""
    blocks = [line for block in _CODE.findall(text) for line in block.splitlines()]
    spans = re.findall(r"`([^`\n]+)`", _CODE.sub("", text))
    found = []
    for line in [*blocks, *spans]:
        typed = re.match(r"\s*(?:[A-Z_]+=\S+ )*\./afterbell\b(.*)$", line)
        if typed:
            found.append(_words(typed[1]))
    return [words for words in found if words]


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text.split(")", maxsplit=1)[0] if "<(" in text else text, comments=True)
    except ValueError:  # a quotation that goes on elsewhere
        return text.split()


def targets(text: str) -> set[str]:
    """The targets of ``make`` that a page names in code."""
    code = "\n".join([*_CODE.findall(text), *re.findall(r"`([^`\n]+)`", _CODE.sub("", text))])
    return set(re.findall(r"(?:^|\n|&& )make ([a-z][a-z-]*)", code))


def files(text: str) -> set[str]:
    """Paths of the project that a page names in code: words that begin with one of its folders."""
    code = " ".join([*_CODE.findall(text), *re.findall(r"`([^`\n]+)`", _CODE.sub("", text))])
    words = {word.rstrip(".,:;)") for word in re.findall(r"[^\s`'\"|(]+", code)}
    tops = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")} - {"build"}
    return {
        word for word in words if word.split("/")[0] in tops and "/" in word and not re.search(r"[<*{$=…]|\.\.\.", word)
    }
