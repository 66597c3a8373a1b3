"""The glossary as data: what a page, a report or a test reads is what stands in ``docs/glossary.md``."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from afterbell import glossary as room
from afterbell.errors import ConfigError
from afterbell.glossary import GLOSSARY, GlossaryEntry, entries, glossary

NEEDED = {
    "Session", "Drop", "Revision", "Knowledge time", "Snapshot", "Candidate", "Release", "Champion", "Gate", "Fold",
    "Factor set", "Instrument", "Quarantine", "Held",
}  # fmt: skip


def test_a_page_gives_its_words_with_text_and_anchor() -> None:
    page = "# Words\n\nAbout them.\n\n## Knowledge time\n\nWhen it was\nknown.\n\nMore.\n\n## IC\n\nA `figure`.\n"
    assert entries(page) == (
        GlossaryEntry("Knowledge time", "When it was known. More.", "knowledge-time"),
        GlossaryEntry("IC", "A `figure`.", "ic"),
    )


def test_a_page_without_words_gives_none() -> None:
    assert entries("# Words\n\nNone yet.\n") == ()


def test_every_heading_of_the_page_is_a_word_and_the_words_that_people_ask_for_are_there() -> None:
    headings = re.findall(r"^## (.+)$", GLOSSARY.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert [entry.term for entry in glossary()] == headings
    assert set(headings) >= NEEDED


def test_words_stand_by_the_alphabet_once_each() -> None:
    terms = [entry.term.lower() for entry in glossary()]
    assert terms == sorted(set(terms))


@pytest.mark.parametrize("entry", glossary(), ids=lambda entry: entry.anchor)
def test_a_word_is_explained_in_one_to_three_plain_sentences(entry: GlossaryEntry) -> None:
    sentences = [part for part in re.split(r"(?<=[.:;])\s+", entry.text) if part.endswith(".")]
    assert 1 <= len(sentences) <= 3
    assert len(entry.text.split()) <= 60
    assert "<" not in entry.text


def test_an_installation_without_the_file_says_which_one_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(room, "GLOSSARY", tmp_path / "glossary.md")
    with pytest.raises(ConfigError, match=re.escape(str(tmp_path / "glossary.md"))):
        glossary.__wrapped__()
