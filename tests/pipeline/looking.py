"""Looking at the Afterbell pages in a real browser: as somebody who sees well, badly, or has the keyboard alone."""

from __future__ import annotations

from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.by import By

from tests.airflow_api import password_of
from tests.browser import wait_for, wait_until

PAGES = ("tonight", "sessions", "releases", "backfills", "experiments", "backfills/new", "experiments/new")
FRAME = "iframe[title=Afterbell]"

_CONTRAST = """
const context = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
function rgb(colour) {
  context.clearRect(0, 0, 1, 1); context.fillStyle = colour; context.fillRect(0, 0, 1, 1);
  const found = context.getImageData(0, 0, 1, 1).data;
  return [found[0], found[1], found[2], found[3] / 255];
}
function luminance([r, g, b]) {
  const parts = [r, g, b].map(each => each / 255).map(
    each => each <= .04045 ? each / 12.92 : ((each + .055) / 1.055) ** 2.4);
  return .2126 * parts[0] + .7152 * parts[1] + .0722 * parts[2];
}
function behind(element) {
  for (let each = element; each; each = each.parentElement) {
    const found = rgb(getComputedStyle(each).backgroundColor);
    if (found[3] > .99) return found;
  }
  return [255, 255, 255, 1];
}
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), low = [];
let seen = 0;
while (walker.nextNode()) {
  const text = walker.currentNode.textContent.trim(), element = walker.currentNode.parentElement;
  if (!text || !element.checkVisibility() || element.closest('title, option')) continue;
  const style = getComputedStyle(element), inSvg = element.closest('svg');
  const pair = [luminance(rgb(inSvg ? style.fill : style.color)), luminance(behind(element))].sort((a, b) => b - a);
  const ratio = (pair[0] + .05) / (pair[1] + .05), size = parseFloat(style.fontSize);
  const large = size >= 24 || (size >= 18.66 && parseInt(style.fontWeight) >= 700);
  seen += 1;
  if (ratio < (large ? 3 : 4.5)) low.push(text.slice(0, 40) + ': ' + ratio.toFixed(2));
}
return {seen, low};
"""
_STOPS = "a[href], button, input, select, summary, [tabindex='0']"
_MARK = """
const stops = [...document.querySelectorAll(arguments[0])].filter(each => each.checkVisibility());
stops.forEach((each, number) => { each.dataset.stop = number; });
stops[0].focus();
return stops.map(each => (each.getAttribute('aria-label') || each.textContent || each.name || '').trim().slice(0, 40));
"""
_FOCUS = """
const found = document.activeElement, style = getComputedStyle(found), box = found.getBoundingClientRect();
return {stop: found.dataset.stop ?? null, width: style.outlineStyle === 'none' ? 0 : parseFloat(style.outlineWidth),
        shown: box.width > 0 && box.height > 0 && box.right > 0 && box.bottom > 0 && box.left < innerWidth};
"""
_LANDMARKS = """
const tables = [...document.querySelectorAll('table')], levels = [...document.querySelectorAll('h1, h2, h3')];
return {
  lang: document.documentElement.lang, title: document.title,
  main: document.querySelectorAll('main').length, nav: document.querySelectorAll('nav[aria-label]').length,
  h1: document.querySelectorAll('h1').length, first: levels.length ? levels[0].tagName : '',
  current: [...document.querySelectorAll('nav [aria-current=page]')].map(each => each.textContent.trim()),
  uncaptioned: tables.filter(each => !each.caption).length,
  unscoped: document.querySelectorAll('th:not([scope])').length,
  unlabelled: [...document.querySelectorAll('input:not([type=hidden]), select')].filter(
    each => !each.labels.length).length,
  unnamed: [...document.querySelectorAll('svg[role=img], progress')].filter(
    each => !(each.querySelector('title') || each.getAttribute('aria-label'))).length,
  foreign: performance.getEntriesByType('resource').map(each => each.name).filter(
    each => !each.startsWith(location.origin)),
};
"""


def sign_in(browser: webdriver.Chrome, base: str, home: Path) -> None:
    """Sign in the way a person does."""
    browser.get(f"{base}/auth/login")
    wait_for(browser, "input[name=username]", "the form to sign in").send_keys("admin")
    browser.find_element(By.NAME, "password").send_keys(password_of(home))
    browser.find_element(By.CSS_SELECTOR, "button[type=submit]").click()
    wait_until(browser, "return !location.pathname.startsWith('/auth')", "signing in")


def open_in_airflow(browser: webdriver.Chrome, base: str, theme: str) -> None:
    """Open our first page inside Airflow's, which is light or dark by its own setting, and be in its frame."""
    browser.get(f"{base}/afterbell/bell.svg")  # any page of that origin: the setting is there before Airflow looks
    browser.execute_script("localStorage.setItem('theme', arguments[0])", theme)
    browser.get(f"{base}/plugin/afterbell")
    browser.switch_to.frame(wait_for(browser, FRAME, "our frame"))
    wait_until(browser, "return document.documentElement.dataset.theme === arguments[0]", f"theme {theme}", theme)


def turn_to(browser: webdriver.Chrome, name: str) -> None:
    """Click on a page in our menu, and on the button to its form where that is meant: ``experiments/new``."""
    there = "return location.pathname.endsWith(arguments[0]) && document.readyState === 'complete'"
    menu = name.partition("/")[0]
    wait_until(browser, f"{there} || !!document.querySelector('nav a')", "our menu", f"/{menu}")
    browser.find_element(By.CSS_SELECTOR, f"nav a[href$='/{menu}']").click()
    wait_until(browser, there, menu, f"/{menu}")
    if name != menu:
        browser.find_element(By.CSS_SELECTOR, f"main a.button[href$='/{name}']").click()
        wait_until(browser, there, name, f"/{name}")


def require_contrast(browser: webdriver.Chrome) -> None:
    """All text stands out from what is behind it, by WCAG 2.2 AA: 4.5 to 1, large text 3 to 1."""
    found = browser.execute_script(_CONTRAST)
    assert found["seen"] > 10
    assert found["low"] == []


def require_structure(browser: webdriver.Chrome, name: str) -> None:
    """What a screen reader goes by."""
    found = browser.execute_script(_LANDMARKS)
    assert found["lang"] == "en"
    assert found["title"]
    assert (found["main"], found["nav"], found["h1"], found["first"]) == (1, 1, 1, "H1")
    assert [each.lower() for each in found["current"]] == [name.partition("/")[0]]
    for fault in ("uncaptioned", "unscoped", "unlabelled", "unnamed"):
        assert found[fault] == 0, fault
    assert found["foreign"] == []


def require_keyboard(browser: webdriver.Chrome) -> None:
    """Tab reaches everything that can be used, in the order of the page, and shows where it is."""
    names = browser.execute_script(_MARK, _STOPS)
    reached = [_focus(browser, names)]
    for _ in range(3 * len(names)):  # a field for a date has several stops of its own
        if reached[-1] == len(names) - 1:
            break
        webdriver.ActionChains(browser).send_keys(webdriver.Keys.TAB).perform()
        reached.append(_focus(browser, names))
    assert list(dict.fromkeys(reached)) == list(range(len(names))), names


def _focus(browser: webdriver.Chrome, names: list[str]) -> int:
    found = browser.execute_script(_FOCUS)
    assert found["stop"] is not None, "the focus is on nothing that was there"
    name = names[int(found["stop"])]
    assert found["width"] >= 2, f"no outline shows that the focus is on {name!r}"
    assert found["shown"], f"the focus is on {name!r}, which is not to be seen"
    return int(found["stop"])


def require_no_sideways_scrolling(browser: webdriver.Chrome) -> None:
    """The page is no wider than its window or frame."""
    wide, room = browser.execute_script("return [document.documentElement.scrollWidth, window.innerWidth]")
    assert wide <= room, browser.execute_script(
        "return [...document.querySelectorAll('body *')]"
        ".filter(each => each.getBoundingClientRect().right > innerWidth).slice(0, 5)"
        ".map(each => each.outerHTML.slice(0, 120))"
    )


def complaints(browser: webdriver.Chrome) -> list[str]:
    """Warnings and errors of our pages on the console since the last call, refused loads among them.

    Airflow's own choice of its frames' sandbox is left out.
    """
    log = [line for line in browser.get_log("browser") if line["level"] in {"WARNING", "SEVERE"}]
    lines = [f"{line['level']}: {line['message']}" for line in log]
    return [line for line in lines if "/afterbell/" in line and "can escape its sandboxing" not in line]
