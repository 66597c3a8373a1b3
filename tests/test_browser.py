"""What tests with a browser rely on: its processes end with it, and what doesn't happen is named."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
from selenium.common.exceptions import SessionNotCreatedException

from tests.browser import chromium, emulate, wait_for, wait_until

_PAGE = "data:text/html,<title>A page</title><p id=shown>Some text</p><p hidden>More text</p>"


def _processes(folder: Path) -> list[str]:
    """Names of the processes that were given a path below ``folder``."""
    lines = [(each.info["name"], each.info["cmdline"] or []) for each in psutil.process_iter(["name", "cmdline"])]
    return [name for name, words in lines if any(str(folder) in word for word in words)]


def _fail_in_a_browser(folder: Path) -> None:
    with chromium(folder) as browser:
        browser.get(_PAGE)
        assert {"chromedriver", "chromium"} <= set(_processes(folder))
        raise ZeroDivisionError


def test_no_process_is_left_after_a_failure(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        _fail_in_a_browser(tmp_path)
    assert _processes(tmp_path) == []


def test_no_driver_is_left_where_the_browser_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "profile").write_text("no folder", encoding="utf-8")
    with pytest.raises(SessionNotCreatedException), chromium(tmp_path):
        pass
    assert _processes(tmp_path) == []


def test_a_proxy_does_not_stand_between_the_test_and_the_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # the port that discards: nobody answers
    with chromium(tmp_path) as browser:
        browser.get(_PAGE)
        assert browser.title == "A page"


def test_waiting_returns_the_first_true_value_or_names_what_did_not_happen(tmp_path: Path) -> None:
    with chromium(tmp_path) as browser:
        browser.get(_PAGE)
        emulate(browser, 390, 844, "dark")
        assert wait_for(browser, "#shown", "a paragraph").text == "Some text"
        assert wait_until(browser, "return innerWidth === arguments[0] && innerWidth", "the width", 390) == 390
        assert wait_until(browser, lambda: browser.title, "a title") == "A page"
        assert browser.execute_script("return matchMedia('(prefers-color-scheme: dark)').matches")
        with pytest.raises(AssertionError, match=r"the end did not happen within 1 s; the page says: Some text$"):
            wait_until(browser, "return false", "the end", seconds=1)
