"""The words that lint counts: names as tokens, phrases in all text, and not what only looks like them."""

from __future__ import annotations

import pytest

from tests.suite import words
from tests.suite.words import MOST, count_uses, main


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(words, "ROOT", tmp_path)
    (tmp_path / "include").mkdir()
    return tmp_path / "include"


def test_a_name_counts_as_a_token_and_not_within_text_or_another_name(folder):
    (folder / "a.py").write_text('"""What was found."""\nfound = unfounded = 1  # found\nprint(found)\n')
    assert count_uses(folder)["found"] == ["include/a.py:2", "include/a.py:3"]


@pytest.mark.parametrize(
    ("name", "text", "lines"),
    [
        ("a.py", '"""It is told.\n\nTold twice, retold."""\n', {"told": [1, 3]}),
        ("a.html", "<p>The value is\nnone.</p>\n", {"is none": [1]}),
        ("a.py", "if value is None:\n    pass\n", {}),
        ("a.yaml", "help: mend it; mended is another word\n", {"mend": [1]}),
        ("a.csv", "told\n", {}),
    ],
)
def test_a_phrase_counts_in_all_text_at_the_beginning_of_a_sentence_too(folder, name, text, lines):
    (folder / name).write_text(text)
    uses = {word: places for word, places in count_uses(folder).items() if places}
    assert uses == {word: [f"include/{name}:{line}" for line in numbers] for word, numbers in lines.items()}


def test_more_uses_than_are_allowed_fail_with_the_word_and_what_to_write(folder, capsys):
    (folder / "a.md").write_text("told\n" * MOST)
    assert main([]) == 0
    (folder / "b.md").write_text("told\n")
    assert main([]) == 1
    assert f"'told' is used {MOST + 1} times in include, at most {MOST} are allowed: write" in capsys.readouterr().out
