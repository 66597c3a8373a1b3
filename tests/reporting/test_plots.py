"""A plot is safe to put beside others on a page: its texts are escaped, and no name in it is another plot's."""

from __future__ import annotations

import re
from datetime import date
from html import unescape

import numpy as np
from markupsafe import Markup

from afterbell.reporting import plots

NASTY = "</svg><script>alert('x')</script>"
DAYS = [date(2026, 6, day) for day in (26, 29, 30)]


def curve(last: float) -> Markup:
    return plots.lines(
        f"Sum {NASTY}", DAYS, {f"one {NASTY}": np.array([0.0, 1.0, last]), "two": np.zeros(3)}, level=0.0, unit=NASTY
    )


def test_texts_are_escaped() -> None:
    drawn = curve(2.0)
    assert isinstance(drawn, Markup)
    assert "<script" not in drawn
    texts = {unescape(text) for text in re.findall(r"<text[^>]*>(.*?)</text>", drawn)}
    assert {f"Sum {NASTY}", f"one {NASTY}", NASTY, "two"} <= texts


def test_names_are_unique_on_a_page_and_what_refers_to_them_does() -> None:
    first, second = curve(2.0), curve(2.5)
    names = [set(re.findall(r' id="([^"]+)"', drawn)) for drawn in (first, second)]
    assert all(names)
    assert names[0] & names[1] == set()
    for drawn, own in zip((first, second), names, strict=True):
        assert len(re.findall(r' id="', drawn)) == len(own)
        referred = set(re.findall(r'(?:href="|url\()#([^")]+)', drawn))
        assert referred
        assert referred <= own
    assert curve(2.0) == first
