"""The quality page in a browser: nothing of it is cut, on a desk and on a telephone, and its links lead to the bars."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.accessibility import violations
from tests.browser import Browser, chromium
from tests.quality.test_report import judgement, page_of, report

__all__ = ["judgement", "report"]  # fixtures
_CUT = """
return [...document.querySelectorAll('*')].filter(one => one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 0
    && !one.closest('svg')).map(one => one.tagName + ': ' + one.textContent.slice(0, 80))
"""
_OUTSIDE = "return [document.documentElement.scrollWidth, window.innerWidth]"


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    with chromium(tmp_path) as found:
        yield found


def test_nothing_is_cut_and_links_lead_to_the_bars(browser: Browser, report: dict[str, Any], tmp_path: Path) -> None:
    long = report["quarantine"][0]["samples"][0]
    long["raw"], long["key"] = "1.23456789," * 300, "prices/" + "x" * 120
    (tmp_path / "page.html").write_text(page_of(report), encoding="utf-8")
    for width in (1280, 400):
        browser.shape(width, 900)
        browser.open(f"file://{tmp_path / 'page.html'}")
        wide, room = browser.run(_OUTSIDE)
        assert wide <= room, width
        assert browser.run(_CUT) == [], width
        assert long["raw"] in browser.text().replace("\n", ""), width
        browser.run("[...document.querySelectorAll('a')].find(one => one.textContent == 'MOVED').click()")
        assert browser.run("return document.querySelector(':target').textContent") == "MOVED"
        assert violations(browser) == [], width
