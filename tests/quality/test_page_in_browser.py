"""The quality page in a browser: nothing of it is cut, on a desk and on a telephone, and its links lead to the bars."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from tests.accessibility import violations
from tests.browser import chromium, emulate
from tests.quality.test_report import judgement, page_of, report

__all__ = ["judgement", "report"]  # fixtures
_CUT = """
return [...document.querySelectorAll('*')].filter(one => one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 0
    && !one.closest('svg')).map(one => one.tagName + ': ' + one.textContent.slice(0, 80))
"""
_OUTSIDE = "return [document.documentElement.scrollWidth, window.innerWidth]"


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[webdriver.Chrome]:
    with chromium(tmp_path) as found:
        yield found


def test_nothing_is_cut_and_links_lead_to_the_bars(
    browser: webdriver.Chrome, report: dict[str, Any], tmp_path: Path
) -> None:
    long = report["quarantine"][0]["samples"][0]
    long["raw"], long["key"] = "1.23456789," * 300, "prices/" + "x" * 120
    (tmp_path / "page.html").write_text(page_of(report), encoding="utf-8")
    for width in (1280, 400):
        emulate(browser, width, 900)
        browser.get(f"file://{tmp_path / 'page.html'}")
        wide, room = browser.execute_script(_OUTSIDE)
        assert wide <= room, width
        assert browser.execute_script(_CUT) == [], width
        assert long["raw"] in browser.find_element(By.TAG_NAME, "body").text.replace("\n", ""), width
        browser.execute_script("[...document.querySelectorAll('a')].find(one => one.textContent == 'MOVED').click()")
        assert browser.execute_script("return document.querySelector(':target').textContent") == "MOVED"
        assert violations(browser) == [], width
