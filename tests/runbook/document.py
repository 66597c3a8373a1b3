"""``docs/runbook.md`` as a test reads it: its commands, and what it says of each error."""

from __future__ import annotations

import re
from pathlib import Path

RUNBOOK = Path(__file__).resolve().parents[2] / "docs" / "runbook.md"
_ROW = re.compile(r"^\| (?P<error>`\w+`.*?|`driver .*?) \| (?P<meaning>.*?) \| (?P<remedy>.*?) \|$", re.MULTILINE)


def section(title: str) -> str:
    """The text below a heading, up to the next one."""
    page = RUNBOOK.read_text(encoding="utf-8")
    found = re.search(rf"^## {re.escape(title)}$\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    assert found, f"{RUNBOOK.name} has no section {title!r}"
    return found[1]


def errors() -> dict[str, str]:
    """What to do, by error, out of the table of *A run failed*."""
    return {found["error"]: found["remedy"] for found in _ROW.finditer(section("A run failed"))}


def commands(title: str) -> list[str]:
    """The command lines of a section, in their order: those of its blocks, and those within its sentences."""
    whole = section(title)
    lines = re.findall(r"^(\./afterbell [^#\n]+?)\s*(?:#.*)?$", whole, re.MULTILINE)
    return lines + re.findall(r"`(\./afterbell [^`\n]+)`", whole)


def command(title: str, words: str) -> str:
    """The first command of a section that has ``words`` in it."""
    found = [each for each in commands(title) if words in each]
    assert found, f"{RUNBOOK.name}, {title!r}: no command with {words!r}; there are {commands(title)}"
    return found[0]
