"""Chromium for tests, driven by Selenium, and what Selenium doesn't offer.

Debian's packages ``chromium`` and ``chromium-driver`` bring both programs; tests skip where they are missing.
Selenium loads most of itself with the first browser, so that to collect tests costs little.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from selenium import webdriver
from selenium.common.exceptions import TimeoutException
from selenium.webdriver.common.by import By

if TYPE_CHECKING:
    from selenium.webdriver.remote.webelement import WebElement

_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--force-color-profile=srgb", "--hide-scrollbars",
)  # fmt: skip
_SECONDS = 600
"""Limit of a script, of loading a page and of waiting, on a machine that does much else."""
_BETWEEN = 0.1
"""Seconds between two looks at a page that is waited for."""


@contextlib.contextmanager
def chromium(folder: Path) -> Iterator[webdriver.Chrome]:
    """A headless browser with an empty profile below ``folder``; skips the test where there is none."""
    driver, binary = shutil.which("chromedriver"), shutil.which("chromium")
    if driver is None or binary is None:
        pytest.skip("no browser here: install chromium and chromium-driver (Debian's packages)")
    service = webdriver.ChromeService(driver, log_output=str(folder / "chromedriver.log"))
    browser = webdriver.Chrome(_options(binary, folder / "profile"), service)
    try:
        # The driver itself ends what takes too long, and says what it was.
        browser.command_executor.client_config.timeout = _SECONDS + 30
        yield browser
    finally:
        browser.quit()


def _options(binary: str, profile: Path) -> webdriver.ChromeOptions:
    from selenium.webdriver.common.options import BaseOptions  # noqa: PLC0415

    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in (*_FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    options.timeouts = {"script": _SECONDS * 1000, "pageLoad": _SECONDS * 1000}
    # No proxy stands between us and loopback. Chrome's own method is deprecated, but takes no configuration instead.
    BaseOptions.ignore_local_proxy_environment_variables(options)
    return options


def wait_until(
    browser: webdriver.Chrome,
    condition: str | Callable[[], Any],
    what: str,
    *arguments: Any,
    seconds: int = _SECONDS,
) -> Any:
    """The first value of a condition that is true; asked ten times a second.

    Args:
        browser: to wait for.
        condition: the body of a function to run in the page or frame that is shown, or a function of Python.
        what: names the condition if it does not come true.
        arguments: of the script.
        seconds: limit.

    Raises:
        AssertionError: there was no such value in time; the message has ``what`` and the text of the page.
    """
    from selenium.webdriver.support.wait import WebDriverWait  # noqa: PLC0415

    def value(_: webdriver.Chrome) -> Any:
        return browser.execute_script(condition, *arguments) if isinstance(condition, str) else condition()

    try:
        return WebDriverWait(browser, seconds, _BETWEEN).until(value)
    except TimeoutException:
        text = browser.execute_script("return document.body ? document.body.innerText : ''")
        raise AssertionError(f"{what} did not happen within {seconds} s; the page says: {text[:500]}") from None


def wait_for(browser: webdriver.Chrome, selector: str, what: str) -> WebElement:
    """The first element that a CSS selector matches, once there is one.

    Raises:
        AssertionError: there was none in time; the message has ``what`` and the text of the page.
    """
    element: WebElement = wait_until(browser, lambda: browser.find_element(By.CSS_SELECTOR, selector), what)
    return element


def emulate(browser: webdriver.Chrome, width: int, height: int, scheme: str = "light") -> None:
    """Show pages in a size in CSS pixels, on a system that is light or dark."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
