"""Notices reach a real webhook, say what whoever is on call needs, hold no secret, and never fail a run."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from types import SimpleNamespace

import pytest
import yaml
from airflow.sdk import BaseNotifier

from afterbell.airflow import notices
from afterbell.airflow.notice import NoticePlace, NoticeRun, run_link, scrub
from afterbell.airflow.notices import (
    deadline_missed,
    notify,
    outcome,
    run_failed,
    run_of,
    run_succeeded,
    task_failed,
)
from afterbell.cluster.connections import connection_environment
from afterbell.cluster.profile import ClusterProfile
from afterbell.run.steps import step_named
from tests.airflow.hook_server import HookServer
from tests.airflow.mail_server import MailServer
from tests.airflow_home import ROOT
from tests.cluster.test_connections import ENV
from tests.patience import LONG

RUN = {
    "session": "2016-06-30", "run_id": "scheduled__2016-06-30", "deadline": "2016-06-30T22:00:00+00:00",
    "origin": "scheduled",
}  # fmt: skip
NAMED = NoticeRun("2016-06-30", "scheduled__2016-06-30", "2016-06-30T22:00:00+00:00", "scheduled")
HOOK = "afterbell.airflow.notifiers.WebhookNotifier"
EVERY = ["failure", "forecast", "deadline_missed", "held", "success"]
SENT, TOLD = [], threading.Event()


class Templated(BaseNotifier):
    """A notifier as users install them, with a template of the configuration."""

    template_fields = ("message",)

    def __init__(self, message):
        super().__init__()
        self.message = message

    def notify(self, context):  # noqa: ARG002
        SENT.append(self.message)
        TOLD.set()


@pytest.fixture
def hook():
    server = HookServer()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.hold.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def channels(monkeypatch, tmp_path, caplog):
    """Sets the channels of sla.yaml; the stores of the connections are not there."""
    dead = ENV | {"AFTERBELL_S3_ENDPOINT": "http://127.0.0.1:9"}
    for name, body in connection_environment(dead, "local", ClusterProfile(master="local[2]")).items():
        monkeypatch.setenv(name, body)
    monkeypatch.setenv("AFTERBELL_CONFIG", str(tmp_path))
    monkeypatch.setattr(notices, "_GATHER", LONG)
    caplog.set_level(logging.INFO)

    def write(*found):
        policy = yaml.safe_load((ROOT / "include" / "config" / "sla.yaml").read_text(encoding="utf-8"))
        policy["notices"] = [{"kinds": EVERY, **channel} for channel in found]
        (tmp_path / "sla.yaml").write_text(yaml.safe_dump(policy), encoding="utf-8")

    return write


def connect(monkeypatch, address, **more):
    monkeypatch.setenv("AIRFLOW_CONN_AFTERBELL_WEBHOOK", json.dumps({"conn_type": "http", "host": address, **more}))


def test_a_failure_reaches_the_webhook_with_all_that_is_needed(hook, channels, monkeypatch):
    channels({"notifier": HOOK})
    connect(monkeypatch, f"{hook.address}/services/x", password="canary-token")
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example.com")
    place = NoticePlace(dag_id="daily_retraining", step="ingest")
    notify("failure", NAMED, "CorruptDropError: prices/x is cut off", place)
    ((path, headers, body),) = hook.taken
    assert path == "/services/x"
    assert headers["Authorization"] == "Bearer canary-token"
    assert body["title"] == "Afterbell: step ingest failed, session 2016-06-30 (daily_retraining)"
    assert body["message"] == "CorruptDropError: prices/x is cut off"
    assert body["link"] == ("https://airflow.example.com/dags/daily_retraining/runs/scheduled__2016-06-30/tasks/ingest")
    assert body["deadline"] == RUN["deadline"]
    for part in ("CorruptDropError", "2016-06-30 22:00 UTC", body["link"], "clear the failed task"):
        assert part in body["text"]


def test_no_secret_is_in_a_notice(hook, channels, monkeypatch, caplog):
    channels({"notifier": HOOK}, {"notifier": "afterbell.airflow.notifiers.LogNotifier"})
    connect(monkeypatch, hook.address)
    # The key of the S3 connection, and secrets that nobody has registered.
    message = "403 for canary-secret at https://me:canary-2@s3.example.com/?X-Amz-Token=canary-3 password: canary-4"
    notify("failure", NAMED, message)
    (body,) = hook.notices
    assert body["message"] == "403 for *** at https://***@s3.example.com/?X-Amz-Token=*** password: ***"
    assert "canary" not in json.dumps(body) + caplog.text


@pytest.mark.parametrize("status", [500, 302, 404])
def test_a_channel_that_refuses_is_a_line_in_the_log(hook, channels, monkeypatch, caplog, status):
    channels({"notifier": HOOK})
    connect(monkeypatch, f"{hook.address}/secret-path")
    hook.status = status
    notify("failure", NAMED, "x")
    assert len(hook.taken) == 1  # a redirect is not followed
    assert f"the answer was {status}, expected 200 to 299" in caplog.text
    assert "secret-path" not in caplog.text


def test_a_channel_that_hangs_is_left_behind_and_the_others_are_told(hook, channels, monkeypatch, caplog):
    SENT.clear()
    TOLD.clear()
    channels({"notifier": HOOK}, {"notifier": f"{__name__}.Templated", "kwargs": {"message": "m"}})
    connect(monkeypatch, hook.address)
    hook.hold.clear()
    wait = notices._wait

    def once_one_hangs_and_the_other_has_told(threads, seconds):
        if seconds == notices._SEND:
            assert hook.arrived.wait(LONG)
            assert TOLD.wait(LONG)
        wait(threads, seconds)

    monkeypatch.setattr(notices, "_SEND", 0.25)
    monkeypatch.setattr(notices, "_wait", once_one_hangs_and_the_other_has_told)
    notify("failure", NAMED, "x")
    assert not hook.hold.is_set()  # it came back although nobody has answered
    assert "no answer within 0 s; the run goes on without" in caplog.text
    assert SENT == ["m"]


@pytest.mark.parametrize("address", ["http://afterbell.invalid", "http://127.0.0.1:9"])
def test_a_channel_whose_host_is_gone_is_a_line_in_the_log(channels, monkeypatch, caplog, address):
    channels({"notifier": HOOK})
    monkeypatch.setenv("NO_PROXY", "*")
    connect(monkeypatch, address)
    notify("failure", NAMED, "x")
    assert "webhook 'afterbell_webhook': ConnectionError" in caplog.text


@pytest.mark.parametrize(
    ("channel", "said"),
    [
        ({"notifier": HOOK}, "'afterbell_webhook' is not defined"),
        ({"notifier": "afterbell.nowhere.Notifier"}, "ModuleNotFoundError"),
        ({"notifier": HOOK, "kwargs": {"colour": 1}}, "TypeError"),
    ],
)
def test_a_channel_that_is_set_up_wrongly_fails_no_run(channels, monkeypatch, caplog, channel, said):
    channels(channel)
    monkeypatch.delenv("AIRFLOW_CONN_AFTERBELL_WEBHOOK", raising=False)
    notify("failure", NAMED, "x")
    assert said in caplog.text


def test_a_broken_file_fails_no_run(channels, tmp_path, caplog):
    (tmp_path / "sla.yaml").write_text("notices: 1", encoding="utf-8")
    notify("failure", NAMED, "x")
    assert "notice 'failure' could not be sent; the run goes on" in caplog.text


def test_a_password_does_not_travel_in_clear(channels, monkeypatch, caplog):
    channels({"notifier": HOOK})
    connect(monkeypatch, "http://hooks.example.com", password="canary-token")
    notify("failure", NAMED, "x")
    assert "would send its password in clear: use https" in caplog.text


def test_a_channel_is_told_of_its_kinds_alone(hook, channels, monkeypatch):
    channels({"notifier": HOOK, "kinds": ["held"]})
    connect(monkeypatch, hook.address)
    notify("failure", NAMED, "x")
    notify("held", NAMED, "y")
    assert [body["kind"] for body in hook.notices] == ["held"]


def test_a_template_shows_the_notice_and_never_renders_what_is_in_it(channels):
    SENT.clear()
    channels({"notifier": f"{__name__}.Templated", "kwargs": {"message": "{{ notice.title }}: {{ notice.message }}"}})
    notify("failure", NAMED, "{{ 7 * 7 }} {% raw %}")
    assert SENT == ["Afterbell: failure, session 2016-06-30: {{ 7 * 7 }} {% raw %}"]


def test_airflows_own_notifier_sends_a_letter_as_the_file_shows_it(channels, monkeypatch):
    text = (ROOT / "include" / "config" / "sla.yaml").read_text(encoding="utf-8")
    shown = text[text.index("# - kinds: [failure, deadline_missed]") :].replace("\n# ", "\n").removeprefix("# ")
    (mail,) = yaml.safe_load(shown)
    channels(mail)
    with MailServer() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        extra = {"disable_ssl": True, "disable_tls": True, "from_email": "afterbell@example.com", "retry_limit": 1}
        connection = {"conn_type": "smtp", "host": "127.0.0.1", "port": server.server_address[1], "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps(connection))
        notify("failure", NAMED, "rows < 3 & more")
        server.shutdown()
        thread.join()
    (letter,) = server.letters
    assert (letter["To"], letter["Subject"]) == ("oncall@example.com", "Afterbell: failure, session 2016-06-30")
    assert "rows &lt; 3 &amp; more" in letter.get_body(("html",)).get_content()


def test_a_failed_task_tells_its_own_message(hook, channels, monkeypatch):
    channels({"notifier": HOOK})
    connect(monkeypatch, hook.address)
    task = SimpleNamespace(task_id="validate", run=RUN)
    task_failed({
        "exception": RuntimeError("step 'validate' failed: ValidationFailedError: rows"),
        "task": task,
        "dag": SimpleNamespace(dag_id="daily_retraining"),
    })  # fmt: skip
    (body,) = hook.notices
    assert (body["step"], body["run_id"]) == ("validate", RUN["run_id"])
    assert body["message"] == "step 'validate' failed: ValidationFailedError: rows"


@pytest.mark.parametrize(("reason", "count"), [("task_failure", 0), ("timed_out", 1)])
def test_a_failed_run_tells_what_no_task_has_told(hook, channels, monkeypatch, reason, count):
    channels({"notifier": HOOK})
    connect(monkeypatch, hook.address)
    run_failed({"reason": reason, "run_id": "manual__1", "dag": SimpleNamespace(dag_id="d", task_ids=[])})
    assert len(hook.notices) == count


EXPERIMENT = RUN | {"run_id": "experiment_manual__1"}
CALLED = {
    "run_id": "manual__1",
    "dag": SimpleNamespace(dag_id="experiment", task_ids=["open_experiment"]),
    "task": SimpleNamespace(task_id="features", run=EXPERIMENT),
}


@pytest.mark.parametrize(
    ("call", "page"),
    [
        (lambda: task_failed(CALLED | {"exception": RuntimeError("x")}), "/tasks/features"),
        (lambda: run_failed(CALLED | {"reason": "timed_out"}), ""),
        (lambda: run_succeeded(CALLED), ""),
    ],
    ids=["a task failed", "the run failed", "the run succeeded"],
)
def test_people_are_led_to_a_run_by_airflows_own_id(hook, channels, monkeypatch, call, page):
    channels({"notifier": HOOK})
    connect(monkeypatch, hook.address)
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "http://a")
    call()
    (body,) = hook.notices
    assert body["run_id"] == "manual__1"
    assert body["link"] == f"http://a/dags/experiment/runs/manual__1{page}"


def test_a_missed_deadline_is_told_from_the_triggerer(hook, channels, monkeypatch):
    channels({"notifier": HOOK})
    connect(monkeypatch, hook.address)
    found = {
        "dag_run": {
            "dag_id": "daily_retraining", "dag_run_id": RUN["run_id"], "conf": {},
            "data_interval_start": "2016-06-30T00:00:00Z",
        },
        "deadline": {"id": "1", "deadline_time": "2016-06-30T22:00:00+00:00"},
    }  # fmt: skip
    asyncio.run(deadline_missed(context=found))
    (body,) = hook.notices
    assert (body["kind"], body["session"], body["deadline"]) == ("deadline_missed", "2016-06-30", RUN["deadline"])
    assert "its deadline has passed" in body["text"]


def test_other_triggers_go_on_while_a_channel_hangs(hook, channels, monkeypatch):
    channels({"notifier": HOOK})
    connect(monkeypatch, hook.address)
    monkeypatch.setattr(notices, "_SEND", LONG)
    hook.hold.clear()

    async def both():
        alert = asyncio.create_task(deadline_missed(context={"dag_run": {"dag_run_id": "r"}}))
        await asyncio.to_thread(hook.arrived.wait, LONG)
        running = not alert.done()
        hook.hold.set()
        await alert
        return running

    assert asyncio.run(both())


def test_the_run_is_found_wherever_a_callback_is_called():
    asked = []
    ti = SimpleNamespace(xcom_pull=lambda task_ids: asked.append(task_ids) or RUN)
    dag = SimpleNamespace(task_ids=["await_drops", "open_backfill"])
    assert run_of({"task": SimpleNamespace(run=RUN)}) == NAMED
    # After the loss of a worker the field is not rendered: it still holds the reference.
    assert run_of({"task": SimpleNamespace(run=object()), "ti": ti, "dag": dag}) == NAMED
    assert asked == ["open_backfill"]
    # Where results can't be had at all, Airflow's own record of the run has to do.
    broken = SimpleNamespace(xcom_pull=lambda **_: 1 / 0)
    record = SimpleNamespace(conf=None, data_interval_start="2016-06-30T00:00:00+00:00", run_type="scheduled")
    assert run_of({"ti": broken, "dag": dag, "dag_run": record, "run_id": "r"}) == NoticeRun(
        run_id="r", session="2016-06-30", origin="scheduled"
    )
    assert run_of({"run_id": "r", "params": {"session": "2016-06-30"}}).session == "2016-06-30"


@pytest.mark.parametrize(
    ("results", "kind", "said"),
    [
        ({"publish": {"release_id": "R", "moved": True}}, "success", "published: R serves"),
        ({"publish": {"release_id": "R", "reason": "keep: worse"}}, "success", "champion kept, R serves; keep: worse"),
        ({"publish": {"release_id": "R", "reason": "hold: late"}}, "held", "champion kept, R serves; hold: late"),
        (
            {"publish": {"release_id": "R", "moved": True}, "train": {"left_out": ["ridge"]}},
            "success", "published: R serves; left out: ridge",
        ),
        ({"maintain": {}}, "success", "the run is done"),
    ],
)  # fmt: skip
def test_the_outcome_of_a_run_says_who_serves_and_what_was_left_out(results, kind, said):
    read = {name: step_named(name).result.read(document) for name, document in results.items()}
    assert outcome(read) == (kind, said)


def test_links_are_quoted():
    assert run_link("http://a/", "d", "manual__2016-06-30T20:00:00+00:00") == (
        "http://a/dags/d/runs/manual__2016-06-30T20%3A00%3A00%2B00%3A00"
    )
    assert run_link("", "d", "r") == ""


def test_scrubbing_leaves_plain_text_alone():
    assert (
        scrub("table market.bars: expected 3 rows, found 2", ["", "zz"])
        == "table market.bars: expected 3 rows, found 2"
    )
