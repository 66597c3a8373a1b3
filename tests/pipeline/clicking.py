"""Starting runs in Airflow's page the way a person does: by its buttons and fields, never by its API."""

from __future__ import annotations

from collections.abc import Mapping

from tests.browser import Browser

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


def open_form(browser: Browser, base: str, dag: str) -> None:
    """Open the form of a DAG by the button on its page."""
    browser.open(f"{base}/dags/{dag}")
    browser.until("return !!document.querySelector(arguments[0])", f"the Trigger button of {dag}", _TRIGGER)
    browser.click(_TRIGGER)
    browser.until("return !!document.querySelector('[role=dialog] [name^=element_]')", f"the form of {dag}")


def starred(browser: Browser) -> list[str]:
    """Titles of the fields that the open form calls needed."""
    return list(browser.run(_STARRED))


def may_send(browser: Browser) -> bool:
    """Whether the form's own Trigger button can be pressed."""
    return not browser.run(f"return (() => {{{_SEND}}})().disabled")


def fill(browser: Browser, fields: Mapping[str, str]) -> None:
    """Type into fields by name; a date as its eight digits, month first, as the browser's own field takes it."""
    for name, text in fields.items():
        browser.type(f"[role=dialog] input[name=element_{name}]", text)


def choices(browser: Browser, name: str) -> list[str]:
    """What a list of the open form offers, once it was opened by the keyboard."""
    browser.type(f"#element_{name} input[role=combobox]", "\ue015")
    options = """
    const field = document.querySelector('#element_' + arguments[0] + ' input[role=combobox]');
    const list = document.getElementById(field.getAttribute('aria-controls'));
    const found = list ? [...list.querySelectorAll('[role=option]')].map(each => each.textContent.trim()) : [];
    return found.length ? found : null;
    """
    return list(browser.until(options, f"the list of {name}", name, seconds=60))


def send(browser: Browser) -> str:
    """Press the form's Trigger button; returns the id of the run whose page comes up."""
    browser.until(f"return !(() => {{{_SEND}}})().disabled", "the form's Trigger button became usable")
    browser.run(f"(() => {{{_SEND}}})().scrollIntoView()")
    browser.run(f"(() => {{{_SEND}}})().id = 'send-the-form'")
    browser.click("#send-the-form")
    browser.until("return location.pathname.includes('/runs/')", "the run's own page")
    run = str(browser.run("return decodeURIComponent(location.pathname.split('/runs/')[1].split('/')[0])"))
    browser.open("about:blank")  # the run's page asks for news all the time, which the run itself pays for
    return run


def retype(browser: Browser, name: str, text: str) -> None:
    """Put another text into a field of a form of ours, as a person does: mark all, and type over it."""
    browser.type(f"#field-{name}", f"\ue009a\ue000{text}")


def press(browser: Browser, button: str) -> None:
    """Press a button of a form of ours, and wait for the page that comes."""
    browser.run("document.body.dataset.old = 'yes'")
    browser.click(f"button[value={button}]")
    browser.until("return document.readyState === 'complete' && !document.body.dataset.old", f"an answer to {button}")


def beside(browser: Browser, name: str) -> str:
    """What stands beside a field of a form of ours, if the field itself says that it belongs to it."""
    return str(browser.run(
        "const field = document.getElementById('field-' + arguments[0]), id = 'fault-' + arguments[0];"
        "const told = field.getAttribute('aria-describedby').split(' ').includes(id);"
        "return told ? document.getElementById(id).textContent : '';", name
    ))  # fmt: skip


def choose(browser: Browser, name: str, option: str) -> None:
    """Choose from a list of Airflow's form: type what is meant, and press Enter."""
    browser.type(f"#element_{name} input[role=combobox]", f"{option}\ue007")
    chosen = "return document.querySelector('input[name=element_' + arguments[0] + ']').value === arguments[1]"
    browser.until(chosen, f"{name} is {option}", name, option)


def button(browser: Browser, text: str, within: str = "body") -> None:
    """Press the button with that text, as soon as it can be pressed."""
    find = """
    const found = [...document.querySelectorAll(arguments[1] + ' button')].filter(
      each => each.textContent.trim() === arguments[0] && !each.disabled && each.getClientRects().length)[0];
    if (found) { found.scrollIntoView({block: 'center'}); found.id = 'press-this'; }
    return !!found;
    """
    browser.until(find, f"a button {text}", text, within)
    browser.click("#press-this")
    browser.run("const old = document.getElementById('press-this'); if (old) old.id = ''")


def clear_task(browser: Browser, task_page: str) -> None:
    """Clear a task and all that come after it, on its own page."""
    browser.open(task_page)
    mark = '[aria-label="Press shift+c to clear"]'
    browser.until("return !!document.querySelector(arguments[0])", "the button that clears", mark)
    browser.click(mark)
    browser.until("return document.body.innerText.includes('Affected Tasks:')", "what would be cleared")
    button(browser, "Confirm", "[role=dialog]")
    browser.until("return !document.body.innerText.includes('Affected Tasks:')", "the task is cleared")


def fail_run(browser: Browser, run_page: str) -> None:
    """Mark a run as failed on its own page: what a person does to cancel it."""
    browser.open(run_page)
    mark = '[aria-label="Mark Dag Run as..."]'
    browser.until("return !!document.querySelector(arguments[0])", "the menu that marks the run", mark)
    browser.click(mark)
    item = "[data-testid=mark-run-as-failed]"
    browser.until("return !!document.querySelector(arguments[0])", "the menu's item", item)
    browser.click(item)
    button(browser, "Confirm", "[role=dialog]")


def answer(browser: Browser, question: str, word: str) -> None:
    """Answer the question of a task on its own page: ``Approve`` or ``Reject``."""
    browser.open(question)
    button(browser, word)
