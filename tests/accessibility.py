"""What axe-core finds wrong with a page, for people who see badly, have the keyboard alone, or have a page read out."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

from selenium import webdriver

_RUN = """
const kinds = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'];
return axe.run(document, {runOnly: kinds, resultTypes: ['violations']}).then(found => found.violations.map(
  each => each.id + ': ' + each.help + ': ' + each.nodes.slice(0, 3).map(node => node.html.slice(0, 160)).join(' | ')));
"""


@lru_cache(maxsize=1)
def _script() -> str:
    return files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")


def violations(browser: webdriver.Chrome) -> list[str]:
    """The rules that the page shown breaks, each with what breaks it; WCAG 2.1 A and AA, and good practice."""
    browser.execute_script(_script())
    return list(browser.execute_script(_RUN))
