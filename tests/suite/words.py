"""``python -m tests.suite.words``: words that the documentation standard replaces, counted in ``include``.

Names are counted as tokens of Python, phrases in all text: code, docstrings, messages and templates. With a folder as
an argument the places below it are printed.
"""

from __future__ import annotations

import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

from tests.suite.rooms import ROOT

MOST = 19
"""Uses of each that are allowed in all of ``include``."""
NAMES = {"found": "the noun it is: drops, rows, path", "wanted": "the noun it is: missing_columns, commit"}
PHRASES = {
    "told": "given, reported, stated; or name the thing",
    "said": "printed, reported, stated; or name the thing",
    "comes to nothing": "fails",
    "for want of": "because … is missing",
    "mend": "fix, correct",
    "is none": "is not a valid …, is missing, there is no …",
}
_TEXT = {".py", ".html", ".yaml", ".sh", ".js", ".css", ".md"}


def count_uses(folder: Path) -> dict[str, list[str]]:
    """Where each word is used below ``folder``, as ``file:line``; every word has an entry."""
    uses: dict[str, list[str]] = {word: [] for word in (*NAMES, *PHRASES)}
    for path in sorted(folder.rglob("*")):
        if path.suffix in _TEXT and "__pycache__" not in path.parts:
            for word, line in _uses_in(path):
                uses[word].append(f"{path.relative_to(ROOT)}:{line}")
    return uses


def _uses_in(path: Path) -> Iterator[tuple[str, int]]:
    text = path.read_text()
    for word in PHRASES:
        phrase = word.replace(" ", r"\s+")
        # At the beginning of a sentence, too; but not Python's `is None`.
        for match in re.finditer(rf"\b(?:{phrase}|{phrase.capitalize()})\b", text):
            yield word, text.count("\n", 0, match.start()) + 1
    if path.suffix == ".py":
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.NAME and token.string in NAMES:
                yield token.string, token.start[0]


def main(argv: list[str]) -> int:
    """Print the words that are used too often, or all places below a folder; the exit status."""
    if argv:
        for word, places in count_uses(ROOT / argv[0]).items():
            print(f"{word}: {len(places)}", *places, sep="\n  ")
        return 0
    many = {word: places for word, places in count_uses(ROOT / "include").items() if len(places) > MOST}
    for word, places in many.items():
        advice = NAMES.get(word) or PHRASES[word]
        print(f"{word!r} is used {len(places)} times in include, at most {MOST} are allowed: write {advice}")
        print("  " + ", ".join(places[:5]) + (", …" if len(places) > 5 else ""))
    return 1 if many else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
