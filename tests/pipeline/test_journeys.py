"""What the analyst, the engineer and whoever is on call do at the screen, by clicking, reading nothing but the screen.

Each test goes on where the one before it ended. A picture of every step lies in the run's folder, ``pictures``.
"""

from __future__ import annotations

import gzip

import pytest
from selenium.webdriver.common.by import By

from tests.accessibility import violations
from tests.browser import emulate, wait_for, wait_until
from tests.pipeline import clicking, looking
from tests.pipeline.crawling import ROLES, crawl, get, tokens_for
from tests.pipeline.journeys import FIRST, SECOND, THIRD, walking

pytestmark = pytest.mark.services
_ENDED = "return document.querySelector('.tiles .state')?.textContent === arguments[0]"


@pytest.fixture(scope="module")
def walk(tmp_path_factory):
    with walking(tmp_path_factory.mktemp("journeys")) as found:
        yield found
        print(f"pictures: {found.pictures}")


def start(walk, session):
    """Trigger a session in Airflow's form; the id of the run."""
    clicking.open_form(walk.browser, walk.api.url, "daily_retraining")
    clicking.fill(walk.browser, {"session": f"{session:%m%d%Y}"})
    walk.shoot(f"form {session}")
    return clicking.send(walk.browser)


def watch(walk, session, state):
    """Look at the session's page, without loading it again, until its run is in that state."""
    walk.browser.get(walk.page(f"tonight?session={session}"))
    wait_until(walk.browser, _ENDED, f"the run of {session} is {state}", state)
    walk.shoot(f"session {session} {state}")


def clear(walk, run, task_page):
    """Clear a task, and wait until its run goes on."""
    clicking.clear_task(walk.browser, task_page)
    # The dialog closes before the server has answered, and our page of a run that has ended does not load itself again.
    walk.api.resumes(run)


def read(walk, link):
    """Follow a link that opens a window of its own; the text there."""
    browser = walk.browser
    here = browser.window_handles
    browser.find_element(By.CSS_SELECTOR, link).click()
    (other,) = wait_until(browser, lambda: [each for each in browser.window_handles if each not in here], "a window")
    browser.switch_to.window(other)
    wait_until(browser, "return document.readyState === 'complete' && document.body.innerText.length > 100", "its text")
    walk.shoot("read")
    text = browser.find_element(By.TAG_NAME, "body").text
    browser.close()
    browser.switch_to.window(here[0])
    return text


def test_a_session_is_triggered_watched_and_its_report_read(walk):
    run = start(walk, FIRST)
    watch(walk, FIRST, "success")
    assert walk.api.ended(run)[0] == "success"
    walk.sees("Published 2026-06-26-")
    text = read(walk, "a[href$='/report']")
    assert "Afterbell: session 2026-06-26" in text
    assert "Publish: the candidate becomes champion" in text


def test_a_missing_drop_is_told_delivered_and_the_run_goes_to_green(walk):
    run = start(walk, SECOND)
    watch(walk, SECOND, "failed")
    walk.sees("await drops failed: MissingDropsError", "What to do")
    notice = walk.told(run, "failure")
    walk.browser.get(notice["link"])
    walk.sees("await_drops", "Failed")
    walk.deliver(SECOND, walk.prices[SECOND])
    clear(walk, run, notice["link"])
    watch(walk, SECOND, "success")
    walk.sees("What changed since 2026-06-26")


def test_failed_validation_is_told_on_the_page_and_goes_to_green_once_the_drop_is_right(walk):
    lines = gzip.decompress(walk.prices[THIRD]).splitlines(keepends=True)
    symbols = sorted({line.partition(b",")[0] for line in lines[1:]})[::2]
    half = [lines[0], *(line for line in lines[1:] if line.partition(b",")[0] in symbols)]
    walk.deliver(THIRD, gzip.compress(b"".join(half), mtime=0))
    run = start(walk, THIRD)
    watch(walk, THIRD, "failed")
    walk.sees("validate failed: ValidationFailedError", "symbol_coverage")
    walk.deliver(THIRD, walk.prices[THIRD])
    clear(walk, run, walk.task("daily_retraining", run, "ingest"))
    watch(walk, THIRD, "success")
    walk.browser.get(walk.page(f"sessions?before={THIRD}"))
    walk.sees(str(THIRD), str(SECOND), str(FIRST))


def ask(walk, name, seed):
    """Fill in *New experiment* with a question whether to promote, and wait for the question; its address."""
    browser = walk.browser
    browser.get(walk.page("experiments"))
    browser.find_element(By.CSS_SELECTOR, "a.button[href$='/experiments/new']").click()
    wait_for(browser, "#field-name", "the form")
    clicking.retype(browser, "name", name)
    clicking.retype(browser, "horizons", "1")
    clicking.retype(browser, "seed", str(seed))
    browser.find_element(By.ID, "field-promote").click()
    clicking.press(browser, "show")
    walk.sees("Nothing has been started")
    clicking.press(browser, "start")
    walk.sees(name)
    walk.sees("Read and answer")
    return browser.execute_script("return document.querySelector('#started a[href*=required_actions]').href")


def champion(walk):
    return walk.api.afterbell("releases")["champion"]["release_id"]


def test_an_experiment_that_is_agreed_to_becomes_champion(walk):
    before, question = champion(walk), ask(walk, "agree-to-me", 11)
    clicking.answer(walk.browser, question, "Approve")
    walk.shoot("agreed")
    walk.browser.get(walk.page("experiments"))
    walk.sees("agree-to-me", "promoted")
    assert champion(walk) != before
    walk.browser.get(walk.page("releases"))
    walk.sees(champion(walk), "promote")


def test_an_experiment_that_is_rejected_changes_nothing(walk):
    before, question = champion(walk), ask(walk, "refuse-me", 12)
    clicking.answer(walk.browser, question, "Reject")
    walk.shoot("rejected")
    walk.browser.get(walk.page("experiments"))
    walk.sees("refuse-me", "rejected")
    assert champion(walk) == before


def test_a_bad_release_is_rolled_back(walk):
    bad = champion(walk)
    before = walk.api.afterbell("releases")["champion"]["previous"]
    clicking.open_form(walk.browser, walk.api.url, "release_admin")
    clicking.choose(walk.browser, "action", "rollback")
    clicking.fill(walk.browser, {"reason": "its signals are upside down"})
    walk.shoot("roll back")
    run = clicking.send(walk.browser)
    walk.api.of("release_admin").reaches(run, "ask", "awaiting_input", "deferred")
    clicking.answer(walk.browser, f"{walk.task('release_admin', run, 'ask')}/required_actions", "Approve")
    assert walk.api.of("release_admin").ended(run)[0] == "success"
    walk.browser.get(walk.page("releases"))
    walk.sees("its signals are upside down", before)
    assert champion(walk) == before != bad


def backfill(walk, *, plan_only):
    """Fill in *New backfill* of a factor set that nothing of is there; the line on the list."""
    browser = walk.browser
    browser.get(walk.page("backfills"))
    browser.find_element(By.CSS_SELECTOR, "a.button[href$='/backfills/new']").click()
    wait_for(browser, "#field-reason", "the form")
    browser.find_element(By.ID, "field-first").send_keys("04012026")
    browser.find_element(By.ID, "field-last").send_keys("06302026")
    clicking.retype(browser, "reason", "a factor set for the analysts")
    clicking.retype(browser, "chunk_sessions", "5")
    browser.find_element(By.CSS_SELECTOR, "input[name=steps][value=ingest]").click()
    browser.find_element(By.CSS_SELECTOR, "input[name=factor_sets][value=cross_section]").click()
    if plan_only:
        browser.find_element(By.ID, "field-plan_only").click()
    clicking.press(browser, "start")
    walk.shoot("backfill")


def test_a_backfill_is_planned_run_cancelled_and_resumed(walk):
    browser = walk.browser
    backfill(walk, plan_only=True)
    walk.sees("2026-04-01 to 2026-06-30", "planned")
    backfill(walk, plan_only=False)
    walk.sees("running")
    browser.find_element(By.CSS_SELECTOR, "main table a[href*='/backfills/2026']").click()
    wait_until(browser, "return /\\b[1-9]\\d* of \\d+/.test(document.body.innerText)", "the first chunk")
    walk.sees("Plan", "a factor set for the analysts")
    run = browser.execute_script("return [...document.querySelectorAll('main a[href*=backfill_history]')].at(-1).href")
    here = browser.execute_script("return location.href")
    clicking.fail_run(browser, run)
    browser.get(here)
    walk.sees("cancelled")
    backfill(walk, plan_only=False)
    browser.get(here)
    wait_until(browser, _ENDED, "the backfill is done", "done")
    walk.shoot("done")


@pytest.fixture(scope="module")
def tokens(walk, tmp_path_factory):
    return tokens_for(walk.home, tmp_path_factory.mktemp("tokens"))


@pytest.fixture(scope="module")
def crawled(walk, tokens):
    """What each role finds from the first page and the notices on."""
    starts = [walk.page("tonight"), *(each["link"] for each in walk.hook.notices)]
    return {role: crawl(walk.api.url, tokens[role], starts) for role in ROLES}


@pytest.mark.parametrize("role", ROLES)
def test_every_link_of_every_page_and_notice_leads_somewhere(crawled, role):
    """Airflow's own pages, reports, Data Docs and what else is served among them."""
    walked = crawled[role]
    assert walked.faults == []
    assert len(walked.ours) > 40
    assert len(walked.airflow) > 5
    forms = {each for each in walked.ours if each.endswith("/new")}
    assert len(forms) == (0 if role == "viewer" else 2)


def test_somebody_without_rights_gets_no_content_of_any_page(walk, tokens, crawled):
    pages = [each for each in crawled["admin"].ours if "/static/" not in each]
    assert len(pages) > 30
    for address in pages:
        answer = get(address, tokens["None"])
        assert answer.status_code == 403, address
        # A page may repeat what it was asked for.
        secrets = [text for text in (str(FIRST), champion(walk), "daily_retraining__") if text not in address]
        assert not any(text in answer.text for text in secrets), address


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_pages_full_of_life_can_be_used_by_everybody(walk, width, scheme):
    emulate(walk.browser, width, 900, scheme)
    for name in (*looking.PAGES, "glossary"):
        walk.browser.get(walk.page(name if name != "sessions" else f"sessions?before={THIRD}"))
        walk.shoot(f"{name} {width} {scheme}")
        assert violations(walk.browser) == [], name
        assert walk.browser.execute_script("return document.documentElement.scrollWidth <= innerWidth"), name
