"""Whose agreement counts, and what the question shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from airflow.sdk.exceptions import AirflowFailException

from afterbell.airflow import approval
from afterbell.airflow.approval import AskOperator, Question, barred_by, report_link, shown
from afterbell.sla.policy import load_policy
from tests.clusters.profiles import config_with

EXPERIMENT = "0123456789abcdef"
APPROVED = {"chosen_options": ["Approve"], "params_input": {}, "responded_at": datetime(2026, 7, 1, tzinfo=UTC)}


@pytest.fixture
def config(tmp_path, monkeypatch):
    """The project's configuration, with another value of approval.not_by_requester."""

    def write(value: Any) -> None:
        folder = config_with(tmp_path / "config")
        sla = yaml.safe_load((folder / "sla.yaml").read_text()) | {"approval": {"not_by_requester": value}}
        (folder / "sla.yaml").write_text(yaml.safe_dump(sla))
        monkeypatch.setenv("AFTERBELL_CONFIG", str(folder))

    return write


def _answered(user: str | None, by: str | None = "ann") -> tuple[Any, list[Any]]:
    """What the task that asks returns for an agreement of ``user``, and the tasks that it skipped."""
    skipped: list[Any] = []
    ask = AskOperator(task_id="ask", subject="?", about={"moves": True}, patience=timedelta(hours=1))
    later = AskOperator(task_id="later", subject="?", about={}, patience=timedelta(hours=1))
    ask.set_downstream(later)
    ask.skip = lambda tasks, **_: skipped.extend(task.task_id for task in tasks)
    who = {"id": user, "name": user} if user else None
    context = {"dag_run": SimpleNamespace(triggering_user_name=by), "ti": None, "task": ask}
    return ask.execute_complete(context, APPROVED | {"responded_by_user": who}), skipped


def test_by_default_whoever_asked_may_agree():
    assert not load_policy().approval.not_by_requester
    assert _in_dag(_answered, "ann") == ({"approved_by": "ann"}, [])


def _in_dag(action: Any, *arguments: Any) -> Any:
    from airflow.sdk import DAG  # noqa: PLC0415

    with DAG("asks", schedule=None):
        return action(*arguments)


@pytest.mark.parametrize(
    ("user", "by", "answer", "skips"),
    [
        ("ann", "ann", {"approved_by": None, "barred": "ann"}, ["later"]),
        ("Ann", "ann", {"approved_by": None, "barred": "Ann"}, ["later"]),
        ("bob", "ann", {"approved_by": "bob"}, []),
        ("ann", None, {"approved_by": None, "barred": "ann"}, ["later"]),
    ],
)
def test_where_the_policy_bars_whoever_asked_their_agreement_is_a_no(config, user, by, answer, skips):
    config(True)
    assert _in_dag(_answered, user, by) == (answer, skips)


@pytest.mark.parametrize("options", [["Reject"], []])
def test_a_no_is_a_no_whoever_says_it(options):
    assert barred_by({"chosen_options": options, "responded_by_user": {"id": "ann", "name": "ann"}}, "ann") == ""
    assert barred_by({"chosen_options": ["Approve"], "responded_by_user": None}, "ann") == ""


def test_a_policy_that_can_not_be_read_lets_nobody_agree(config):
    config("sometimes")
    with pytest.raises(AirflowFailException, match=r"approval\.not_by_requester"):
        _in_dag(_answered, "bob")


def test_the_question_has_the_report_and_says_who_may_not_agree(config, monkeypatch):
    config(True)
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "http://127.0.0.1:8080/")
    monkeypatch.setattr(approval.ApprovalOperator, "execute", lambda self, _: self.body)
    about = {"moves": True, "said": "experiment try: publish", "experiment": EXPERIMENT}

    def ask() -> Any:
        asks = AskOperator(task_id="ask", subject="?", about=about, patience=timedelta(hours=1))
        return asks.execute({"dag_run": SimpleNamespace(triggering_user_name="ann"), "task": asks})

    assert _in_dag(ask).splitlines() == [
        "~~~~~~~~", "experiment try: publish", "note: ann requested it and may not approve it", "~~~~~~~~", "",
        f"[Report of the experiment](http://127.0.0.1:8080/afterbell/experiments/{EXPERIMENT}/report)",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("base", "link"),
    [
        ("https://airflow.example/sub", f"https://airflow.example/sub/afterbell/experiments/{EXPERIMENT}/report"),
        ("http://[::1]:8080", f"http://[::1]:8080/afterbell/experiments/{EXPERIMENT}/report"),
        ("", ""), ("javascript:alert(1)", ""), ("http://x/)![y](z", ""), ("http://x\n# y", ""), ("ftp://x", ""),
    ],
)  # fmt: skip
def test_a_link_is_made_of_our_own_address_alone(base, link):
    assert report_link(EXPERIMENT, base) == link


@pytest.mark.parametrize(
    "experiment", ["", None, "../champion", "0123456789ABCDEF", f"{EXPERIMENT})", f"{EXPERIMENT}\n"]
)
def test_a_link_is_made_of_an_id_alone(experiment):
    assert report_link(experiment or "", "http://127.0.0.1") == ""


def test_a_note_of_ours_is_plain_text_like_all_the_rest():
    assert shown(Question(summary="x", note="a\n~~~~~~~~\n# b")).splitlines() == [
        "~~~~~~~~", "x", "note: a -------- # b", "~~~~~~~~",
    ]  # fmt: skip
