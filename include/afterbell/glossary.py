"""Terms of the pages and the documentation, read from ``docs/glossary.md``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from afterbell.errors import ConfigError

GLOSSARY = Path(__file__).resolve().parents[2] / "docs" / "glossary.md"
_ENTRY = re.compile(r"^## (?P<term>.+)\n\n(?P<text>(?:(?!## ).*\n?)+)", re.MULTILINE)


@dataclass(frozen=True)
class GlossaryEntry:
    """One term.

    Attributes:
        term: as it stands at the beginning of a sentence, such as ``Knowledge time``.
        text: what it means, in plain text; code stands between backticks.
        anchor: its part of an address, such as ``knowledge-time``.
    """

    term: str
    text: str
    anchor: str


@lru_cache(maxsize=1)
def glossary() -> tuple[GlossaryEntry, ...]:
    """All terms in alphabetical order.

    Raises:
        ConfigError: the file is missing, as in an installation of the library alone.
    """
    if not GLOSSARY.is_file():
        raise ConfigError(f"{GLOSSARY} is missing: the glossary is a file of the project; put `docs/glossary.md` there")
    return entries(GLOSSARY.read_text(encoding="utf-8"))


def entries(markdown: str) -> tuple[GlossaryEntry, ...]:
    """The words of a page that has a heading of the second level for each, in the order of the page."""
    return tuple(
        GlossaryEntry(entry["term"].strip(), " ".join(entry["text"].split()), anchor(entry["term"]))
        for entry in _ENTRY.finditer(markdown)
    )


def anchor(term: str) -> str:
    """The part of an address that leads to a heading: small letters, hyphens for blanks, nothing else."""
    return re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", term.strip().lower()))
