"""`up`, a run triggered the way the web page triggers it, to green; our pages in it; `down` leaves nothing behind."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
import requests
import yaml
from selenium.webdriver.common.by import By

from tests.accessibility import violations
from tests.airflow.hook_server import HookServer
from tests.airflow_api import AirflowApi, password_of
from tests.browser import chromium, emulate, wait_for, wait_until
from tests.clusters.profiles import config_with
from tests.command_line import ROOT
from tests.pipeline import clicking, looking

pytestmark = pytest.mark.services
_PAUSE = threading.Event()  # never set: waiting on it is a pause between questions, not a guess at a duration


@pytest.fixture(scope="module")
def hook():
    """Somebody who is told of everything that the runs in the page come to."""
    server = HookServer()
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    yield server
    server.shutdown()
    server.server_close()


def _told_by(folder, kinds):
    """A configuration like the project's that tells of ``kinds`` by webhook as well."""
    config = config_with(folder)
    sla = yaml.safe_load((config / "sla.yaml").read_text())
    sla["notices"].append({"kinds": kinds, "notifier": "afterbell.airflow.notifiers.WebhookNotifier"})
    (config / "sla.yaml").write_text(yaml.safe_dump(sla))
    return config


@pytest.fixture(scope="module")
def page(planted, hook, tmp_path_factory):
    afterbell, _ = planted
    config = _told_by(tmp_path_factory.mktemp("told") / "config", ["failure", "success", "held"])
    answer = afterbell("up", "--json", AFTERBELL_CONFIG=str(config))
    try:
        assert answer.status == 0, answer.err
        found = AirflowApi(answer.json["url"], password_of(afterbell.home))
        found.connect("afterbell_webhook", hook.address)
        yield found
    finally:
        down = afterbell("down", "--json")
        assert sorted(down.json["stopped"]) == ["airflow", "hdfs", "s3"]
        assert down.json["left"] == []
        assert _processes_of(afterbell.home) == []


def test_eight_people_write_at_once_and_all_are_answered(page):
    """Airflow's API over SQLite waits for itself where two of its requests write; ours take turns."""
    with ThreadPoolExecutor(8) as people:
        names = [f"connection_{number}" for number in range(40)]
        list(people.map(lambda name: page.connect(name, "http://127.0.0.1"), names))
    there = {each["connection_id"] for each in page.ask("GET", "/connections", limit=100)["connections"]}
    assert set(names) <= there


def _processes_of(home):
    found = []
    for process in psutil.process_iter():
        try:
            words = [*process.cmdline(), *process.environ().values()]
        except psutil.Error:
            continue
        if any(str(home) in word for word in words) and process.pid != psutil.Process().pid:
            found.append(process.name())
    return found


def _held(afterbell):
    """How many rows each table holds that a run writes to."""
    tables = (
        "market.bars",
        "market.quarantine",
        "raw.drops",
        "features.core",
        "predictions.out_of_sample",
        "signals.daily",
    )
    sql = " UNION ALL ".join(f"SELECT '{name}' AS name, count(*) AS n FROM {name}" for name in tables)  # noqa: S608
    return sorted((row["name"], row["n"]) for row in afterbell("query", sql, "--json").json)


def _told(hook, run_id, kind):
    """The notices of a run, once there are any: they come after its end, from another process of Airflow's."""
    for _ in range(120):
        mine = [told for told in hook.notices if told["run_id"] == run_id and told["kind"] == kind]
        if mine:
            return mine
        _PAUSE.wait(1)
    return []


def test_nobody_gets_in_without_the_password(page):
    answer = requests.get(f"{page.url}/api/v2/dags", timeout=30)
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "session",
    [
        "",
        "tomorrow",
        "2026-06-31",
        "2026-06-30; rm -rf /",
        "$(id)",
        "../../etc",
        "{{ ds }}",
        "2026-06-30\n--conf",
        "-1",
        7,
    ],
)
def test_a_hostile_session_is_refused_by_the_form(page, session):
    with pytest.raises(requests.HTTPError, match="Invalid input for param session") as refused:
        page.trigger({"session": session})
    assert refused.value.response.status_code == 400


@pytest.mark.parametrize("conf", [{}, {"session": None}])
def test_a_run_without_a_session_ends_in_its_first_task_which_asks_for_it(page, hook, conf):
    run_id = page.trigger(conf)
    state, tasks = page.ended(run_id)
    assert (state, tasks["open_run"], tasks["ingest"]) == ("failed", "failed", "upstream_failed")
    assert "no session was given: a run that is started manually must name its session" in page.log(run_id, "open_run")
    (told,) = _told(hook, run_id, "failure")
    assert "must name its session" in told["text"], "the worker tells what its task failed of"


def test_a_run_triggered_in_the_page_goes_to_green_and_the_same_session_again_changes_nothing(
    planted, page, hook, browser
):
    afterbell, summary = planted
    before, releases = _held(afterbell), afterbell("release", "list", "--json").json
    clicking.open_form(browser, page.url, "daily_retraining")
    clicking.fill(browser, {"session": "06302026"})
    run_id = clicking.send(browser)
    state, tasks = page.ended(run_id)
    assert set(tasks.values()) == {"success"}, tasks
    assert len(tasks) == 9
    assert state == "success"
    (told,) = _told(hook, run_id, "success")
    assert f"{summary['release_id']} serves" in told["text"], "Airflow's DAG processor tells what came of the run"
    assert _held(afterbell) == before
    assert afterbell("release", "list", "--json").json == releases
    assert [row["release_id"] for row in releases if row["champion"]] == [summary["release_id"]]


def test_a_holiday_ends_the_run_in_its_first_task(page):
    state, tasks = page.ended(page.trigger({"session": "2026-07-03"}))
    assert state == "failed"
    assert tasks["open_run"] == "failed"
    assert tasks["ingest"] == "upstream_failed"


@pytest.mark.parametrize(
    ("dag", "starred", "ready"),
    [
        ("daily_retraining", [], True),
        (
            "backfill_history",
            ["First day", "Last day", "Reason", "Steps", "Sessions a chunk", "Plan only"], False,
        ),
        (
            "experiment",
            [
                "Name", "First day", "Last session", "Horizons", "Model families", "Factor sets",
                "Trials of each family", "Cost of trading", "Seed", "Lowest close", "Lowest dollar volume",
                "Ask to promote",
            ],
            False,
        ),
        ("release_admin", ["Action"], True),
        ("maintenance", ["Dry run"], True),
    ],
)  # fmt: skip
def test_a_form_stars_what_is_needed_and_can_be_sent_once_that_is_there(page, browser, dag, starred, ready):
    emulate(browser, 1280, 900)
    clicking.open_form(browser, page.url, dag)
    assert clicking.starred(browser) == starred
    assert clicking.may_send(browser) == ready


def test_the_profile_is_chosen_from_a_list_of_those_there_are(page, browser):
    emulate(browser, 1280, 900)
    clicking.open_form(browser, page.url, "daily_retraining")
    there = sorted(path.stem for path in (ROOT / "include" / "config" / "clusters").glob("*.yaml"))
    assert [name for name in clicking.choices(browser, "profile") if name != "null"] == there


def test_a_backfill_is_planned_from_the_page_with_what_is_starred_alone(page, hook, browser):
    clicking.open_form(browser, page.url, "backfill_history")
    reason = "to see it work in the page"
    clicking.fill(browser, {"first": "06022026", "last": "06302026", "reason": reason})
    browser.find_element(By.CSS_SELECTOR, "[role=dialog] label:has(input[name=element_plan_only])").click()
    run_id = clicking.send(browser)
    state, tasks = page.of("backfill_history").ended(run_id)
    assert (state, tasks["plan"], tasks["ingest"], tasks["features"]) == ("success", "success", "skipped", "skipped")
    assert _told(hook, run_id, "success"), "nobody was told that it is done"


def test_the_notice_of_an_experiment_leads_to_the_task_that_failed(page, hook, browser):
    clicking.open_form(browser, page.url, "experiment")
    clicking.fill(browser, {"first": "11032025", "last": "07102026"})  # a session after the last one of the market
    run_id = clicking.send(browser)
    state, tasks = page.of("experiment").ended(run_id)
    assert (state, tasks["open_experiment"], tasks["features"]) == ("failed", "failed", "upstream_failed")
    (told,) = _told(hook, run_id, "failure")
    assert "there are no bars of 2026-07-10: the last session there is is 2026-06-30" in told["message"]
    browser.get(told["link"])
    wait_until(browser, "return document.body.innerText.includes(arguments[0])", "the task's page", "open_experiment")
    wait_until(browser, "return document.body.innerText.includes('Failed')", "the state of the task")
    # Alone: the digits may stand in an instant of the page.
    assert not re.search(r"(?<!\d)404(?!\d)", browser.find_element(By.TAG_NAME, "body").text)


@pytest.fixture
def paused(page):
    """The DAG of experiments, paused: what is started waits, and costs the other tests nothing."""
    page.ask("PATCH", "/dags/experiment", {"is_paused": True})
    yield page.of("experiment")
    page.ask("PATCH", "/dags/experiment", {"is_paused": False})


def test_an_experiment_is_filled_in_corrected_looked_at_and_started(page, paused, browser, tmp_path):
    emulate(browser, 1280, 900)
    looking.open_in_airflow(browser, page.url, "light")
    looking.turn_to(browser, "experiments/new")
    assert "The DAG experiment is paused" in browser.find_element(By.TAG_NAME, "body").text
    clicking.retype(browser, "name", "More Trees")
    browser.find_element(By.ID, "field-last").send_keys("07102026")  # after the last session of the market
    clicking.press(browser, "start")
    assert "Nothing was started: 2 fields need another value" in browser.find_element(By.TAG_NAME, "body").text
    assert "small letters, digits and dashes" in clicking.beside(browser, "name")
    assert "the last session there is is 2026-06-30" in clicking.beside(browser, "last")
    assert browser.execute_script("return document.getElementById('field-name').value") == "More Trees"
    looking.require_contrast(browser)
    browser.find_element(By.CSS_SELECTOR, "a[href='#field-last']").click()
    assert browser.execute_script("return document.activeElement.id") == "field-last"
    clicking.retype(browser, "name", "more-trees")
    browser.find_element(By.ID, "field-last").send_keys("06302026")
    clicking.press(browser, "show")
    assert "Nothing has been started" in browser.find_element(By.TAG_NAME, "body").text
    assert "170, from " in browser.find_element(By.TAG_NAME, "body").text
    looking.require_contrast(browser)
    assert (tmp_path / "shown.png").write_bytes(browser.get_screenshot_as_png()) > 5000
    clicking.press(browser, "start")
    wait_until(browser, "return location.pathname.endsWith('/afterbell/experiments')", "the list")
    line = browser.execute_script("return document.getElementById('started').innerText")
    assert "more-trees" in line
    assert "waiting: the DAG is paused" in line
    assert [told for told in looking.complaints(browser) if "status of 400" not in told] == []
    (run,) = [each for each in paused.ask("GET", "/dags/experiment/dagRuns", limit=100)["dag_runs"]
              if each["state"] == "queued"]  # fmt: skip
    assert (run["conf"]["name"], run["conf"]["last"]) == ("more-trees", "2026-06-30")
    assert run["triggering_user_name"] == "admin"
    paused.ask("PATCH", paused.at(run["dag_run_id"]), {"state": "failed"})


@pytest.fixture(scope="module")
def browser(planted, page, tmp_path_factory):
    """A real browser, signed in."""
    with chromium(tmp_path_factory.mktemp("browser")) as found:
        emulate(found, 1280, 900)
        looking.sign_in(found, page.url, planted[0].home)
        yield found


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_our_pages_stand_in_airflows_and_anybody_can_use_them(page, browser, tmp_path, theme):
    emulate(browser, 1440, 900)
    looking.open_in_airflow(browser, page.url, theme)
    for name in looking.PAGES:
        looking.turn_to(browser, name)
        looking.require_structure(browser, name)
        assert violations(browser) == [], name
        looking.require_contrast(browser)
        looking.require_keyboard(browser)
        looking.require_no_sideways_scrolling(browser)
        browser.switch_to.default_content()
        picture = tmp_path / f"{name.replace('/', '-')}-{theme}.png"
        assert picture.write_bytes(browser.get_screenshot_as_png()) > 5000
        browser.switch_to.frame(wait_for(browser, looking.FRAME, "our frame"))
    browser.switch_to.default_content()
    assert looking.complaints(browser) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_our_pages_fit_a_telephone_and_follow_its_light(page, browser, tmp_path, scheme):
    emulate(browser, 390, 844, scheme)
    for name in (*looking.PAGES, "tonight?session=2026-06-30", "sessions?before=2026-06-30"):
        browser.get(f"{page.url}/afterbell/{name}")
        looking.require_no_sideways_scrolling(browser)
        looking.require_contrast(browser)
        assert violations(browser) == [], name
        assert browser.execute_script("return getComputedStyle(document.documentElement).colorScheme") == scheme
    assert looking.complaints(browser) == []
    (tmp_path / "telephone.png").write_bytes(browser.get_screenshot_as_png())


def test_a_session_leads_to_its_report_which_may_do_nothing(planted, page, browser):
    _, summary = planted
    emulate(browser, 1280, 900)
    browser.get(f"{page.url}/afterbell/tonight?session=2026-06-30")
    wait_until(browser, "return document.body.innerText.includes(arguments[0])", "the release", summary["release_id"])
    assert browser.execute_script("return document.querySelectorAll('svg.chart rect.bar').length") >= 7
    address = browser.execute_script("return document.querySelector('a[href$=\"/report\"]').href")
    browser.get(address)
    assert browser.execute_script("return self.origin") == "null"
    assert "2026-06-30" in browser.find_element(By.TAG_NAME, "body").text
    assert looking.complaints(browser) == []


def test_links_out_of_the_frame_lead_airflows_page(page, browser):
    emulate(browser, 1280, 900)
    looking.open_in_airflow(browser, page.url, "light")
    looking.turn_to(browser, "backfills")
    browser.find_element(By.CSS_SELECTOR, "a[data-out]").click()
    browser.switch_to.default_content()
    wait_until(browser, "return location.pathname === '/dags/daily_retraining/backfills'", "Airflow's own page")
