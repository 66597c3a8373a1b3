"""Data Docs have no link that leads to a file which isn't there."""

from __future__ import annotations

from pathlib import Path

import pytest

from afterbell.quality.docs import without_dead_links


@pytest.mark.parametrize(
    ("html", "left"),
    [
        ('<a href="there.html">a page</a>', '<a href="there.html">a page</a>'),
        ('<a class="x" href="gone.html">a <b>page</b></a>', "a <b>page</b>"),
        (
            '<a href="../gone/there.html" >one</a> <a href="there.html#two">two</a>',
            'one <a href="there.html#two">two</a>',
        ),
        ('<a href="#part">part</a>', '<a href="#part">part</a>'),
        ('<a href="https://example.com/x">out</a>', '<a href="https://example.com/x">out</a>'),
        ('<link rel="icon" href="there.html"><p>x</p>', "<p>x</p>"),
        ('<link rel="stylesheet" href="there.html?v=1">', '<link rel="stylesheet" href="there.html?v=1">'),
        ('<a\n  href="gone.html"\n>two\nlines</a>', "two\nlines"),
        ('<a name="here">no link</a>', '<a name="here">no link</a>'),
    ],
)
def test_a_link_to_a_file_that_is_not_there_leaves_its_text(tmp_path: Path, html: str, left: str) -> None:
    (tmp_path / "there.html").write_text("")
    assert without_dead_links(html, tmp_path) == left
