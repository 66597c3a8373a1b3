"""The forms in a real browser, by clicking and by the keyboard, on Airflow's own API server without its other parts."""

from __future__ import annotations

import socket
import threading

import pytest
import uvicorn
from selenium import webdriver
from selenium.webdriver.common.by import By

from tests.accessibility import violations
from tests.browser import chromium, emulate, wait_until
from tests.pipeline import clicking, looking
from tests.plugins.conftest import put, token_of
from tests.plugins.forms_world import put_dags, runs_of

SPAN = {"first": "2023-06-01", "last": "2026-06-30"}


@pytest.fixture(scope="module")
def address(server):
    """Where the API server answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(server, lifespan="off", log_level="error")
        running = uvicorn.Server(config)
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        running.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def window(tmp_path_factory):
    """A browser for all tests of this file."""
    with chromium(tmp_path_factory.mktemp("browser")) as found:
        yield found


@pytest.fixture
def browser(window, address, database, store):
    """A browser of somebody who may start runs, on data of three years."""
    put_dags(database)
    put(store, "market/span.json", SPAN)
    window.execute_cdp_cmd("Network.setCookie", {"name": "_token", "value": token_of("user"), "url": address})
    window.get_log("browser")
    return window


def _complaints(browser):
    """What the console said, but for the answer to a form with a mistake, which is no page that was found."""
    return [line for line in looking.complaints(browser) if "status of 400" not in line]


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (1440, "dark"), (390, "light"), (390, "dark")])
@pytest.mark.parametrize("name", ["experiments/new", "backfills/new"])
def test_anybody_can_use_the_forms(browser, address, name, width, scheme, tmp_path):
    emulate(browser, width, 844, scheme)
    browser.get(f"{address}/afterbell/{name}")
    looking.require_structure(browser, name)
    looking.require_contrast(browser)
    looking.require_no_sideways_scrolling(browser)
    assert violations(browser) == []
    if name == "experiments/new":
        clicking.retype(browser, "name", "No Name")
    clicking.press(browser, "start")  # of a name that is none, or without a day and a reason
    assert "Nothing was started" in browser.find_element(By.TAG_NAME, "body").text
    looking.require_contrast(browser)
    looking.require_no_sideways_scrolling(browser)
    assert violations(browser) == []
    looking.require_keyboard(browser)
    assert _complaints(browser) == []
    assert (tmp_path / "form.png").write_bytes(browser.get_screenshot_as_png()) > 5000


def test_an_experiment_is_filled_in_corrected_looked_at_and_started(browser, address, database):
    emulate(browser, 1280, 900)
    browser.get(f"{address}/afterbell/experiments")
    browser.find_element(By.CSS_SELECTOR, "main a.button").click()
    wait_until(browser, "return location.pathname.endsWith('/experiments/new')", "the form")
    clicking.retype(browser, "name", "More Trees")
    browser.find_element(By.ID, "field-last").send_keys("07102026")  # after the last session that there are bars of
    clicking.retype(browser, "horizons", "5, 1")
    clicking.press(browser, "start")
    assert "Nothing was started: 3 fields need another value" in browser.find_element(By.TAG_NAME, "body").text
    assert "small letters, digits and dashes" in clicking.beside(browser, "name")
    assert "there are no bars of 2026-07-10: the last session there is is 2026-06-30" in clicking.beside(
        browser, "last"
    )
    assert "must ascend" in clicking.beside(browser, "horizons")
    assert browser.execute_script("return document.getElementById('field-name').value") == "More Trees"
    assert runs_of(database) == []
    browser.find_element(By.CSS_SELECTOR, "a[href='#field-last']").click()
    assert browser.execute_script("return document.activeElement.id") == "field-last"
    clicking.retype(browser, "name", "more-trees")
    clicking.retype(browser, "horizons", "1, 5")
    browser.find_element(By.ID, "field-last").send_keys("06302026")
    browser.find_element(By.CSS_SELECTOR, "input[value=alpha158]").click()
    clicking.press(browser, "show")
    assert "Nothing has been started" in browser.find_element(By.TAG_NAME, "body").text
    assert "772, from 2023-06-01 to 2026-06-30" in browser.find_element(By.TAG_NAME, "body").text
    assert runs_of(database) == []
    clicking.press(browser, "start")
    wait_until(browser, "return location.pathname.endsWith('/afterbell/experiments')", "the list")
    assert "more-trees" in browser.execute_script("return document.getElementById('started').innerText")
    ((_, conf, who, _),) = runs_of(database)
    assert (conf["name"], conf["horizons"], conf["factor_sets"]) == ("more-trees", [1, 5], ["alpha158", "core"])
    assert who == "a-user"
    assert _complaints(browser) == []


def test_a_backfill_is_planned_by_the_keyboard_alone(browser, address, database):
    emulate(browser, 1280, 900)
    browser.get(f"{address}/afterbell/backfills/new")
    browser.execute_script("document.getElementById('field-first').focus()")
    browser.find_element(By.ID, "field-first").send_keys("01042016")
    browser.find_element(By.ID, "field-last").send_keys("06302016")
    browser.find_element(By.ID, "field-reason").send_keys("the vendor delivered 2016 anew")
    browser.find_element(By.ID, "field-plan_only").send_keys(" ")
    for _ in range(4):  # on from the box: the profile, then the two buttons
        webdriver.ActionChains(browser).send_keys(webdriver.Keys.TAB).perform()
        if browser.execute_script("return document.activeElement.value") == "start":
            break
    webdriver.ActionChains(browser).send_keys(webdriver.Keys.ENTER).perform()
    wait_until(browser, "return location.pathname.endsWith('/afterbell/backfills')", "the list")
    assert "Its run in Airflow" in browser.execute_script("return document.getElementById('started').innerText")
    ((_, conf, _, _),) = runs_of(database, "backfill_history")
    assert (conf["first"], conf["last"], conf["plan_only"]) == ("2016-01-04", "2016-06-30", True)
