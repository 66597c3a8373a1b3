"""Starting runs in Airflow's page the way a person does: by its buttons and fields, never by its API."""

from __future__ import annotations

from collections.abc import Mapping

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.browser import wait_for, wait_until

_TRIGGER = "button[aria-label='Trigger Dag']"
_SEND = """
const form = document.querySelector('[role=dialog] [name^=element_]').closest('[role=dialog]');
return [...form.querySelectorAll('button')].filter(each => each.textContent.trim() === 'Trigger')[0];
"""
_STARRED = """
const labels = [...document.querySelectorAll('[role=dialog] label')];
return labels.filter(each => each.querySelector('[aria-hidden]')?.textContent.includes('*'))
  .map(each => each.textContent.replace('*', '').trim());
"""


def open_form(browser: webdriver.Chrome, base: str, dag: str) -> None:
    """Open the form of a DAG by the button on its page."""
    browser.get(f"{base}/dags/{dag}")
    wait_for(browser, _TRIGGER, f"the Trigger button of {dag}").click()
    wait_for(browser, "[role=dialog] [name^=element_]", f"the form of {dag}")


def starred(browser: webdriver.Chrome) -> list[str]:
    """Titles of the fields that the open form calls needed."""
    return list(browser.execute_script(_STARRED))


def may_send(browser: webdriver.Chrome) -> bool:
    """Whether the form's own Trigger button can be pressed."""
    return bool(browser.execute_script(_SEND).is_enabled())


def fill(browser: webdriver.Chrome, fields: Mapping[str, str]) -> None:
    """Type into fields by name; a date as its eight digits, month first, as the browser's own field takes it."""
    for name, text in fields.items():
        browser.find_element(By.CSS_SELECTOR, f"[role=dialog] input[name=element_{name}]").send_keys(text)


def choices(browser: webdriver.Chrome, name: str) -> list[str]:
    """What a list of the open form offers, once it was opened by the keyboard."""
    browser.find_element(By.CSS_SELECTOR, f"#element_{name} input[role=combobox]").send_keys(Keys.ARROW_DOWN)
    options = """
    const field = document.querySelector('#element_' + arguments[0] + ' input[role=combobox]');
    const list = document.getElementById(field.getAttribute('aria-controls'));
    const found = list ? [...list.querySelectorAll('[role=option]')].map(each => each.textContent.trim()) : [];
    return found.length ? found : null;
    """
    return list(wait_until(browser, options, f"the list of {name}", name, seconds=60))


def send(browser: webdriver.Chrome) -> str:
    """Press the form's Trigger button; returns the id of the run whose page comes up."""
    usable = f"const button = (() => {{{_SEND}}})(); return button.disabled ? null : button;"
    trigger = wait_until(browser, usable, "the form's Trigger button became usable")
    browser.execute_script("arguments[0].scrollIntoView()", trigger)
    trigger.click()
    wait_until(browser, "return location.pathname.includes('/runs/')", "the run's own page")
    run = str(browser.execute_script("return decodeURIComponent(location.pathname.split('/runs/')[1].split('/')[0])"))
    browser.get("about:blank")  # the run's page asks for news all the time, which the run itself pays for
    return run


def retype(browser: webdriver.Chrome, name: str, text: str) -> None:
    """Put another text into a field of a form of ours, as a person does: mark all, and type over it."""
    browser.find_element(By.ID, f"field-{name}").send_keys(Keys.CONTROL, "a", Keys.NULL, text)


def press(browser: webdriver.Chrome, button: str) -> None:
    """Press a button of a form of ours, and wait for the page that comes."""
    browser.execute_script("document.body.dataset.old = 'yes'")
    browser.find_element(By.CSS_SELECTOR, f"button[value={button}]").click()
    loaded = "return document.readyState === 'complete' && !document.body.dataset.old"
    wait_until(browser, loaded, f"an answer to {button}")


def beside(browser: webdriver.Chrome, name: str) -> str:
    """What stands beside a field of a form of ours, if the field itself says that it belongs to it."""
    return str(browser.execute_script(
        "const field = document.getElementById('field-' + arguments[0]), id = 'fault-' + arguments[0];"
        "const told = field.getAttribute('aria-describedby').split(' ').includes(id);"
        "return told ? document.getElementById(id).textContent : '';", name
    ))  # fmt: skip


def choose(browser: webdriver.Chrome, name: str, option: str) -> None:
    """Choose from a list of Airflow's form: type what is meant, and press Enter."""
    browser.find_element(By.CSS_SELECTOR, f"#element_{name} input[role=combobox]").send_keys(option, Keys.ENTER)
    chosen = "return document.querySelector('input[name=element_' + arguments[0] + ']').value === arguments[1]"
    wait_until(browser, chosen, f"{name} is {option}", name, option)


def button(browser: webdriver.Chrome, text: str, within: str = "body") -> None:
    """Press the button with that text, as soon as it can be pressed."""
    find = """
    const found = [...document.querySelectorAll(arguments[1] + ' button')].filter(
      each => each.textContent.trim() === arguments[0] && !each.disabled && each.getClientRects().length)[0];
    found?.scrollIntoView({block: 'center'});
    return found;
    """
    wait_until(browser, find, f"a button {text}", text, within).click()


def clear_task(browser: webdriver.Chrome, task_page: str) -> None:
    """Clear a task and all that come after it, on its own page."""
    browser.get(task_page)
    mark = '[aria-label="Press shift+c to clear"]'
    wait_for(browser, mark, "the button that clears").click()
    wait_until(browser, "return document.body.innerText.includes('Affected Tasks:')", "what would be cleared")
    button(browser, "Confirm", "[role=dialog]")
    wait_until(browser, "return !document.body.innerText.includes('Affected Tasks:')", "the task is cleared")


def fail_run(browser: webdriver.Chrome, run_page: str) -> None:
    """Mark a run as failed on its own page: what a person does to cancel it."""
    browser.get(run_page)
    mark = '[aria-label="Mark Dag Run as..."]'
    wait_for(browser, mark, "the menu that marks the run").click()
    item = "[data-testid=mark-run-as-failed]"
    wait_for(browser, item, "the menu's item").click()
    button(browser, "Confirm", "[role=dialog]")


def answer(browser: webdriver.Chrome, question: str, word: str) -> None:
    """Answer the question of a task on its own page: ``Approve`` or ``Reject``."""
    browser.get(question)
    button(browser, word)
